package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/store/sqlitetest"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// hook is a channel that answers as told, and remembers.
type hook struct {
	name string
	mu   sync.Mutex
	got  []string // subjects
	ids  []string
	at   []time.Time
	say  func(n int, m outbox.Message) webhook.Outcome // n: attempts so far
	hold func(ctx context.Context)
	now  func() time.Time // nil: time.Now
}

func (h *hook) Name() string { return h.name }

func (h *hook) Send(ctx context.Context, m outbox.Message) webhook.Outcome {
	h.mu.Lock()
	now := time.Now
	if h.now != nil {
		now = h.now
	}
	h.got, h.ids, h.at = append(h.got, m.Notice.Subject), append(h.ids, m.ID), append(h.at, now())
	n, say, hold := len(h.got), h.say, h.hold
	h.mu.Unlock()
	if hold != nil {
		hold(ctx)
	}
	if ctx.Err() != nil {
		return webhook.Outcome{Verdict: webhook.Later, Reason: "no answer in time"}
	}
	if say != nil {
		return say(n, m)
	}
	return webhook.Outcome{}
}

func (h *hook) seen() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

func (h *hook) times() (ids []string, since []time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, at := range h.at {
		since = append(since, at.Sub(h.at[0]))
	}
	return slices.Clone(h.ids), since
}

// leaps is a clock that leaps ahead, so that days pass in a few ticks.
type leaps struct{ ahead atomic.Int64 }

func (l *leaps) now() time.Time { return time.Now().Add(time.Duration(l.ahead.Load())) }

// pass lets d pass in leaps of step, with a few ticks after each.
func (l *leaps) pass(d, step time.Duration) {
	for range d / step {
		l.ahead.Add(int64(step))
		time.Sleep(5 * time.Second)
	}
}

// counts is an Observer.
type counts struct {
	mu      sync.Mutex
	sent    map[string]int // by "channel result"
	pending int
	age     time.Duration
}

func (c *counts) Sent(channel, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent == nil {
		c.sent = map[string]int{}
	}
	c.sent[channel+" "+result]++
}

func (c *counts) Backlog(pending int, age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending, c.age = pending, age
}

func (c *counts) read() (sent map[string]int, pending int, age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent, c.pending, c.age
}

func openStore(t *testing.T) *sqlstore.Store {
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
	return s
}

// tell writes notices as features do.
func tell(t *testing.T, s *sqlstore.Store, subjects ...string) {
	t.Helper()
	e := grant.Effects{At: time.Now()}
	for _, subject := range subjects {
		e.Notices = append(e.Notices, notice.Notice{At: time.Now(), Kind: notice.GrantStopped, Subject: subject})
	}
	if err := s.Revoke(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	storetest.TellEach(t, s, time.Now())
}

// run runs an outbox until stop is called.
func run(t *testing.T, o outbox.Options) (stop func()) {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Owner == "" {
		o.Owner = "test"
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { outbox.New(o).Run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

func TestSendsToEveryChannelInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, b, seen := openStore(t), &hook{name: "a"}, &hook{name: "b"}, &counts{}
		run(t, outbox.Options{Store: s, Channels: []outbox.Channel{a, b}, Observer: seen})
		var want []string
		for i := range 120 {
			want = append(want, fmt.Sprintf("grant:g_%d", i))
		}
		tell(t, s, want...)
		time.Sleep(20 * time.Second)
		for _, h := range []*hook{a, b} {
			if diff := cmp.Diff(want, h.seen()); diff != "" {
				t.Errorf("%s got (-want +got):\n%s", h.name, diff)
			}
		}
		if sent, pending, _ := seen.read(); sent["a sent"] != 120 || sent["b sent"] != 120 || pending != 0 {
			t.Errorf("counted %v and %d that wait", sent, pending)
		}
	})
}

// TestRetriesAsTheTableSays reads the table as an operator would, then what is
// left in the store, the log and the counters.
func TestRetriesAsTheTableSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		var clock leaps
		s, seen := openStore(t), &counts{}
		h := &hook{name: "down", now: clock.now, say: func(int, outbox.Message) webhook.Outcome {
			return webhook.Outcome{Verdict: webhook.Later, Reason: "answered 500"}
		}}
		run(t, outbox.Options{Store: s, Channels: []outbox.Channel{h}, Observer: seen, Now: clock.now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		tell(t, s, "grant:g_1")
		time.Sleep(10 * time.Minute)
		clock.pass(24*time.Hour, 10*time.Minute)
		if _, pending, age := seen.read(); pending != 2 || age < 22*time.Hour { // with what says that the channel fails; counted now and then
			t.Errorf("after a day %d wait for %v", pending, age)
		}
		clock.pass(4*24*time.Hour, 10*time.Minute)
		ids, since := h.times()
		wantAttempts(t, since)
		if len(slices.Compact(ids)) != 1 {
			t.Errorf("ids %v, want the same each time", ids)
		}
		all, err := s.Notices(t.Context(), false, 10)
		slices.Reverse(all) // the others are about the channel itself
		if err != nil || all[0].Deliveries[0].State != notice.Failed || all[0].Deliveries[0].Reason != "answered 500" || all[0].Over.IsZero() {
			t.Errorf("in the end %+v, %v", all, err)
		}
		if !strings.Contains(log.String(), "given up") || !strings.Contains(log.String(), "notice test") {
			t.Error("the log does not say that it was given up")
		}
		if sent, pending, _ := seen.read(); sent["down failed"] != 11 || sent["down given_up"] != 1 || pending != 1 {
			t.Errorf("counted %v and %d that wait", sent, pending)
		}
	})
}

