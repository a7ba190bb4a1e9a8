package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/standby"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
)

// whole tells whether the App has its database, if not at this moment.
func (a *App) whole() bool { return a.replica == nil || a.replica.isWhole() }

// Alone tells whether the App began without its database, and has not opened it yet.
func (a *App) Alone() bool { return !a.whole() }

// check is nil while the database answers, else an outage.Error, for whoever cannot
// do without the database.
func (r *replica) check() error {
	if r == nil {
		return nil
	}
	return r.reads.Check()
}

// needDatabase keeps requests that need the database from waiting for one that is
// away. Programs are answered as programs, people with a page.
func (a *App) needDatabase(next http.Handler) http.Handler {
	if a.replica == nil {
		return next
	}
	refuse := func(http.ResponseWriter, *http.Request) error { return a.replica.check() }
	machine, person := web.Machine(refuse), a.page(refuse)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/static/") || a.replica.check() == nil:
			next.ServeHTTP(w, r)
		case r.URL.Path == "/v1" || strings.HasPrefix(r.URL.Path, "/v1/"):
			machine.ServeHTTP(w, r)
		default:
			person.ServeHTTP(w, r)
		}
	})
}

// lagShown is how old the newest view of the log may be before that is said.
const lagShown = 5 * time.Second

// troubles gives what is degraded, and whether calls can be served.
func (r *replica) troubles() (said []string, ready bool) {
	if r == nil {
		return nil, true
	}
	o, down := r.reads.Outage(false)
	if down {
		said = append(said, outageInWords(o))
	}
	if trouble := r.a.sessions.Trouble(); trouble != "" {
		said = append(said, trouble)
	}
	if !r.isWhole() {
		return said, o.Why == nil
	}
	if lag, ok := r.feed.Lag(); ok && lag > lagShown && !down {
		said = append(said, "changes of other replicas are heard "+lag.Round(time.Second).String()+" late")
	}
	if r.copy != nil {
		if _, err := r.copy.State(); err != nil {
			said = append(said, "standby.db cannot be written and would not serve in an outage; check the disk")
		}
	}
	return said, !down || o.Why == nil
}

func outageInWords(o standby.Outage) string {
	const clock = "15:04:05Z"
	said := "the database does not answer since " + o.Since.UTC().Format(clock) + "; "
	if o.Why != nil {
		return said + "calls are not served: " + o.Why.Error()
	}
	return said + "calls are served from standby.db until " + o.Until.UTC().Format(clock)
}

// run follows the others until ctx ends. It returns at once.
func (r *replica) run(ctx context.Context, wg *sync.WaitGroup) {
	if r == nil {
		return
	}
	wg.Go(func() { r.feed.Run(ctx) })
	if r.copy != nil {
		wg.Go(func() { r.copy.Run(ctx) })
	}
	if direct := r.a.o.Config.DatabaseDirect; !direct.IsZero() {
		wg.Go(func() { _ = postgres.Listen(ctx, direct, r.a.o.Log, r.feed.Wake) }) // its error is the end of ctx
	}
}

// tryEvery is how often a server that began without the database looks for it,
// up to twice as long, so that many replicas do not come back in one moment.
const tryEvery = time.Second

// becomeWhole opens the database as soon as it answers. It reports false when ctx
// ended before that.
func (r *replica) becomeWhole(ctx context.Context) bool {
	if r == nil || r.isWhole() {
		return true
	}
	said := ""
	for {
		t := time.NewTimer(tryEvery + rand.N(tryEvery))
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-t.C:
		}
		err := r.openNow(ctx)
		if err == nil {
			r.a.o.Log.InfoContext(ctx, "the database is open; this server is whole")
			return true
		}
		if ctx.Err() == nil && err.Error() != said && !postgres.Unreachable(err) {
			said = err.Error()
			r.a.o.Log.ErrorContext(ctx, "the database answers and cannot be opened; this server serves calls from standby.db as long as it may", "error", err)
		}
	}
}

// openNow does what a start with the database does.
func (r *replica) openNow(ctx context.Context) error {
	a := r.a
	if err := a.store.postgres.Ready(ctx); err != nil {
		return err
	}
	if err := r.reloadNow(); err != nil {
		return err
	}
	if err := a.shareClock(ctx); err != nil {
		return err
	}
	if a.heads == nil { // else an earlier try came so far
		heads, err := openHeads(ctx, a.o.Config.Data, a.store.database, a.o.Now, a.o.Log)
		if err != nil {
			return err
		}
		a.heads = heads
	}
	if err := a.examine(ctx); err != nil {
		return err
	}
	if err := r.follow(ctx); err != nil {
		return err
	}
	close(r.whole)
	return nil
}

// reloadTimeout bounds one reading of the keyset.
const reloadTimeout = 3 * time.Second

// reloadNow reads the keyset as it is stored now.
func (r *replica) reloadNow() error {
	ctx, cancel := context.WithTimeout(context.Background(), reloadTimeout)
	defer cancel()
	wrapped, ok, err := r.a.store.Keyset(ctx)
	if err != nil || !ok {
		return err
	}
	return r.a.vault.Reload(ctx, wrapped)
}

// reloadKeys reads the keyset after another replica changed it. A master key of
// another name was given to the database by an operator; this process goes on with
// what it has, and starts only with the new one.
func (r *replica) reloadKeys(ctx context.Context) error {
	err := r.reloadNow()
	if _, other := errors.AsType[*vault.WrongKeyError](err); other {
		r.a.o.Log.ErrorContext(ctx, "the keyset was wrapped with another master key; give it to this replica before its next start", "error", err)
		return nil
	}
	return err
}

// meter registers what there is to see of a replica.
func (r *replica) meter(m prometheus.Registerer) {
	if r == nil {
		return
	}
	gauge := func(name, help string, value func() float64) {
		m.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("zhanggui_feed_lag_seconds", "Age of the newest complete view of what other replicas changed.", func() float64 {
		if !r.isWhole() {
			return 0
		}
		lag, _ := r.feed.Lag()
		return lag.Seconds()
	})
	gauge("zhanggui_database_down", "1 while the database does not answer.", func() float64 {
		if _, down := r.reads.Outage(false); down {
			return 1
		}
		return 0
	})
	if r.file == nil {
		return
	}
	gauge("zhanggui_standby_left_seconds", "How long standby.db could serve every shop from now on without the database.", func() float64 {
		s, err := r.fileState()
		if err != nil || !s.Complete {
			return 0
		}
		return max(0, s.Contact.Add(standby.Grace).Sub(r.a.o.Now()).Seconds())
	})
}
