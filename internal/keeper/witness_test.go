package keeper

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// court remembers deaths.
type court struct {
	mu     sync.Mutex
	deaths []grant.Death
}

func (c *court) Died(d grant.Death) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaths = append(c.deaths, d)
}

func (c *court) heard() []grant.Death {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deaths
}

// force is another program that forces a refresh.
func (w *fakeWeChat) stranger(t *testing.T) {
	t.Helper()
	if _, err := w.Stable(t.Context(), access.App{ID: "app-lantian"}, secretOf("app-secret-app-lantian"), true); err != nil {
		t.Fatal(err)
	}
}

// TestWitness: a death is told once, with what is known of it.
func TestWitness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &court{}
		e := newEnv(t, func(o *Options) { o.Witness = c })
		stop := running(e.Keeper)
		defer stop()
		tok := e.must()
		settled := time.Now()
		time.Sleep(40 * time.Minute)
		e.wechat.stranger(t)
		minted := time.Now()
		time.Sleep(10 * time.Minute)
		if _, err := e.Report(t.Context(), complaint(tok.Generation, 40001)); err != nil {
			t.Fatal(err)
		}
		deaths := c.heard()
		if len(deaths) != 1 {
			t.Fatalf("%d deaths", len(deaths))
		}
		d := deaths[0]
		if !d.Probed || d.Same || d.Generation != tok.Generation || d.Quiet.Sub(settled).Abs() > time.Minute || !d.Begin.After(minted) {
			t.Errorf("death: %+v", d)
		}
		if at := d.Asked.Add(d.Life - 2*time.Hour); at.Sub(minted).Abs() > 2*time.Second || d.Full != 2*time.Hour {
			t.Errorf("minted at %v, found %v; full life %v", minted, at, d.Full)
		}
		time.Sleep(12 * time.Hour)
		if n := len(c.heard()); n != 1 {
			t.Errorf("%d deaths in a peaceful day", n)
		}
	})
}

// TestWitnessIsNotCalledForNothing: renewals, complaints about other things and tokens at
// their end are no deaths.
func TestWitnessIsNotCalledForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &court{}
		e := newEnv(t, func(o *Options) { o.Witness = c })
		stop := running(e.Keeper)
		defer stop()
		for range 48 {
			tok := e.must()
			_, _ = e.Report(t.Context(), complaint(tok.Generation, 40001)) // a path that refuses every token
			_, _ = e.Report(t.Context(), complaint(tok.Generation, 48001))
			time.Sleep(31 * time.Minute)
		}
		if got := c.heard(); len(got) != 0 {
			t.Errorf("told of %+v", got)
		}
	})
}

// TestWitnessHearsOfAQuietShop: without any caller the renewal itself finds another
// token only when it is due; then nothing can be said, and nothing is.
func TestWitnessHearsOfAQuietShop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &court{}
		e := newEnv(t, func(o *Options) { o.Witness = c })
		stop := running(e.Keeper)
		defer stop()
		e.must()
		time.Sleep(30 * time.Minute)
		e.wechat.stranger(t)
		time.Sleep(5 * time.Minute)
		e.Kick("g_lantian")
		time.Sleep(time.Minute)
		got := c.heard()
		if len(got) != 1 || got[0].Probed || got[0].Same {
			t.Errorf("told of %+v", got)
		}
	})
}