// wantAttempts compares attempts with the table. Each may be late by a leap, and
// later ones by those before them.
func wantAttempts(t *testing.T, since []time.Duration) {
	t.Helper()
	want := []time.Duration{0, 5 * time.Second, 35 * time.Second, 155 * time.Second, 755 * time.Second, 2555 * time.Second,
		102 * time.Minute, 282 * time.Minute, 642 * time.Minute, 1362 * time.Minute, 2802 * time.Minute, 4242 * time.Minute}
	if len(since) != len(want) {
		t.Fatalf("%d attempts: %v", len(since), since)
	}
	for i, at := range since {
		late := 5*time.Second + time.Duration(i)*11*time.Minute
		if i < 4 {
			late = 10 * time.Second // before the first leap
		}
		if at < want[i] || at > want[i]+late {
			t.Errorf("attempt %d came after %v, want %v", i+1, at, want[i])
		}
	}
}

func TestRetryAfterIsHonouredAndBounded(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{10 * time.Minute: 10 * time.Minute, 100 * time.Hour: time.Hour, time.Second: 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			h := &hook{name: "busy", say: func(n int, _ outbox.Message) webhook.Outcome {
				if n == 1 {
					return webhook.Outcome{Verdict: webhook.Later, Reason: "answered 429", After: asked}
				}
				return webhook.Outcome{}
			}}
			s := openStore(t)
			run(t, outbox.Options{Store: s, Channels: []outbox.Channel{h}})
			tell(t, s, "grant:g_1")
			time.Sleep(2 * time.Hour)
			if _, since := h.times(); len(since) != 2 || since[1] < want || since[1] > want+5*time.Second {
				t.Errorf("asked to wait %v, tried after %v, want %v", asked, since, want)
			}
		})
	}
}

func TestGoneIsGivenUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hook{name: "gone", say: func(n int, _ outbox.Message) webhook.Outcome {
			if n == 1 {
				return webhook.Outcome{Verdict: webhook.Refused, Reason: "answered 410"}
			}
			return webhook.Outcome{}
		}}
		s := openStore(t)
		run(t, outbox.Options{Store: s, Channels: []outbox.Channel{h}})
		tell(t, s, "grant:g_1", "grant:g_2")
		time.Sleep(time.Minute)
		if got := h.seen(); !slices.Equal(got, []string{"grant:g_1", "grant:g_2"}) {
			t.Errorf("sent %v", got)
		}
	})
}

// TestOneThatIsNotTakenHoldsUpNoOther: the rest wait a few seconds only, another
// channel not at all.
func TestOneThatIsNotTakenHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		picky := &hook{name: "picky", say: func(_ int, m outbox.Message) webhook.Outcome {
			if m.Notice.Subject == "grant:g_bad" {
				return webhook.Outcome{Verdict: webhook.Later, Reason: "answered 400"}
			}
			return webhook.Outcome{}
		}}
		stuck := &hook{name: "stuck", hold: func(ctx context.Context) { <-ctx.Done() }}
		fine := &hook{name: "fine"}
		s := openStore(t)
		run(t, outbox.Options{Store: s, Channels: []outbox.Channel{picky, stuck, fine}})
		tell(t, s, "grant:g_bad", "grant:g_2", "grant:g_3")
		time.Sleep(3 * time.Second)
		if got := fine.seen(); len(got) != 3 {
			t.Errorf("beside a stuck channel another got %v", got)
		}
		time.Sleep(9 * time.Second)
		if got := picky.seen(); !slices.Equal(got, []string{"grant:g_bad", "grant:g_2", "grant:g_3", "grant:g_bad"}) {
			t.Errorf("a picky channel got %v", got)
		}
	})
}

// down is a store that does not answer.
type down struct {
	*sqlstore.Store
	off *atomic.Bool
}

func (d down) DueChannels(ctx context.Context, now time.Time) ([]string, error) {
	if d.off.Load() {
		return nil, errDied
	}
	return d.Store.DueChannels(ctx, now)
}

// TestAStoreThatIsDownIsSaidOnce: and what waits is sent when it is back.
func TestAStoreThatIsDownIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s, off, h := openStore(t), &atomic.Bool{}, &hook{name: "hook"}
		run(t, outbox.Options{Store: down{s, off}, Channels: []outbox.Channel{h}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 2 {
			off.Store(true)
			tell(t, s, "grant:g_1")
			time.Sleep(10 * time.Minute)
			off.Store(false)
			time.Sleep(10 * time.Second)
		}
		synctest.Wait() // nobody writes to the log any more
		if n := strings.Count(log.String(), "could not look"); n != 2 || len(h.seen()) != 2 {
			t.Errorf("said %d times, sent %v; want two outages and two notices", n, h.seen())
		}
	})
}

