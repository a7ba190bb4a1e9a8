package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// remote is how most commands reach the running server: over its admin socket,
// or from elsewhere with ZHANGGUI_URL and ZHANGGUI_KEY.
type remote struct {
	Data string       `help:"Data directory of the running server." default:"./zhanggui-data" env:"ZHANGGUI_DATA" type:"path"`
	URL  string       `help:"Public URL of a server elsewhere; needs an administrator's key." env:"ZHANGGUI_URL"`
	Key  secret.Value `help:"Administrator's key, for --url." env:"ZHANGGUI_KEY" hidden:""`
	JSON bool         `help:"Print JSON for programs."`
}

// maxAnswer bounds what is read of the server's answer.
const maxAnswer = 64 << 20

func (r remote) client() (*http.Client, string) {
	if r.URL != "" {
		return &http.Client{Timeout: time.Minute}, strings.TrimRight(r.URL, "/")
	}
	return app.SocketClient(r.Data), app.SocketURL
}

// do sends in as JSON and decodes the answer into out; both may be nil.
func (r remote) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	resp, err := r.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("the server's answer broke off; look whether the change was made, then repeat: %w", err)
	}
	if resp.StatusCode >= 300 {
		return problemOf(resp, answer)
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the server's answer is not what this version expects; use a command of the server's version: %w", err)
	}
	return nil
}

func (r remote) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	return r.sendAs(ctx, method, path, "application/json", body)
}

// sendAs is send for a body of any kind.
func (r remote) sendAs(ctx context.Context, method, path, kind string, body io.Reader) (*http.Response, error) {
	client, base := r.client()
	req, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return nil, &usageError{"the server's URL does not parse; check ZHANGGUI_URL"}
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if r.URL != "" {
		if r.Key.IsZero() {
			return nil, &usageError{"a server elsewhere needs a key in ZHANGGUI_KEY: an administrator's, or for call a client's"}
		}
		req.Header.Set("Authorization", "Bearer "+r.Key.RevealString())
	}
	resp, err := client.Do(req)
	if errors.Is(err, os.ErrNotExist) || isRefused(err) {
		return nil, fmt.Errorf("no server answers at %s; start it with `zhanggui serve --data %s`, or name another directory with --data", r.where(), r.Data)
	}
	return resp, secret.Scrub(err)
}

func isRefused(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

func (r remote) where() string {
	if r.URL != "" {
		return r.URL
	}
	return filepath.Join(r.Data, app.SocketFile)
}

// problemOf reads a problem document.
func problemOf(resp *http.Response, body []byte) error {
	var p struct {
		Title, Detail, Cause, Next string
		Problems                   []string
	}
	if json.Unmarshal(body, &p) != nil || p.Title == "" {
		return fmt.Errorf("the server answered %s without words; check the address, and look into the server's log", resp.Status)
	}
	var msg strings.Builder
	msg.WriteString(p.Title)
	if p.Cause != "" {
		p.Detail = p.Cause // without the next step, which follows
	}
	for _, more := range append([]string{p.Detail, p.Next}, p.Problems...) {
		if more != "" {
			msg.WriteString("\n  " + more)
		}
	}
	return errors.New(msg.String())
}
