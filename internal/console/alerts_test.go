package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// alerts keeps one open alert and one that is over.
type alerts struct {
	silenced []notice.Silence
	ended    []audit.Entry
	about    []string // subjects of the open one
}

func (*alerts) AlertsBefore(_ context.Context, open bool, _ int64, _ int) ([]notice.Alert, error) {
	all := []notice.Alert{{ID: 7, Kind: notice.GrantStopped, State: notice.AlertOpen, Severity: notice.Critical, Count: 12, Subjects: []string{"grant:<b>"}},
		{ID: 8, Kind: notice.AuditBroken, State: notice.AlertOpen, Severity: notice.Critical, Count: 1}}
	if !open {
		all = append(all, notice.Alert{ID: 3, Kind: notice.DiskLow, State: notice.AlertEnded, Count: 1})
	}
	return all, nil
}

func (a *alerts) Alert(_ context.Context, id int64) (notice.Alert, error) {
	if id == 8 {
		return notice.Alert{ID: 8, Kind: notice.AuditBroken}, nil
	}
	if id != 7 {
		return notice.Alert{}, access.ErrNotFound
	}
	return notice.Alert{ID: 7, Kind: notice.GrantStopped, Subjects: a.about}, nil
}

func (a *alerts) EndAlert(_ context.Context, _ int64, _ time.Time, entries ...audit.Entry) error {
	a.ended = append(a.ended, entries...)
	return nil
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
		"critical, since 0001-01-01 08:00:00 (Beijing time), counted 12 times", ", once"} {
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

// TestEndingAnAlert: what only people can end has a form, and needs a reason.
func TestEndingAnAlert(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.asAdmin()
	page := r.get("/admin/alerts", "en").Body.String()
	if !strings.Contains(page, "/admin/alerts/8/end") || strings.Contains(page, "/admin/alerts/7/end") {
		t.Errorf("the forms are wrong in\n%s", page)
	}
	for _, c := range []struct {
		path, reason string
		code         int
	}{
		{"8", "", http.StatusUnprocessableEntity}, {"8", strings.Repeat("字", 501), http.StatusUnprocessableEntity}, {"7", "looked", http.StatusConflict},
		{"9", "looked", http.StatusNotFound}, {"x", "looked", http.StatusNotFound}, {"8", strings.Repeat("字", 500), http.StatusSeeOther},
	} {
		if rec := r.post("/admin/alerts/"+c.path+"/end", url.Values{"reason": {c.reason}}); rec.Code != c.code {
			t.Errorf("alert %s with %d bytes of reason: %d, want %d", c.path, len(c.reason), rec.Code, c.code)
		}
	}
	if got := r.alerts.ended; len(got) != 1 || got[0].Action != "alert.end" || got[0].Subject != "alert:8" || got[0].Actor.Kind != audit.ActorAdmin || got[0].Details["reason"] == "" {
		t.Errorf("the log says %+v", got)
	}
	r.as(access.StaffAuditor)
	if rec := r.post("/admin/alerts/8/end", url.Values{"reason": {"looked"}}); rec.Code != http.StatusForbidden || len(r.alerts.ended) != 1 {
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
