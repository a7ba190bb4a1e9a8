package alert_test

import (
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
