package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// alerts keeps one open alert and one that is over.
type alerts struct {
	silenced []notice.Silence
	about    []string // subjects of the open one
}

func (*alerts) AlertsBefore(_ context.Context, open bool, _ int64, _ int) ([]notice.Alert, error) {
	all := []notice.Alert{{ID: 7, Kind: notice.GrantStopped, State: notice.AlertOpen, Severity: notice.Critical, Count: 12, Subjects: []string{"grant:<b>"}}}
	if !open {
		all = append(all, notice.Alert{ID: 3, Kind: notice.DiskLow, State: notice.AlertEnded, Count: 1})
	}
	return all, nil
}

func (a *alerts) Alert(_ context.Context, id int64) (notice.Alert, error) {
	if id != 7 {
		return notice.Alert{}, access.ErrNotFound
	}
	return notice.Alert{ID: 7, Kind: notice.GrantStopped, Subjects: a.about}, nil
}

func (a *alerts) CreateSilence(_ context.Context, s notice.Silence, _ ...audit.Entry) error {
	a.silenced = append(a.silenced, s)
	return nil
}

func TestStaffSeesAndSilencesAlerts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asAdmin()
	page := r.get("/admin/alerts", "en").Body.String()
	for _, want := range []string{notice.GrantStopped.Words().What.EN, notice.DiskLow.Words().What.EN, "grant:&lt;b&gt;", "https://example.com/grant.stopped.md", "/admin/alerts/7/silence",
		"critical, since 0001-01-01 00:00:00Z, counted 12 times", ", once"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing in\n%s", want, page)
		}
	}
	if strings.Contains(page, "console.") {
		t.Errorf("words are missing in\n%s", page)
	}
	if zh := r.get("/admin/alerts", "zh-CN").Body.String(); !strings.Contains(zh, notice.GrantStopped.Words().What.ZH) || !strings.Contains(zh, "严重") || !strings.Contains(zh, "<code>zhanggui grant start</code>") {
		t.Error("the page is not Chinese")
	}
	if rec := r.post("/admin/alerts/7/silence", url.Values{}); rec.Code != http.StatusSeeOther || len(r.alerts.silenced) != 1 || r.alerts.silenced[0].Kind != notice.GrantStopped {
		t.Errorf("silencing answers %d, made %+v", rec.Code, r.alerts.silenced)
	}
	r.as(access.StaffAuditor)
	if rec := r.post("/admin/alerts/7/silence", url.Values{}); rec.Code != http.StatusForbidden || len(r.alerts.silenced) != 1 {
		t.Errorf("an auditor is answered %d", rec.Code)
	}
}

// TestSilencingOneAlert: the button of an alert about one thing keeps back that thing
// alone. An auditor reads the audit log, and no alerts.
func TestSilencingOneAlert(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asAdmin()
	r.alerts.about = []string{"grant:g_demo_1"}
	r.post("/admin/alerts/7/silence", url.Values{})
	if got := r.alerts.silenced; len(got) != 1 || got[0].Subject != "grant:g_demo_1" {
		t.Errorf("made %+v, want one about the subject", got)
	}
	r.alerts.about = []string{"grant:g_demo_1", "grant:g_demo_2"}
	r.post("/admin/alerts/7/silence", url.Values{})
	if got := r.alerts.silenced; len(got) != 2 || got[1].Subject != "" || got[1].Kind != notice.GrantStopped {
		t.Errorf("made %+v, want another about the kind", got)
	}
	r.as(access.StaffAuditor)
	if rec := r.get("/admin/alerts", "en"); rec.Code != http.StatusForbidden {
		t.Errorf("an auditor's page of alerts is answered %d", rec.Code)
	}
}
