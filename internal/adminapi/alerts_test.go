package adminapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
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
