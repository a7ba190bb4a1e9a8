package adminapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// TestETags: a read has a strong tag that changes with what it says, and is not
// sent to whoever has it.
func TestETags(t *testing.T) {
	t.Parallel()
	r := populated(t)
	read := func(path, have string) (int, string, string) {
		t.Helper()
		rec := r.headed(operator, "GET", path, "If-None-Match", have, "")
		return rec.Code, rec.Header().Get("ETag"), rec.Body.String()
	}
	for _, path := range append(lists, "/v1/clients/erp", "/v1/shops/lantian", "/v1/clock", "/v1/openapi.json") {
		code, tag, _ := read(path, `"another"`)
		if code != http.StatusOK || !strings.HasPrefix(tag, `"`) || len(tag) < 20 {
			t.Fatalf("%s: %d, tag %s", path, code, tag)
		}
		for _, have := range []string{tag, `"another", ` + tag, "W/" + tag, "*"} {
			if code, same, body := read(path, have); code != http.StatusNotModified || same != tag || body != "" {
				t.Errorf("%s, had %s: %d %s %q", path, have, code, same, body)
			}
		}
	}
	_, before, _ := read("/v1/clients/erp", `""`)
	r.ask("POST", "/v1/clients/erp/revoke", nil, nil)
	if code, after, _ := read("/v1/clients/erp", before); code != http.StatusOK || after == before {
		t.Errorf("after a change: %d, tag %s was %s", code, after, before)
	}
	if code, tag, _ := read("/v1/clients/unknown", "*"); code != http.StatusNotFound || tag != "" {
		t.Errorf("of nothing: %d, tag %s", code, tag)
	}
	if rec := r.headed(audit.Actor{}, "GET", "/v1/clients/erp", "If-None-Match", "*", ""); rec.Code != http.StatusUnauthorized {
		t.Errorf("a stranger learns %d", rec.Code)
	}
}

// TestIfMatch: a change is made only of what the caller saw.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	r := populated(t)
	tag := r.say("GET", "/v1/grants/g_0001", nil).Header().Get("ETag")
	revoke := func(have string) int {
		return r.headed(operator, "POST", "/v1/grants/g_0001/revoke", "If-Match", have, `{}`).Code
	}
	for _, have := range []string{`"another"`, "W/" + tag, ""} {
		if code := revoke(have); code != http.StatusPreconditionFailed {
			t.Errorf("If-Match %q: %d", have, code)
		}
	}
	var g adminapi.GrantView
	if r.ask("GET", "/v1/grants/g_0001", nil, &g); g.State != "active" {
		t.Fatalf("refused changes made it %s", g.State)
	}
	if code := revoke(`"another", ` + tag); code != http.StatusOK {
		t.Errorf("with the tag that was read: %d", code)
	}
	if code := revoke(tag); code != http.StatusPreconditionFailed {
		t.Errorf("with a tag that is over: %d", code)
	}
	if code := revoke("*"); code != http.StatusOK {
		t.Errorf("with any: %d", code)
	}
	for _, path := range []string{"/v1/grants/unknown/revoke", "/v1/grants/g%2F0001/revoke"} {
		if rec := r.headed(operator, "POST", path, "If-Match", "*", `{"name":"x"}`); rec.Code == http.StatusOK {
			t.Errorf("%s, which is not there: %d", path, rec.Code)
		}
	}
	if rec := r.headed(audit.Actor{}, "POST", "/v1/grants/g_0001/revoke", "If-Match", "*", `{}`); rec.Code != http.StatusUnauthorized {
		t.Errorf("a stranger learns %d", rec.Code)
	}
}

// TestIfMatchHoldsAcrossReplicas: what another replica changes between the look and
// the change is seen, and nothing is done.
func TestIfMatchHoldsAcrossReplicas(t *testing.T) {
	t.Parallel()
	r := populated(t)
	tag := r.say("GET", "/v1/clients/erp", nil).Header().Get("ETag")
	r.meanwhile = func() { // as another replica does: with an interface of its own on the same store
		r.ask("POST", "/v1/clients/erp/grant", map[string]any{"mode": "write"}, nil)
	}
	before := len(r.entries())
	rec := r.headed(operator, "POST", "/v1/clients/erp/revoke", "If-Match", tag, "")
	if rec.Code != http.StatusPreconditionFailed || !strings.Contains(rec.Body.String(), `"changed-meanwhile"`) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	var c adminapi.ClientView
	if r.ask("GET", "/v1/clients/erp", nil, &c); c.Mode != "write" || !c.Live || len(r.entries()) != before+1 {
		t.Errorf("it is %+v after %d more entries, want the other's change alone", c, len(r.entries())-before)
	}
	tag = r.say("GET", "/v1/clients/erp", nil).Header().Get("ETag")
	if rec := r.headed(operator, "POST", "/v1/clients/erp/revoke", "If-Match", tag, ""); rec.Code != http.StatusOK {
		t.Errorf("decided anew: %d %s", rec.Code, rec.Body)
	}
}
