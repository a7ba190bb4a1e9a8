package speed

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/web"
)

// bareMain is the process of the bare proxy: httputil.ReverseProxy, the gateway's
// transport, buffers that are used again, and nothing else.
func bareMain() error {
	var wechat string
	if err := lines.Decode(&wechat); err != nil {
		return err
	}
	target, err := url.Parse("http://" + wechat)
	if err != nil {
		return err
	}
	transport, err := gateway.NewTransport("", gateway.EgressOptions{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Transport: transport, BufferPool: &buffers{},
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:errcheck // ends with the process
		// Without it large answers to a POST break now and then: net/http closes
		// the body when the answer begins, and the transport may still look for
		// its end.
		_ = http.NewResponseController(w).EnableFullDuplex()
		proxy.ServeHTTP(w, r)
	}))
	if err := tell(way{Address: l.Addr().String()}); err != nil {
		return err
	}
	return answerParent()
}

// buffers implements httputil.BufferPool.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[32 << 10]byte); ok {
		return p[:]
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put((*[32 << 10]byte)(p)) }

// serverMain is the process of the whole server, on a new directory, with one
// shop and one client.
func serverMain() (err error) {
	var wechat string
	if err := lines.Decode(&wechat); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "zg")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	address, data, err := startServer(ctx, dir, "http://"+wechat, os.Getenv(settingsVariable), ended)
	if err != nil {
		stop()
		return err
	}
	defer func() { stop(); err = errors.Join(err, <-ended) }()
	key, err := declare(ctx, data)
	if err != nil {
		return err
	}
	if err := tell(way{Address: address, Key: key}); err != nil {
		return err
	}
	return answerParent()
}

// startServer runs the server as the command does, its log in a file; settings are
// what the configuration's file says.
func startServer(ctx context.Context, dir, wechat, settings string, ended chan<- error) (address, data string, err error) {
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	address, data = public.Addr().String(), filepath.Join(dir, "data")
	cfg, err := config.Load(config.Source{Data: []byte(settings), Flags: map[string]string{
		"public_url": "http://" + address, "listen": address, "ops_listen": "127.0.0.1:0", "data": data,
		"wechat.open": wechat, "wechat.api": wechat, "wechat.mp": wechat, "operator.name": "测试",
	}})
	if err != nil {
		return "", "", err
	}
	file, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return "", "", err
	}
	app.KeepHeadroom()
	buffer := web.NewLogBuffer(file) // closing it is left to the end of the process
	log := slog.New(web.NewLogHandler(buffer, true, slog.LevelInfo))
	a, err := app.New(ctx, app.Options{Config: *cfg, Version: "speed", Log: log})
	if err != nil {
		return "", "", err
	}
	l, err := a.ListenOn(ctx, public)
	if err != nil {
		return "", "", errors.Join(err, a.Close())
	}
	go func() { ended <- a.Run(ctx, l) }()
	return address, data, nil
}

const shop = "lantian"

// declare makes a shop and a client over the admin socket, waits for the shop's
// token, and gives the client's key.
func declare(ctx context.Context, data string) (key string, err error) {
	admin := app.SocketClient(data)
	manifest := adminapi.Manifest{
		Tenants: []adminapi.ManifestTenant{{ID: shop, Name: "蓝天文具"}},
		Shops:   []adminapi.ManifestShop{{ID: shop, Tenant: shop, Name: "蓝天文具店", AppID: "wx00000000000000a1", Secret: "speed-secret-00000000000000000001"}},
		Clients: []adminapi.ManifestClient{{ID: "erp", Name: "ERP", Shops: []string{shop}, Mode: "write"}},
	}
	var applied adminapi.Applied
	if err := app.Ask(ctx, admin, "POST", "/v1/apply", manifest, &applied); err != nil {
		return "", err
	}
	for ctx, cancel := context.WithTimeout(ctx, 30*time.Second); ; {
		defer cancel()
		var all struct{ Items []adminapi.GrantView }
		switch err := app.Ask(ctx, admin, "GET", "/v1/grants?kind=self", nil, &all); {
		case err != nil:
			return "", err
		case len(all.Items) > 0 && all.Items[0].Generation > 0:
			return applied.Keys["erp"], nil
		case len(all.Items) > 0:
			if err := app.Ask(ctx, admin, "POST", "/v1/grants/"+all.Items[0].ID+"/kick", nil, nil); err != nil {
				return "", err
			}
		}
	}
}
