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

// outage is one thing that happens in a history of many shops and an unsteady
// WeChat.
type outage struct {
	What    string
	Process int
	Wait    time.Duration
	Weather string
}

func drawOutage(rt *rapid.T) outage {
	return outage{
		What:    rapid.SampledFrom([]string{"wait", "wait", "weather", "weather", "calls", "restart", "kick"}).Draw(rt, "what"),
		Process: rapid.IntRange(0, 2).Draw(rt, "process"),
		Wait:    time.Duration(rapid.Int64Range(0, int64(40*time.Minute)).Draw(rt, "wait")),
		Weather: rapid.SampledFrom([]string{"fine", "fine", "not sent", "lost before", "lost after", "busy", "limit"}).Draw(rt, "weather"),
	}
}

// TestOutageModel lets random outages happen to three processes with many
// shops. While WeChat is gone each process asks no more than its gate lets
// through; when all is mended every shop has a valid token within the longest
// plan, and no token is served after its end.
func TestOutageModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		history := rapid.SliceOfN(rapid.Custom(drawOutage), 3, 20).Draw(rt, "history")
		var faults []string
		synctest.Test(t, func(t *testing.T) { faults = newOutages(t).live(history) })
		if len(faults) > 0 {
			rt.Fatal(faults[0])
		}
	})
}

const outageShops = 30

// outages is three processes with many shops.
type outages struct {
	*env
	keepers []*Keeper
	stops   []func()
	faults  []string
}

func newOutages(t testing.TB) *outages {
	w := &outages{env: manyShops(t, outageShops-1)}
	w.env.wechat.latency = 100 * time.Millisecond
	for i := range 3 {
		w.keepers, w.stops = append(w.keepers, nil), append(w.stops, nil)
		w.start(i)
	}
	return w
}

func (w *outages) start(i int) {
	w.keepers[i] = w.another(fmt.Sprint("process ", i), func(o *Options) { o.Tick = 5 * time.Second })
	w.stops[i] = running(w.keepers[i])
}

func (w *outages) live(history []outage) []string {
	for _, o := range history {
		w.step(o)
	}
	w.env.wechat.answer(nil)
	time.Sleep(20 * time.Minute) // the longest plan of a grant that only waited
	for id := range w.store.grants {
		g := w.store.row(id)
		if g.State != grant.Active || g.Attempt != 0 || !time.Now().Before(g.Tokens.AccessExpires) {
			w.note("%s long after everything was mended: %s, cause %q, attempt %d", id, g.State, g.Cause, g.Attempt)
		}
	}
	for i, stop := range w.stops {
		if h := w.keepers[i].Health(); h.Degraded() {
			w.note("process %d is still degraded: %+v", i, h)
		}
		stop()
	}
	return w.faults
}

func (w *outages) note(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func (w *outages) step(o outage) {
	switch o.What {
	case "wait":
		time.Sleep(o.Wait)
	case "weather":
		w.weather(o.Weather)
	case "calls":
		w.calls(o.Process)
	case "restart":
		w.stops[o.Process]()
		w.start(o.Process)
	case "kick":
		for id := range w.store.grants {
			w.keepers[o.Process].Kick(id)
		}
		time.Sleep(time.Second)
	}
}

// weather changes it, and watches half an hour of an outage.
func (w *outages) weather(kind string) {
	(&world{env: w.env}).weather(kind)
	if kind == "fine" || kind == "limit" {
		return
	}
	time.Sleep(5 * time.Minute) // until every gate that has something to do is shut
	before := w.env.wechat.asked()
	time.Sleep(25 * time.Minute)
	// Each gate lets one through every 15 to 30 seconds; before it shuts some
	// grants fail by themselves, each at most as often as its own plan says.
	if n := w.env.wechat.asked() - before; n > 3*(25*4+2*outageShops) {
		w.note("%d requests in 25 minutes of %q", n, kind)
	}
}

// calls has a caller want every shop's token.
func (w *outages) calls(process int) {
	for id := range w.store.grants {
		tok, err := w.keepers[process].Token(context.Background(), w.store.row(id).ShopID)
		if err == nil && !time.Now().Before(tok.Expires) {
			w.note("%s was served after its end", id)
		}
	}
}
