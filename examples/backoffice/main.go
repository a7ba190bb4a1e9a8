// Command backoffice is a small back office without any login of its own: orders,
// a form that ships one, a page for owners, a clock that ticks. It stands for the
// programs that people already have. Whoever stands in front of it decides who may
// come in and tells it in headers who they are.
//
//	go run ./examples/backoffice -listen 127.0.0.1:3000 -zhanggui https://login.example.com -origin https://erp.example.com
//
// It believes X-Zhanggui-Person and the like, so nobody may reach it but the proxy.
// The page /signed needs no such belief: it verifies the signed assertion.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and says to out where.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("backoffice", flag.ContinueOnError)
	flags.SetOutput(out)
	listen := flags.String("listen", "127.0.0.1:3000", "`address` to listen on; keep it away from everybody but the proxy")
	issuer := flags.String("zhanggui", "http://localhost:8080", "public `URL` of the Zhanggui server, for /signed")
	origin := flags.String("origin", "http://erp.localhost:8081", "`origin` under which people see this back office, for /signed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -listen", err)
	}
	if _, err := fmt.Fprintf(out, "backoffice: http://%s\n", l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: New(NewVerifier(*issuer, *origin)), ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
