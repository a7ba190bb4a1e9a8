package outbox_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// post is mail to three, whose answers the test changes.
type post struct {
	mu   sync.Mutex
	ids  []string
	says map[string]webhook.Verdict
	got  map[string]int // messages of each
	asks int
}

func (*post) Name() string { return "post" }

func (p *post) Send(ctx context.Context, m outbox.Message) webhook.Outcome {
	return p.SendTo(ctx, m, nil)
}

func (p *post) Receivers() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ids)
}

func (p *post) SendTo(_ context.Context, _ outbox.Message, only []string) (out webhook.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asks++
	for _, id := range p.ids {
		if len(only) > 0 && !slices.Contains(only, id) {
			continue
		}
		v := p.says[id]
		out.Parts = append(out.Parts, webhook.Part{ID: id, Name: id + "***", Verdict: v, Reason: "answered " + id})
		if v == webhook.Taken {
			p.got[id]++
		} else {
			out.Reason = "answered 450"
		}
		if v == webhook.Later {
			out.Verdict = v
		}
	}
	return out
}

func (p *post) say(id string, v webhook.Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.says[id] = v
}

func (p *post) had(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got[id]
}

// TestWhoIsLeftIsTriedAgainAlone, whichever server tries it, and holds up nothing; who is
// refused for good is told of once, and once when it is over.
func TestWhoIsLeftIsTriedAgainAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := openStore(t), &hook{name: "log"}
		p := &post{ids: []string{"a", "b", "c"}, got: map[string]int{}, says: map[string]webhook.Verdict{"b": webhook.Refused, "c": webhook.Later}}
		for _, owner := range []string{"one", "two", "three"} {
			run(t, outbox.Options{Store: s, Channels: []outbox.Channel{log, p}, Owner: owner})
		}
		time.Sleep(5 * time.Second)
		tell(t, s, "grant:g_1", "grant:g_2")
		time.Sleep(4 * time.Second)
		if p.had("a") != 2 {
			t.Errorf("before the second attempt of the first message a has %d, want both", p.had("a"))
		}
		time.Sleep(3 * time.Minute)
		p.say("c", webhook.Taken)
		time.Sleep(10 * time.Minute)
		if a, c := p.had("a"), p.had("c"); a != 2 || c != 2 {
			t.Errorf("a has %d and c has %d, want 2 and 2", a, c)
		}
		storetest.TellEach(t, s, time.Now())
		time.Sleep(10 * time.Second)
		about := func(subject string) (n int) {
			for _, got := range log.seen() {
				if got == subject {
					n++
				}
			}
			return n
		}
		if about("channel:post/b") != 1 || about("channel:post/c") != 0 || about("channel:post") != 0 {
			t.Errorf("the log got %q, want b once", log.seen())
		}
		p.say("b", webhook.Taken)
		tell(t, s, "grant:g_3")
		time.Sleep(10 * time.Second)
		storetest.TellEach(t, s, time.Now())
		time.Sleep(10 * time.Second)
		if about("channel:post/b") != 2 {
			t.Errorf("the log got %q, want that b is over", log.seen())
		}
	})
}

// TestAReceiverThatIsPutOffForLongIsToldOf, and no more when the channel has it no more.
func TestAReceiverThatIsPutOffForLongIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		p := &post{ids: []string{"a", "c"}, got: map[string]int{}, says: map[string]webhook.Verdict{"c": webhook.Later}}
		run(t, outbox.Options{Store: s, Channels: []outbox.Channel{p}})
		time.Sleep(5 * time.Second)
		tell(t, s, "grant:g_1")
		open := func() []string {
			names, err := s.OpenConditions(t.Context(), string(notice.ChannelFailing))
			if err != nil {
				t.Fatal(err)
			}
			return names
		}
		time.Sleep(10 * time.Minute)
		if got := open(); len(got) != 0 {
			t.Errorf("after ten minutes %q", got)
		}
		time.Sleep(10 * time.Minute)
		if got := open(); !slices.Equal(got, []string{"channel.failing:post/c"}) {
			t.Errorf("after twenty minutes %q, want c", got)
		}
		all, err := s.Notices(t.Context(), false, 10)
		if err != nil {
			t.Fatal(err)
		}
		if d := all[len(all)-1].Deliveries[0]; d.State != notice.Pending || d.Reason != "answered 450 [c]" {
			t.Errorf("delivery %+v, want that c is left", d)
		}
		entries, err := s.AuditEntries(t.Context(), -1, 100)
		var text strings.Builder
		for _, e := range entries {
			text.WriteString(string(e.Data) + "\n")
		}
		if err != nil || !strings.Contains(text.String(), `channel:post/c`) || strings.Contains(text.String(), "***") {
			t.Errorf("the audit log should name the receiver by its id alone: %v\n%s", err, text.String())
		}
		p.mu.Lock()
		p.ids = []string{"a"}
		p.mu.Unlock()
		time.Sleep(time.Minute)
		if got := open(); len(got) != 0 {
			t.Errorf("without c %q", got)
		}
	})
}
