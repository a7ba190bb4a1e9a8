package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// DeclaredChannels implements console.Channels.
func (r *rig) DeclaredChannels(context.Context) ([]access.Channel, int, error) {
	return []access.Channel{{Name: "company", Kind: access.Slack, Language: "en"}, {Name: "ops", Kind: access.WeCom, Language: "zh", TenantID: "lantian",
		Severity: "critical", Kinds: []string{"grant.stopped"}, Sealed: []byte("demo-robot-key")}}, 1, nil
}

// TestChannel implements console.Channels.
func (r *rig) TestChannel(_ context.Context, by audit.Actor, name string) (notice.Tried, error) {
	if name == "gone" {
		return notice.Tried{}, access.ErrNotFound
	}
	return notice.Tried{Channel: name, Taken: name == "company", Reason: "answered errcode 93000"}, nil
}

// RemoveChannel implements console.Channels.
func (r *rig) RemoveChannel(_ context.Context, _ audit.Actor, name string) error {
	if name != "ops" {
		return access.ErrNotFound
	}
	r.removed = append(r.removed, name)
	return nil
}

func TestChannelsPage(t *testing.T) {
	r := newRig(t)
	r.session = &access.Session{AdminID: "a_0001"}
	page := r.get("/admin/channels", "zh").Body.String()
	for _, want := range []string{"company", "ops", "lantian", "grant.stopped", "/admin/channels/ops/test", "/admin/channels/ops/remove"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "demo-robot-key") || strings.Contains(page, "/admin/channels/company/remove") {
		t.Error("the page shows an address, or offers to remove what is in the configuration")
	}
	if rec := r.post("/admin/channels/ops/test", nil); !strings.Contains(rec.Body.String(), "answered errcode 93000") {
		t.Errorf("a test that failed answers %d without its reason", rec.Code)
	}
	if rec := r.post("/admin/channels/ops/remove", nil); rec.Code != http.StatusSeeOther || len(r.removed) != 1 {
		t.Errorf("removing answers %d", rec.Code)
	}
	for _, path := range []string{"/admin/channels/gone/test", "/admin/channels/gone/remove"} {
		if rec := r.post(path, nil); rec.Code != http.StatusNotFound {
			t.Errorf("%s, which another tab removed, answers %d", path, rec.Code)
		}
	}
	r.session = nil
	if rec := r.post("/admin/channels/ops/remove", nil); rec.Code == http.StatusSeeOther && len(r.removed) > 1 {
		t.Error("a stranger removed it")
	}
}
