package alert_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// holder remembers what is held.
type holder struct {
	down bool
	said []notice.Holding
}

func (h *holder) HoldCondition(_ context.Context, x notice.Holding, _ time.Time) error {
	if h.down {
		return errors.New("the store is down")
	}
	h.said = append(h.said, x)
	return nil
}

// office is a server that counts, under a clock of its own.
type office struct {
	t     *testing.T
	now   time.Time
	rates *alert.Rates
	held  *holder
	watch *alert.Watch
}

func newOffice(t *testing.T, checks ...alert.Check) *office {
	o := &office{t: t, now: start, held: &holder{}}
	clock := func() time.Time { return o.now }
	o.rates = alert.NewRates(alert.Defaults(), clock)
	o.watch = alert.NewWatch(alert.WatchOptions{Store: o.held, Server: "r_1", Rules: alert.Defaults(), Rates: o.rates, Checks: checks, Now: clock})
	return o
}

// pass lets time pass, while so many things happen every five seconds.
func (o *office) pass(d time.Duration, k notice.Kind, good, bad int) {
	for range d / (5 * time.Second) {
		for range good {
			o.rates.Count(k, "many", false)
		}
		for range bad {
			o.rates.Count(k, "many", true)
		}
		o.now = o.now.Add(5 * time.Second)
		o.watch.Look(o.t.Context())
	}
}

// holds tells how the last holding was, and how many there were.
func (o *office) holds(wrong bool, atLeast int) {
	o.t.Helper()
	if n := len(o.held.said); n < atLeast || n > 0 && o.held.said[n-1].Wrong != wrong || n == 0 && wrong {
		o.t.Errorf("held %d times: %+v; want the last to be %v", n, o.held.said, wrong)
	}
}

func TestARateThatIsBadIsHeldRenewedAndLetGo(t *testing.T) {
	o := newOffice(t)
	o.pass(10*time.Minute, notice.RefreshFailing, 10, 1)
	o.holds(false, 0)
	o.pass(5*time.Minute, notice.RefreshFailing, 1, 10)
	o.holds(true, 2) // renewed
	n := o.held.said[0].Notice
	if n.Kind != notice.RefreshFailing || n.Subject != "app:many" || n.Details["app"] != "many" || n.Details["of"] == "" {
		t.Errorf("the notice is %+v", n)
	}
	o.pass(10*time.Minute, notice.RefreshFailing, 10, 0)
	o.holds(false, 3)
	before := len(o.held.said)
	o.pass(10*time.Minute, notice.RefreshFailing, 10, 0)
	if len(o.held.said) != before {
		t.Error("what is well is told again")
	}
}

func TestFewFailuresMeanNothing(t *testing.T) {
	o := newOffice(t)
	for range 9 {
		o.rates.Count(notice.LoginFailing, "", true)
	}
	o.pass(4*time.Minute, notice.LoginFailing, 0, 0)
	o.holds(false, 0)
}

func TestAShortSpikeIsNotHeld(t *testing.T) {
	o := newOffice(t)
	o.pass(5*time.Minute, notice.EndpointErrors, 20, 0)
	o.pass(10*time.Second, notice.EndpointErrors, 0, 300)
	o.pass(30*time.Second, notice.EndpointErrors, 300, 0)
	o.holds(false, 0)
}

func TestNumbersCountWithoutAShare(t *testing.T) {
	o := newOffice(t)
	for range 20 {
		o.rates.Count(notice.CallbackRefused, "", true)
	}
	o.pass(5*time.Second, notice.CallbackRefused, 1000, 0)
	o.holds(true, 1)
	o.pass(10*time.Minute, notice.CallbackRefused, 0, 0)
	o.holds(false, 2)
}

func TestAStoreThatIsDownHearsItLater(t *testing.T) {
	o := newOffice(t)
	o.held.down = true
	o.pass(5*time.Minute, notice.PushRefused, 0, 10)
	o.held.down = false
	o.pass(5*time.Second, notice.PushRefused, 0, 10)
	o.holds(true, 1)
	o.held.down = true
	o.pass(10*time.Minute, notice.PushRefused, 10, 0)
	o.held.down = false
	o.pass(5*time.Second, notice.PushRefused, 10, 0)
	o.holds(false, 2)
}

func TestChecks(t *testing.T) {
	away := true
	o := newOffice(t, alert.Check{Kind: notice.WeChatAway, Subject: "wechat", Look: func() (bool, map[string]string) {
		return away, map[string]string{"cause": "no_answer"}
	}})
	o.pass(50*time.Second, notice.WeChatAway, 0, 0)
	o.holds(false, 0)
	o.pass(20*time.Second, notice.WeChatAway, 0, 0)
	o.holds(true, 1)
	away = false
	o.pass(5*time.Second, notice.WeChatAway, 0, 0)
	o.holds(false, 2)
}

// TestGroupsAreBounded: a flood of names takes no memory.
func TestGroupsAreBounded(t *testing.T) {
	o := newOffice(t)
	for i := range 10_000 {
		o.rates.Count(notice.RefreshFailing, time.Duration(i).String(), true)
	}
	if n := len(o.rates.Read()); n > 512 {
		t.Errorf("%d groups are counted", n)
	}
}

// TestCountingTakesNoMemory: every call through the gateway is counted.
func TestCountingTakesNoMemory(t *testing.T) {
	r := alert.NewRates(alert.Defaults(), nil)
	if n := testing.AllocsPerRun(100, func() { r.Count(notice.EndpointErrors, "order", false) }); n != 0 {
		t.Errorf("a count takes %v allocations", n)
	}
}

func BenchmarkCount(b *testing.B) {
	b.ReportAllocs()
	r := alert.NewRates(alert.Defaults(), nil)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Count(notice.EndpointErrors, "order", false)
		}
	})
}
