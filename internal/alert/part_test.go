package alert_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// parts are the phases of what the next step plans for tenants.
func (b *book) parts() (phases []notice.Phase) {
	for _, p := range alert.Fold(b.folding(100), b.policy, b.now).Parts {
		if d := p.Message.Notice.Details; d["shop"] != "" || p.Message.Shop != "" || p.Message.Notice.Subject != "" || len(p.Message.Subjects) > 0 {
			b.t.Errorf("a part names whom it is about: %+v", p)
		}
		phases = append(phases, p.Message.Phase)
	}
	b.step(100)
	return phases
}

func TestAlertsOfSeveralShopsHaveParts(t *testing.T) {
	b := newBook(t)
	b.write(notice.GrantNeedsOwner, "grant:g_1", "shop", "tea", "errcode", "42002")
	b.step(100)
	b.now = b.now.Add(2 * time.Second)
	if got := b.parts(); got != nil {
		t.Errorf("an alert of one shop has parts: %v", got)
	}
	b.write(notice.GrantNeedsOwner, "grant:g_2", "shop", "silk", "errcode", "42002")
	if diff := cmp.Diff([]notice.Phase{""}, b.parts()); diff != "" {
		t.Errorf("when another shop joins (-want +got):\n%s", diff)
	}
	if got := b.parts(); got != nil {
		t.Errorf("when nothing happens: %v", got)
	}
	b.write(notice.GrantHealed, "grant:g_2", "shop", "silk")
	b.write(notice.GrantHealed, "grant:g_1", "shop", "tea")
	if diff := cmp.Diff([]notice.Phase{notice.Over}, b.parts()); diff != "" {
		t.Errorf("when both are well (-want +got):\n%s", diff)
	}
}

// TestPartsOfAStormAreCountedNowAndThen: each count reads every fact of the alert.
func TestPartsOfAStormAreCountedNowAndThen(t *testing.T) {
	b := newBook(t)
	for i := range 2000 {
		b.write(notice.GrantNeedsOwner, fmt.Sprint("grant:g_", i), "shop", fmt.Sprint("s", i%2), "errcode", "42002")
	}
	b.step(5000)
	b.now = b.now.Add(2 * time.Second)
	if diff := cmp.Diff([]notice.Phase{notice.Raised}, b.parts()); diff != "" {
		t.Errorf("when all are told (-want +got):\n%s", diff)
	}
	counted := 0
	for i := range 60 { // one after the other is well, each second
		b.write(notice.GrantHealed, fmt.Sprint("grant:g_", i), "shop", fmt.Sprint("s", i%2))
		counted += len(b.parts())
		b.now = b.now.Add(time.Second)
	}
	if counted < 10 || counted > 13 {
		t.Errorf("in a minute the parts were counted %d times, want about 12", counted)
	}
	b.parts() // what may be left of it
	b.now = b.now.Add(partsEvery)
	b.parts()
	b.now = b.now.Add(time.Second)
	if got := b.parts(); got != nil {
		t.Errorf("when nothing happens: %v", got)
	}
}

// partsEvery is how long it takes until the parts of a storm are looked at again.
const partsEvery = 5 * time.Second
