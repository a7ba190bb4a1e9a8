package adminapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

func TestSilencesByREST(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var made adminapi.SilenceView
	r.ask("POST", "/v1/silences", map[string]string{"kind": string(notice.GrantStopped), "for": "2h", "reason": "new AppSecret"}, &made)
	if !made.Live || made.Kind != "grant.stopped" || made.By == "" || made.Until.Sub(*made.Made).Hours() != 2 {
		t.Errorf("made %+v", made)
	}
	var ended adminapi.SilenceView
	r.ask("POST", "/v1/silences/"+made.ID+"/end", struct{}{}, &ended)
	if all := list[adminapi.SilenceView](r, "/v1/silences"); ended.Live || len(all) != 1 || all[0].Live {
		t.Errorf("ended %+v, listed %+v", ended, all)
	}
	for name, body := range map[string]map[string]string{
		"everything":    {"for": "2h", "reason": "x"},
		"a kind":        {"kind": "grant.exploded", "for": "2h", "reason": "x"},
		"for ever":      {"shop": "lantian", "for": "9999h", "reason": "x"},
		"a blink":       {"shop": "lantian", "for": "1s", "reason": "x"},
		"without words": {"shop": "lantian", "for": "2h", "reason": ""},
	} {
		if rec := r.say("POST", "/v1/silences", body); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	if rec := r.say("POST", "/v1/silences", map[string]string{"shop": "nobody", "for": "2h", "reason": "mistyped"}); rec.Code != http.StatusNotFound {
		t.Errorf("for a shop that is not there: %d %s", rec.Code, rec.Body)
	}
	for _, path := range []string{"/v1/alerts/7", "/v1/alerts/x"} {
		if rec := r.say("GET", path, nil); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	if rules := list[adminapi.AlertRuleView](r, "/v1/alerts/rules"); len(rules) != 1 || rules[0].Kind != "grant.stopped" {
		t.Errorf("rules %+v", rules)
	}
	if rec := r.say("GET", "/v1/alerts?open=true", nil); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `"items":[]`) {
		t.Errorf("no alerts: %d %s", rec.Code, rec.Body)
	}
}

// TestEndingAnAlertByREST: what only people can end, and nothing else, with a reason.
func TestEndingAnAlertByREST(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	engine := alert.New(alert.Options{Store: r.store, Owner: "test", Policy: alert.Policy{Rules: alert.Defaults()}, Now: func() time.Time { return r.at }})
	fold := func() {
		t.Helper()
		if _, err := engine.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.at = r.at.Add(time.Minute)
	}
	for _, n := range []notice.Notice{{Kind: notice.AuditBroken, Subject: "grant:g_1"}, {Kind: notice.ClockSkew, Subject: "clock"},
		{Kind: notice.CheckpointUnsent, Subject: "audit:two:file:/mnt/a", Details: map[string]string{"place": "two:file:/mnt/a", "held": "3", "entries": "7"}}} {
		n.At = r.at
		if _, err := r.store.SetCondition(t.Context(), string(n.Kind), true, n); err != nil {
			t.Fatal(err)
		}
	}
	fold()
	open := map[string]string{}
	for _, a := range list[adminapi.AlertView](r, "/v1/alerts?open=true") {
		open[a.Kind] = "/v1/alerts/" + a.ID
	}
	broken, skew, unsent := open["audit.broken"], open["clock.skew"], open["audit.unsent"]
	for _, c := range []struct {
		path, reason string
		code         int
	}{
		{broken, "", http.StatusUnprocessableEntity}, {broken, strings.Repeat("x", 501), http.StatusUnprocessableEntity},
		{skew, "looked", http.StatusConflict}, {"/v1/alerts/99", "looked", http.StatusNotFound}, {"/v1/alerts/x", "looked", http.StatusNotFound},
		{broken, "a backup was restored", http.StatusOK}, {broken, "once more", http.StatusOK},
		{unsent, "server two is gone", http.StatusOK},
	} {
		if rec := r.say("POST", c.path+"/end", map[string]string{"reason": c.reason}); rec.Code != c.code {
			t.Errorf("%s for %d bytes: %d %s", c.path, len(c.reason), rec.Code, rec.Body)
		}
	}
	fold()
	if all := list[adminapi.AlertView](r, "/v1/alerts?open=true"); len(all) != 1 || all[0].Kind != "clock.skew" {
		t.Errorf("open is %+v", all)
	}
	records, err := r.store.AuditEntries(t.Context(), -1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	var lost map[string]string
	for _, rec := range records {
		if e, err := audit.Decode(rec.Data); err == nil && e.Action == "alert.end" {
			reasons, lost = append(reasons, e.Details["reason"]), e.Details
		}
	}
	if !slices.Equal(reasons, []string{"a backup was restored", "server two is gone"}) {
		t.Errorf("the log has %q", reasons)
	}
	if lost["place"] != "two:file:/mnt/a" || lost["held"] != "3" || lost["entries"] != "7" {
		t.Errorf("of what the place never got the log says %v", lost)
	}
}
