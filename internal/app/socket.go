package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// SocketURL is the base URL of requests over the admin socket. The host says
// nothing: the socket is the place.
const SocketURL = "http://admin.sock"

// SocketClient asks the server that runs on a data directory over its admin
// socket. Whoever may open the socket is the operator.
func SocketClient(data string) *http.Client {
	path := filepath.Join(data, SocketFile)
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

// mostAsked bounds what is read of an answer.
const mostAsked = 16 << 20

// Ask sends in as JSON with a client of [SocketClient] and reads the answer into out;
// both may be nil. It is for programs that are their own operators: a refusal is an
// error that repeats the answer.
func Ask(ctx context.Context, client *http.Client, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, SocketURL+path, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAsked))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: status %d: %s", method, path, resp.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
