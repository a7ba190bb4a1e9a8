package alert_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

func openStore(t testing.TB) *sqlstore.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Now()
	if err := s.RegisterChannels(t.Context(), []notice.Route{{Channel: "log"}}, now, now.Add(-time.Hour), now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	return s
}

// die writes that so many grants died, in transactions of a thousand.
func die(t testing.TB, s *sqlstore.Store, from, n int) {
	t.Helper()
	for begin := from; begin < from+n; begin += 1000 {
		e := grant.Effects{At: time.Now()}
		for i := begin; i < min(begin+1000, from+n); i++ {
			e.Notices = append(e.Notices, notice.Notice{At: e.At, Kind: notice.GrantStopped, Subject: fmt.Sprintf("grant:g_%d", i),
				Details: map[string]string{"kind": "isv", "app": "many", "cause": "app_secret"}})
		}
		if err := s.Revoke(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// messages claims what the log is owed.
func messages(t testing.TB, s *sqlstore.Store) (all []notice.Message) {
	t.Helper()
	now := time.Now()
	c, err := s.ClaimDeliveries(t.Context(), notice.Request{Channel: "log", Owner: "test", Now: now, For: time.Second, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	done := notice.Settlement{Channel: "log", Term: c.Term, At: now}
	for _, i := range c.Items {
		all = append(all, i.Message)
		done.Results = append(done.Results, notice.Result{ID: i.ID, From: i.Attempt, Attempt: i.Attempt + 1, State: notice.Sent})
	}
	if err := s.SettleDeliveries(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	return all
}

func run(t *testing.T, o alert.Options) (stop func()) {
	t.Helper()
	o.Policy = alert.Policy{Rules: alert.Defaults()}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { alert.New(o).Run(ctx) })
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

// TestManyServersTellAStormOnce: within five seconds, by whichever server, and what
// comes after is counted.
func TestManyServersTellAStormOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		told := make(chan struct{}, 100)
		for i := range 3 {
			run(t, alert.Options{Store: s, Owner: fmt.Sprint("r_", i), Told: func() { told <- struct{}{} }})
		}
		die(t, s, 0, 400)
		time.Sleep(4 * time.Second)
		die(t, s, 400, 100)
		time.Sleep(10 * time.Second)
		got := messages(t, s)
		if len(got) != 1 || got[0].Count != 400 || got[0].Phase != notice.Raised || len(told) != 1 {
			t.Fatalf("told %+v, %d times", got, len(told))
		}
		a, err := s.Alert(t.Context(), got[0].Alert)
		if err != nil || a.Count != 500 || a.Members != 500 {
			t.Errorf("the alert is %+v, %v", a, err)
		}
	})
}

// crashing is a store whose server dies before a plan is written, or after.
type crashing struct {
	*sqlstore.Store
	landed bool
	left   int
}

func (c *crashing) Fold(ctx context.Context, owner string, term int64, now time.Time, p notice.Plan) error {
	if c.left--; c.left < 0 {
		return c.Store.Fold(ctx, owner, term, now, p)
	}
	if c.landed {
		if err := c.Store.Fold(ctx, owner, term, now, p); err != nil {
			return err
		}
	}
	return context.DeadlineExceeded
}

// TestACrashBetweenReadingAndWriting: another server goes on after the lease, and
// nothing is told twice or lost.
func TestACrashBetweenReadingAndWriting(t *testing.T) {
	for name, landed := range map[string]bool{"failed": false, "failed but landed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openStore(t)
				die(t, s, 0, 5)
				stop := run(t, alert.Options{Store: &crashing{Store: s, landed: landed, left: 1000}, Owner: "r_1"})
				time.Sleep(500 * time.Millisecond)
				stop()
				run(t, alert.Options{Store: s, Owner: "r_2"})
				time.Sleep(time.Minute)
				if got := messages(t, s); len(got) != 1 || got[0].Count != 5 {
					t.Errorf("told %+v", got)
				}
			})
		})
	}
}

// TestAStoreThatIsDownForAWhile: what was written meanwhile is told.
func TestAStoreThatIsDownForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		run(t, alert.Options{Store: &crashing{Store: s, left: 20}, Owner: "r_1"})
		die(t, s, 0, 5)
		time.Sleep(40 * time.Second)
		if got := messages(t, s); len(got) != 1 || got[0].Count != 5 {
			t.Errorf("told %+v", got)
		}
	})
}

// TestTheEndOfAGrantsAlert: a grant that is gone holds no alert open.
func TestTheEndOfAGrantsAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		run(t, alert.Options{Store: s, Owner: "r_1"})
		die(t, s, 0, 2)
		time.Sleep(5 * time.Second)
		messages(t, s)
		time.Sleep(2 * time.Minute)
		if got := messages(t, s); len(got) != 1 || got[0].Phase != notice.Over || got[0].About != notice.GrantStopped || got[0].Notice.Kind != notice.AlertOver {
			t.Errorf("told %+v", got)
		}
	})
}

// BenchmarkStorm folds a hundred thousand grants that die at once.
func BenchmarkStorm(b *testing.B) {
	const storm = 100_000
	s := openStore(b)
	e := alert.New(alert.Options{Store: s, Owner: "r_1", Policy: alert.Policy{Rules: alert.Defaults()}})
	var folding time.Duration
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		die(b, s, n*storm, storm)
		b.StartTimer()
		begin := time.Now()
		for more := true; more; {
			var err error
			if more, err = e.Step(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		folding += time.Since(begin)
	}
	b.ReportMetric(float64(b.N*storm)/folding.Seconds(), "facts/s")
}
