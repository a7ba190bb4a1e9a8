package alert_test

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// TestGatheredEventsCarryDetailsOfTheirOwn: the channel of one tenant hears of what
// was gathered for it, and nothing of another's fact that was told by itself before.
func TestGatheredEventsCarryDetailsOfTheirOwn(t *testing.T) {
	b := newBook(t)
	b.policy.Quiet = alert.Quiet{From: 9 * time.Hour, To: 10 * time.Hour, Zone: time.UTC}
	b.now = start.Add(time.Hour - time.Second)
	b.write(notice.NotAdopted, "shop:silk", "shop", "silk", "tenant", "satin", "appid", "wx00000000000000b1")
	want(t, b.step(10), "raised "+string(notice.NotAdopted)+" 1")
	b.write(notice.NotAdopted, "shop:tea", "shop", "tea", "tenant", "leaf", "appid", "wx00000000000000a1")
	want(t, b.after(2*time.Second)) // the quiet hours began
	got := b.after(time.Hour)
	if len(got) != 1 {
		t.Fatalf("told %q", phases(got))
	}
	m := got[0].Message
	if m.Shop != "tea" || m.Tenant != "leaf" || m.Notice.Details["appid"] != "wx00000000000000a1" {
		t.Errorf("a message of shop %q, tenant %q carries %v", m.Shop, m.Tenant, m.Notice.Details)
	}
}

// TestTheEndOfASilenceDisturbsNoNight: what is not critical waits for the morning.
func TestTheEndOfASilenceDisturbsNoNight(t *testing.T) {
	b := newBook(t)
	b.policy.Quiet = alert.Quiet{From: 9 * time.Hour, To: 11 * time.Hour, Zone: time.UTC}
	b.write(notice.GrantDoubtful, "grant:g_1")
	b.step(10)
	want(t, b.after(2*time.Second), "raised grant.doubtful 1")
	b.silences = []notice.Silence{{ID: "q_1", Kind: notice.GrantDoubtful, Made: b.now, Until: b.now.Add(90 * time.Minute)}}
	want(t, b.after(time.Second))
	want(t, b.after(90*time.Minute)) // the silence ended in the night
	b.now = start.Add(3 * time.Hour)
	want(t, b.step(10), "reminded grant.doubtful 1")
	want(t, b.after(time.Minute))
}
