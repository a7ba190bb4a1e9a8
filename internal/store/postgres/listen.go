package postgres

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// How long Listen waits before it connects again: twice as long each time, up to
// the last.
const (
	listenAgainFirst = 100 * time.Millisecond
	listenAgainLast  = 10 * time.Second
)

// Listen calls wake after every change that the audit log records, whoever made
// it, and whenever something may have been missed: after each new connection. It
// holds one connection of its own to the server that direct names, past any
// pooler, and takes a new one when it is lost. wake runs on the caller's goroutine
// and should only signal. Listen returns when ctx ends; log may be nil.
//
// It is a hint and no promise: whoever needs the changes looks for them now and
// then without it.
func Listen(ctx context.Context, direct secret.Value, log *slog.Logger, wake func()) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for wait := listenAgainFirst; ; wait = min(2*wait, listenAgainLast) {
		heard, err := listen(ctx, direct, wake)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if heard {
			wait = listenAgainFirst
		}
		log.WarnContext(ctx, "changes of other replicas are heard of later: listening ended, and begins again", "error", explain(err), "after", wait)
		again := time.NewTimer(wait/2 + rand.N(wait/2))
		select {
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		case <-again.C:
		}
	}
}

// listen is one connection's life. heard tells whether it listened at all.
func listen(ctx context.Context, direct secret.Value, wake func()) (heard bool, err error) {
	c, err := parse(direct)
	if err != nil {
		return false, err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // nothing is left to say to the server
	if _, err := conn.Exec(ctx, "LISTEN "+Channel); err != nil {
		return false, err
	}
	wake()
	for {
		if err := hear(ctx, conn); err != nil {
			return true, err
		}
		wake()
	}
}

// hearAgain is how long a silent connection is trusted. A server that is gone
// without a word says nothing either.
const hearAgain = 30 * time.Second

// hear waits for a notification, and asks a silent server now and then whether it
// is still there.
func hear(ctx context.Context, conn *pgx.Conn) error {
	for {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, hearAgain)
			defer cancel()
			_, err := conn.WaitForNotification(ctx)
			return err
		}()
		if err == nil || ctx.Err() != nil || conn.IsClosed() {
			return err
		}
		ping, cancel := context.WithTimeout(ctx, connectWithin)
		err = conn.Ping(ping)
		cancel()
		if err != nil {
			return err
		}
	}
}
