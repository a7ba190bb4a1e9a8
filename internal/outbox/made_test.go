package outbox_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// made is a Source that the test changes.
type made struct {
	mu  sync.Mutex
	all []outbox.Made
	err error
	// routes are of channels by name, as the next set gives them.
	routes map[string]notice.Route
}

func (m *made) Channels(context.Context) ([]outbox.Made, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.all), m.err
}

func (m *made) set(err error, all ...outbox.Channel) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all, m.err = nil, err
	for _, c := range all {
		m.all = append(m.all, outbox.Made{Channel: c, Route: m.routes[c.Name()]})
	}
}

// TestMadeChannelsAreTakenUp within seconds, are used while they cannot be read, and
// are let go of.
func TestMadeChannelsAreTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m, ops := openStore(t), &made{}, &hook{name: "ops"}
		b := run(t, outbox.Options{Store: s, Channels: []outbox.Channel{&hook{name: "log"}}, Made: m})
		defer b()
		time.Sleep(5 * time.Second)
		declared := access.Channel{Name: "ops", Kind: access.WeCom, Version: 1, CreatedAt: time.Now()}
		if err := s.Declare(t.Context(), access.Declaration{At: time.Now(), Channels: []access.Channel{declared}}, audit.Entry{At: time.Now(), Action: "setup.apply"}); err != nil {
			t.Fatal(err)
		}
		m.set(nil, ops)
		tell(t, s, "grant:g_1")
		time.Sleep(5 * time.Second)
		m.set(errors.New("away"))
		tell(t, s, "grant:g_2")
		time.Sleep(10 * time.Second)
		if got := ops.seen(); !slices.Equal(got, []string{"grant:g_1", "grant:g_2"}) {
			t.Errorf("it got %q", got)
		}
		m.set(nil)
		time.Sleep(5 * time.Second)
		tell(t, s, "grant:g_3")
		time.Sleep(10 * time.Second)
		if got := ops.seen(); len(got) != 2 {
			t.Errorf("removed, it got %q", got)
		}
	})
}

// paced is a channel that takes one message a minute.
type paced struct {
	hook
	last time.Time
}

func (p *paced) Wait() time.Duration { return max(0, time.Until(p.last.Add(time.Minute))) }

func (p *paced) Send(ctx context.Context, m outbox.Message) webhook.Outcome {
	p.last = time.Now()
	return p.hook.Send(ctx, m)
}

// TestARateCostsNoAttempt: what waits for its turn is sent at the first attempt.
func TestARateCostsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, slow := openStore(t), &paced{hook: hook{name: "slow"}}
		run(t, outbox.Options{Store: s, Channels: []outbox.Channel{slow}})
		time.Sleep(5 * time.Second)
		tell(t, s, "grant:g_1", "grant:g_2", "grant:g_3")
		time.Sleep(150 * time.Second)
		if got := slow.seen(); !slices.Equal(got, []string{"grant:g_1", "grant:g_2", "grant:g_3"}) {
			t.Errorf("it got %q", got)
		}
		_, since := slow.times()
		for i, at := range since {
			if least := time.Duration(i) * time.Minute; at < least || at > least+10*time.Second {
				t.Errorf("message %d after %v", i, at)
			}
		}
		all, err := s.Notices(t.Context(), false, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if d := r.Deliveries[0]; d.Attempt != 1 || d.State != notice.Sent {
				t.Errorf("delivery %+v", d)
			}
		}
	})
}

// TestAFailingChannelIsToldOfOnTheOthers, once, and its recovery too.
func TestAFailingChannelIsToldOfOnTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log, ill := openStore(t), &hook{name: "log"}, &hook{name: "ill"}
		var mu sync.Mutex
		well := false
		ill.say = func(int, outbox.Message) webhook.Outcome {
			mu.Lock()
			defer mu.Unlock()
			if well {
				return webhook.Outcome{}
			}
			return webhook.Outcome{Verdict: webhook.Later, Reason: "answered 500"}
		}
		run(t, outbox.Options{Store: s, Channels: []outbox.Channel{log, ill}})
		time.Sleep(5 * time.Second)
		tell(t, s, "grant:g_1")
		time.Sleep(9 * time.Minute)
		storetest.TellEach(t, s, time.Now())
		time.Sleep(10 * time.Second)
		if got := log.seen(); !slices.Equal(got, []string{"grant:g_1"}) {
			t.Errorf("after nine minutes the log got %q", got)
		}
		time.Sleep(2 * time.Minute)
		storetest.TellEach(t, s, time.Now())
		time.Sleep(10 * time.Second)
		if got := log.seen(); !slices.Equal(got, []string{"grant:g_1", "channel:ill"}) {
			t.Errorf("after eleven minutes the log got %q", got)
		}
		mu.Lock()
		well = true
		mu.Unlock()
		time.Sleep(15 * time.Minute)
		storetest.TellEach(t, s, time.Now())
		time.Sleep(10 * time.Second)
		if got := log.seen(); !slices.Equal(got, []string{"grant:g_1", "channel:ill", "channel:ill"}) {
			t.Errorf("recovered, the log got %q", got)
		}
		if got := ill.seen(); slices.Contains(got, "channel:ill") {
			t.Errorf("the channel heard of itself: %q", got)
		}
	})
}
