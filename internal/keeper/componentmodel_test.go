package keeper

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// platformStep is one thing that happens to a platform and its accounts.
type platformStep struct {
	What    string
	Process int
	Wait    time.Duration
	Weather string
}

func drawPlatformStep(rt *rapid.T) platformStep {
	return platformStep{
		What: rapid.SampledFrom([]string{
			"wait", "wait", "wait", "calls", "calls", "weather", "weather", "restart", "new refresh token", "platform's tokens end",
			"good ticket", "bad ticket", "lookups fail", "lookups work", "denied", "not denied",
		}).Draw(rt, "what"),
		Process: rapid.IntRange(0, 1).Draw(rt, "process"),
		Wait: rapid.SampledFrom([]time.Duration{
			time.Second, time.Minute, 7 * time.Minute, 50 * time.Minute, 105 * time.Minute, 3 * time.Hour,
		}).Draw(rt, "wait"),
		Weather: rapid.SampledFrom([]string{"fine", "fine", "busy", "lost before", "lost after", "limit"}).Draw(rt, "weather"),
	}
}

// TestPlatformModel lets random histories happen to two processes that keep a
// platform and three accounts. WeChat gives another refresh token with every
// answer. Only durable refresh tokens are sent, and none that is empty; no account
// that did not withdraw is given up; and when all is mended everybody is served.
func TestPlatformModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		history := rapid.SliceOfN(rapid.Custom(drawPlatformStep), 8, 25).Draw(rt, "history")
		var faults []string
		synctest.Test(t, func(t *testing.T) { faults = newPlatforms(t).live(history) })
		if len(faults) > 0 {
			rt.Fatal(faults[0])
		}
	})
}

// platforms is two processes with a platform and its accounts.
type platforms struct {
	*env
	keepers [2]*Keeper
	stops   [2]func()
	tickets int
	faults  []string
}

var platformShops = []string{"hongchen", "qingshan", "baihe"}

func newPlatforms(t *testing.T) *platforms {
	w := &platforms{env: newPlatformEnv(t)}
	for _, shop := range platformShops[1:] {
		w.addAccount(shop, "agency")
	}
	w.wechat.comp.rotates, w.wechat.latency = true, 200*time.Millisecond
	for i := range w.keepers {
		w.start(i)
	}
	time.Sleep(time.Minute)
	return w
}

func (w *platforms) start(i int) {
	w.keepers[i] = w.another(fmt.Sprint("process ", i), func(o *Options) {
		o.Tick, o.Platform = 5*time.Second, durable{w.wechat, w.env}
	})
	w.stops[i] = running(w.keepers[i])
}

func (w *platforms) live(history []platformStep) []string {
	for _, s := range history {
		w.step(s)
		for _, shop := range platformShops {
			if g := w.store.row("g_" + shop); g.State == grant.NeedsOwner {
				w.faults = append(w.faults, fmt.Sprintf("%s was given up after %q: %s", shop, s.What, g.Cause))
			}
		}
	}
	w.mend()
	for i := range w.keepers {
		w.stops[i]()
	}
	return w.faults
}

// mend ends all trouble. After the longest plan everybody is served.
func (w *platforms) mend() {
	for _, what := range []string{"lookups work", "not denied", "good ticket"} {
		w.step(platformStep{What: what})
	}
	w.wechat.answer(nil)
	time.Sleep(75 * time.Minute)
	for _, shop := range platformShops {
		for _, k := range w.keepers {
			if _, err := k.Token(context.Background(), shop); err != nil {
				w.faults = append(w.faults, fmt.Sprintf("%s has no token long after all was mended: %v", shop, err))
			}
		}
	}
	if w.wechat.comp.empties > 0 {
		w.faults = append(w.faults, "an empty refresh token was sent")
	}
}

func (w *platforms) step(s platformStep) {
	all := func(f func(*account)) {
		for _, shop := range platformShops {
			w.wechat.with("wx-of-"+shop, f)
		}
	}
	switch s.What {
	case "wait":
		time.Sleep(s.Wait)
	case "calls":
		for _, shop := range platformShops {
			tok, err := w.keepers[s.Process].Token(context.Background(), shop)
			if err == nil && !time.Now().Before(tok.Expires) {
				w.faults = append(w.faults, "a token was served after its end")
			}
		}
	case "weather":
		(&world{env: w.env}).weather(s.Weather)
	case "restart":
		w.stops[s.Process]()
		w.start(s.Process)
	case "new refresh token":
		all((*account).rotate)
	case "platform's tokens end":
		w.wechat.endTokens()
	case "good ticket", "bad ticket":
		w.tickets++
		code := map[string]int{"bad ticket": 61006}[s.What]
		w.pushTicket("agency", fmt.Sprint("ticket number ", w.tickets), code)
	case "lookups fail", "lookups work":
		w.wechat.mu.Lock()
		w.wechat.comp.finding = map[string]func() error{"lookups fail": lost}[s.What]
		w.wechat.mu.Unlock()
	case "denied", "not denied":
		all(func(a *account) { a.denied = s.What == "denied" })
	}
}
