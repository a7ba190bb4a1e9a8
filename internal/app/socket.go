package app

import (
	"context"
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
