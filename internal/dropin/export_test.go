package dropin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web"
)

const tokenView = "/v1/shops/lantian/token"

func bearer(key string) []string { return []string{"Authorization", "Bearer " + key} }

// TestExportIsRecordedBeforeItLeaves: by name only, with what is left of its life,
// with an entry and a notice.
func TestExportIsRecordedBeforeItLeaves(t *testing.T) {
	r := newRig(t)
	r.generation = 7
	if got := r.do(t, http.MethodGet, tokenURL+exportKey, ""); !strings.HasPrefix(got.Token, "zgt_") || len(r.recorded) > 0 {
		t.Errorf("not asked for by name: %s", got.body)
	}
	got := r.do(t, http.MethodGet, tokenURL+exportKey+"&export=1", "")
	if got.Token != realToken+"-lantian" || got.ExpiresIn != 6000 {
		t.Errorf("%s", got.body)
	}
	want := []access.Export{{ClientID: "old", ShopID: "lantian", Generation: 7, At: start, Ends: start.Add(100 * time.Minute)}}
	if diff := cmp.Diff(want, r.recorded); diff != "" {
		t.Error(diff)
	}
	e := r.effects[0]
	entry := audit.Entry{At: start, Actor: audit.Actor{Kind: audit.ActorClient, ID: "old"}, Action: "token.export", Subject: "shop:lantian",
		Outcome: audit.Done, Details: map[string]string{"ends": "2026-03-01T10:40:00Z"}}
	if diff := cmp.Diff([]audit.Entry{entry}, e.Audit); diff != "" || len(e.Notices) != 1 || e.Notices[0].Kind != notice.TokenExported {
		t.Errorf("%s %+v", diff, e.Notices)
	}
	if strings.Contains(r.log.String(), realToken) {
		t.Error("the token is in the log")
	}
}

// TestForceRefreshIsAHint: who takes the kept token gets the one that is kept, and it
// is asked for as without the hint.
func TestForceRefreshIsAHint(t *testing.T) {
	for _, more := range []string{"", `,"force_refresh":false`, `,"force_refresh":true`} {
		r := newRig(t)
		got := r.post(t, "/cgi-bin/stable_token?export=1", stableBody(shopAppID, exportKey, more))
		if got.Token != realToken+"-lantian" || got.ExpiresIn != 6000 || r.asked != 1 {
			t.Errorf("%s: asked %d times, %s", more, r.asked, got.body)
		}
	}
}

// TestTheSameTokenAgain is counted; another token, and the next day, are recorded.
func TestTheSameTokenAgain(t *testing.T) {
	r := newRig(t)
	ask := func(want int) {
		t.Helper()
		if got := r.post(t, "/cgi-bin/stable_token?export=1", stableBody(shopAppID, exportKey, "")); !strings.HasPrefix(got.Token, realToken) || len(r.recorded) != want {
			t.Errorf("%d records: %s", len(r.recorded), got.body)
		}
	}
	ask(1)
	ask(1)
	if len(r.refused) != 1 || r.refused[0].Action != "token.export" || r.refused[0].Outcome != audit.Done {
		t.Errorf("counted %+v", r.refused)
	}
	r.generation++
	ask(2)
	r.now = r.now.Add(7 * time.Hour) // midnight in China
	ask(3)
	r.now = r.now.Add(-24 * time.Hour)
	ask(4)
}

// TestAnotherTokenOfTheSameNumber: generations count from one again when another app
// serves the shop. The end of one token is counted on a clock that runs a little
// differently each time.
func TestAnotherTokenOfTheSameNumber(t *testing.T) {
	r := newRig(t)
	for _, left := range []time.Duration{100 * time.Minute, 119 * time.Minute, 119*time.Minute - time.Millisecond} {
		r.ends = start.Add(left)
		r.do(t, http.MethodGet, tokenURL+exportKey+"&export=1", "")
	}
	if len(r.recorded) != 2 || r.recorded[1].Ends.Before(r.ends) {
		t.Errorf("recorded %+v", r.recorded)
	}
}

