package adminapi_test

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/store/postgres"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// storedBodies are what some operations take, so that they come as far as the store.
// Others take nothing, or find fault with an empty object before they look anything up.
var storedBodies = map[string]string{
	"POST /v1/apply":         `{"tenants":[{"id":"lantian","name":"蓝天文具"}]}`,
	"POST /v1/tenants":       `{"id":"lantian","name":"蓝天文具"}`,
	"POST /v1/shops":         `{"id":"tea","tenant":"lantian","name":"红土茶庄","appid":"wx00000000000000c1","secret":"` + shopSecret + `"}`,
	"POST /v1/clients":       `{"id":"erp","shops":["lantian"],"mode":"read"}`,
	"POST /v1/admins":        `{"name":"deploy","days":30}`,
	"POST /v1/invitations":   `{"tenant":"lantian","role":"viewer"}`,
	"POST /v1/grants/7/mode": `{"mode":"lead"}`,
}

// TestNoOperationWithoutDatabase: what cannot be done without the database is
// answered as such by every operation, also while nobody is sure yet that it is away.
func TestNoOperationWithoutDatabase(t *testing.T) {
	t.Parallel()
	nobody, err := postgres.Later(secret.FromString("postgres:///zhanggui?host=/nonexistent"), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nobody.Close(); err != nil {
			t.Error(err)
		}
	})
	r := newRigOn(t, nobody.Store)
	refused := 0
	for path, methods := range operations(t, r) {
		for method := range methods {
			method, path := strings.ToUpper(method), parameter.ReplaceAllString(path, "7")
			body := storedBodies[method+" "+path]
			if method != http.MethodGet {
				body = cmp.Or(body, "{}")
			}
			rec := r.raw(operator, method, path, "application/json", body)
			switch {
			case rec.Code == http.StatusServiceUnavailable:
				refused++
				r.saysNoDatabase(method+" "+path, rec)
			case rec.Code >= http.StatusInternalServerError || storedBodies[method+" "+path] != "":
				t.Errorf("%s %s: %d %s", method, path, rec.Code, rec.Body)
			}
		}
	}
	if refused < 80 {
		t.Errorf("%d operations came as far as the database: the test looks at little", refused)
	}
	r.saysNoDatabase("with a key", r.headed(operator, "POST", "/v1/tenants", "Idempotency-Key", "k", storedBodies["POST /v1/tenants"]))
}

// saysNoDatabase wants the answer of every door.
func (r *rig) saysNoDatabase(what string, rec *httptest.ResponseRecorder) {
	r.t.Helper()
	var p struct{ Code, Cause, Next string }
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		r.t.Errorf("%s: %v", what, err)
	}
	if rec.Code != http.StatusServiceUnavailable || p.Code != "database-down" || !strings.Contains(p.Cause, "The database does not answer") ||
		p.Next == "" || rec.Header().Get("Retry-After") != "5" {
		r.t.Errorf("%s: %d %+v, Retry-After %q", what, rec.Code, p, rec.Header().Get("Retry-After"))
	}
}
