package outbox_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// storeless is a message that no store owes.
func storeless() outbox.Message {
	now := time.Now()
	return outbox.Message{ID: "direct_1", Notice: notice.Notice{At: now, Kind: notice.StoreFailing, Subject: "store"}, Phase: notice.Raised,
		Severity: notice.Critical, About: notice.StoreFailing, Count: 1, Since: now, Subjects: []string{"store"}, Direct: "r_1"}
}

// TestDirect: each channel that hears of it gets it, whatever the others do, is tried
// again when it did not take it, and not when it did.
func TestDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []outbox.Channel
		hooks := map[string]*hook{}
		for _, name := range []string{"log", "well", "ill", "gone", "hangs", "deaf", "tenants", "made", "quiet"} {
			hooks[name] = &hook{name: name}
			all = append(all, hooks[name])
		}
		hooks["ill"].say = func(n int, _ outbox.Message) webhook.Outcome {
			if n < 3 {
				return webhook.Outcome{Verdict: webhook.Later, Reason: "answered 503", After: time.Minute}
			}
			return webhook.Outcome{}
		}
		hooks["gone"].say = func(int, outbox.Message) webhook.Outcome {
			return webhook.Outcome{Verdict: webhook.Refused, Reason: "answered 410"}
		}
		hooks["hangs"].hold = func(ctx context.Context) { <-ctx.Done() }
		m := &made{routes: map[string]notice.Route{"quiet": {Kinds: []notice.Kind{notice.DiskLow}}}}
		m.set(nil, hooks["made"], hooks["quiet"])
		seen := &counts{}
		b := outbox.New(outbox.Options{Store: openStore(t), Channels: all[:7], Made: m, Owner: "r_1", Observer: seen, Routes: map[string]notice.Route{
			"deaf": {Severity: notice.Critical, Kinds: []notice.Kind{notice.WeChatAway}}, "well": {Severity: notice.Critical}, "tenants": {Tenant: "t_1"},
		}})
		b.Test(t.Context()) // it reads the channels that were made
		m.set(errors.New("the store is away"))
		for _, h := range hooks {
			h.mu.Lock()
			h.got, h.ids, h.at = nil, nil, nil
			h.mu.Unlock()
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Direct(ctx, storeless())
		}()
		time.Sleep(time.Second)
		for name, want := range map[string]int{"log": 1, "well": 1, "ill": 1, "gone": 1, "hangs": 1, "deaf": 0, "tenants": 0, "made": 1, "quiet": 0} {
			if got := hooks[name].seen(); len(got) != want {
				t.Errorf("at once %s got %q, want %d", name, got, want)
			}
		}
		time.Sleep(10 * time.Minute)
		if ids, since := hooks["ill"].times(); !slices.Equal(since, []time.Duration{0, time.Minute, 2 * time.Minute}) || ids[0] != ids[2] {
			t.Errorf("what was not taken was tried after %v as %q", since, ids)
		}
		if n := len(hooks["hangs"].seen()); n < 3 || n > 5 {
			t.Errorf("a channel that hangs was tried %d times in ten minutes", n)
		}
		for _, name := range []string{"log", "well", "gone", "made"} {
			if got := hooks[name].seen(); len(got) != 1 {
				t.Errorf("%s got %q", name, got)
			}
		}
		cancel()
		<-done // what waits or hangs is cut off
		sent, _, _ := seen.read()
		if sent["well sent"] != 1 || sent["ill sent"] != 1 || sent["ill failed"] != 2 || sent["gone given_up"] != 1 {
			t.Errorf("counted %v", sent)
		}
	})
}

// TestDirectKeepsRates, and gives up as the table of package webhook says.
func TestDirectKeepsRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, never := &paced{hook: hook{name: "slow"}}, &hook{name: "never"}
		slow.last = time.Now().Add(-10 * time.Second)
		never.say = func(int, outbox.Message) webhook.Outcome {
			return webhook.Outcome{Verdict: webhook.Later, Reason: "answered 500"}
		}
		b := outbox.New(outbox.Options{Store: openStore(t), Channels: []outbox.Channel{slow, never}, Owner: "r_1"})
		begin := time.Now()
		b.Direct(t.Context(), storeless())
		if got := slow.seen(); len(got) != 1 || slow.at[0].Sub(begin) != 50*time.Second {
			t.Errorf("the slow one got %q at %v", got, slow.at)
		}
		if got := never.seen(); len(got) != 12 || time.Since(begin) < webhook.Life() {
			t.Errorf("given up after %d attempts and %v", len(got), time.Since(begin))
		}
	})
}

// TestDirectToWhoIsLeft: past the store, too, who took a message does not get it again,
// and nothing is written of who did not.
func TestDirectToWhoIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t)
		p := &post{ids: []string{"a", "b", "c"}, got: map[string]int{}, says: map[string]webhook.Verdict{"b": webhook.Refused, "c": webhook.Later}}
		b := outbox.New(outbox.Options{Store: s, Channels: []outbox.Channel{p}, Owner: "r_1"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Direct(ctx, storeless())
		}()
		time.Sleep(3 * time.Minute)
		p.say("c", webhook.Taken)
		time.Sleep(time.Hour)
		cancel()
		<-done
		if a, c := p.had("a"), p.had("c"); a != 1 || c != 1 {
			t.Errorf("a has %d and c has %d, want one each", a, c)
		}
		if open, err := s.OpenConditions(t.Context(), ""); err != nil || len(open) != 0 {
			t.Errorf("written down were %q, %v", open, err)
		}
	})
}