// TestShopsNotHeldAreNotLookedFor: nothing tells one that is there.
func TestShopsNotHeldAreNotLookedFor(t *testing.T) {
	r := newRig(t)
	for _, shop := range []string{"baiyun", "nowhere"} {
		before := r.store.reads
		r.do(t, http.MethodGet, "/v1/shops/"+shop+"/token", "", bearer(exportKey)...)
		if got := r.store.reads - before; got != 1 {
			t.Errorf("%s: %d reads, want the client's alone", shop, got)
		}
	}
}

func TestTokenView(t *testing.T) {
	r := newRig(t)
	got := r.do(t, http.MethodGet, tokenView, "", bearer(exportKey)...)
	want := `{"shop":"lantian","appid":"wx00000000000000c1","access_token":"REAL-TOKEN-OF-THE-SHOP-lantian","expires_in":6000,"expires_at":"2026-03-01T10:40:00Z"}`
	if got.status != http.StatusOK || got.body != want || got.header.Get("Cache-Control") != "no-store" || len(r.recorded) != 1 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestExportRefusals: without the right, from elsewhere, of others, or unrecorded it
// stays.
func TestExportRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		method, target string
		header         []string
		prepare        func(r *rig)
		status, code   int
		reason         string
	}{
		"no right":            {"GET", tokenURL + key + "&export=1", nil, nil, 200, 48001, "token-export"},
		"no addresses":        {"GET", tokenURL + looseKey + "&export=1", nil, nil, 200, 48001, "token-export"},
		"another address":     {"GET", tokenURL + boundKey + "&export=1", nil, nil, 200, 40164, "address-not-allowed"},
		"not recorded":        {"GET", tokenURL + exportKey + "&export=1", nil, func(r *rig) { r.recordErr = errors.New("no database") }, 200, -1, ""},
		"revoked meanwhile":   {"GET", tokenURL + exportKey + "&export=1", nil, func(r *rig) { r.recordErr = access.ErrNotFound }, 200, 40125, "key-unknown"},
		"no token":            {"GET", tokenURL + exportKey + "&export=1", nil, noToken(503), 200, -1, ""},
		"the grant has ended": {"GET", tokenURL + exportKey + "&export=1", nil, noToken(403), 200, 61003, ""},
		"v1: no right":        {"GET", tokenView, bearer(key), nil, 403, 0, "token-export"},
		"v1: no key":          {"GET", tokenView, nil, nil, 401, 0, "key-unknown"},
		"v1: two keys":        {"GET", tokenView, append(bearer(exportKey), bearer(exportKey)...), nil, 401, 0, "key-unknown"},
		"v1: an admin's key":  {"GET", tokenView, bearer("zga_ADMIN"), nil, 401, 0, "key-unknown"},
		"v1: an ended key":    {"GET", tokenView, bearer(endedKey), nil, 401, 0, "key-unknown"},
		"v1: another's shop":  {"GET", "/v1/shops/baiyun/token", bearer(exportKey), nil, 403, 0, "shop-not-held"},
		"v1: no shop":         {"GET", "/v1/shops/nowhere/token", bearer(exportKey), nil, 403, 0, "shop-not-held"},
		"v1: POST":            {"POST", tokenView, bearer(exportKey), nil, 405, 0, ""},
		"v1: no token":        {"GET", tokenView, bearer(exportKey), noToken(503), 503, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if tt.prepare != nil {
				tt.prepare(r)
			}
			got := r.do(t, tt.method, tt.target, "", tt.header...)
			if got.status != tt.status || got.ErrCode != tt.code || strings.Contains(got.body, realToken) || len(r.recorded) > 0 {
				t.Errorf("%d %s, recorded %v", got.status, got.body, r.recorded)
			}
			switch {
			case tt.reason == "" && len(r.refused) > 0:
				t.Errorf("refused %+v", r.refused)
			case tt.reason != "" && (len(r.refused) != 1 || r.refused[0].Reason != tt.reason):
				t.Errorf("refused %+v", r.refused)
			}
		})
	}
}

func noToken(status int) func(*rig) {
	return func(r *rig) {
		r.tokenErr = &web.Error{Status: status, Code: "grant", EN: "No token. Ask", NextEN: "somebody.", Err: errors.New(realToken)}
	}
}