// dying is a store whose server dies at one step.
type dying struct {
	*sqlstore.Store
	settle func() (land bool)
}

var errDied = errors.New("died")

func (d dying) SettleDeliveries(ctx context.Context, s notice.Settlement) error {
	if d.settle() {
		if err := d.Store.SettleDeliveries(ctx, s); err != nil {
			return err
		}
	}
	return errDied
}

// TestAServerDiesAfterSending: it was sent and never settled, so another server
// sends it again, with the same id, once the lease is over; unless the settle
// landed, although nobody heard so.
func TestAServerDiesAfterSending(t *testing.T) {
	for name, landed := range map[string]bool{"failed": false, "failed but landed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openStore(t)
				tell(t, s, "grant:g_1")
				h := &hook{name: "hook"}
				died := make(chan struct{})
				stop := run(t, outbox.Options{Owner: "first", Channels: []outbox.Channel{h}, Store: dying{s, func() bool {
					close(died)
					return landed
				}}})
				<-died
				stop()
				run(t, outbox.Options{Owner: "second", Channels: []outbox.Channel{h}, Store: s})
				time.Sleep(30 * time.Second)
				if got := h.seen(); len(got) != 1 {
					t.Errorf("within the lease it was sent %d times", len(got))
				}
				time.Sleep(time.Minute)
				ids, _ := h.times()
				want := 2
				if landed {
					want = 1
				}
				if len(ids) != want || len(slices.Compact(ids)) != 1 {
					t.Errorf("sent as %v, want %d times with one id", ids, want)
				}
			})
		})
	}
}

// TestServersDoNotSendTheSameAtOnce: many servers, each message once.
func TestServersDoNotSendTheSameAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		h := &hook{name: "hook", hold: func(context.Context) { time.Sleep(100 * time.Millisecond) }}
		for i := range 5 {
			run(t, outbox.Options{Owner: fmt.Sprint("server ", i), Store: s, Channels: []outbox.Channel{h}})
		}
		var want []string
		for i := range 100 {
			want = append(want, fmt.Sprintf("grant:g_%d", i))
		}
		tell(t, s, want...)
		time.Sleep(time.Minute)
		if diff := cmp.Diff(want, h.seen()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
	})
}

// TestStoppingLosesNothing: what was cut off counts as not tried.
func TestStoppingLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		slow := &hook{name: "hook", hold: func(ctx context.Context) { <-ctx.Done() }}
		stop := run(t, outbox.Options{Store: s, Channels: []outbox.Channel{slow}})
		tell(t, s, "grant:g_1", "grant:g_2")
		time.Sleep(5 * time.Second)
		stop()
		all, err := s.Notices(t.Context(), true, 10)
		if err != nil || len(all) != 2 || all[0].Deliveries[0].Attempt != 0 {
			t.Errorf("after stopping: %+v, %v", all, err)
		}
		quick := &hook{name: "hook"}
		run(t, outbox.Options{Store: s, Channels: []outbox.Channel{quick}})
		time.Sleep(5 * time.Second)
		if got := quick.seen(); !slices.Equal(got, []string{"grant:g_1", "grant:g_2"}) {
			t.Errorf("after a restart %v was sent", got)
		}
	})
}

func TestLogChannel(t *testing.T) {
	var log strings.Builder
	c := outbox.Log(slog.New(slog.NewJSONHandler(&log, nil)))
	for _, k := range notice.Kinds() {
		log.Reset()
		m := message
		m.Notice.Kind = k
		if out := c.Send(t.Context(), m); out.Verdict != webhook.Taken {
			t.Errorf("%s: outcome %+v", k, out)
		}
		for _, want := range []string{k.Words().What.EN, k.Words().Next.EN, string(k), "grant:g_demo", "40125", message.ID} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: the line lacks %q: %s", k, want, log.String())
			}
		}
		if strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s: not one line: %s", k, log.String())
		}
	}
}

func TestTestAsksEveryChannelOnce(t *testing.T) {
	bad := &hook{name: "bad", say: func(int, outbox.Message) webhook.Outcome {
		return webhook.Outcome{Verdict: webhook.Later, Reason: "answered 500"}
	}}
	good := &hook{name: "good"}
	s := openStore(t)
	got := outbox.New(outbox.Options{Store: s, Owner: "test", Channels: []outbox.Channel{good, bad}}).Test(t.Context())
	if len(got) != 2 || !got[0].Taken || got[0].Channel != "good" || got[1].Taken || got[1].Reason != "answered 500" {
		t.Errorf("tried: %+v", got)
	}
	if n, _, err := s.NoticeBacklog(t.Context()); n != 0 || err != nil {
		t.Errorf("a test left %d notices, %v", n, err)
	}
	if len(good.seen()) != 1 || len(bad.seen()) != 1 {
		t.Error("a channel was not tried once")
	}
}

func TestNewWantsItsParts(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an outbox without parts was made")
		}
	}()
	outbox.New(outbox.Options{})
}
