package adminapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
)

func (r *rig) keyed(by audit.Actor, path, key, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	return r.headed(by, "POST", path, "Idempotency-Key", key, body)
}

// says tells whether an answer is a problem of this kind.
func says(rec *httptest.ResponseRecorder, status int, code string) bool {
	var p struct{ Code string }
	return json.Unmarshal(rec.Body.Bytes(), &p) == nil && rec.Code == status && p.Code == code
}

// TestRepeatedCreate: who lost the answer gets it again, key and all, and one thing
// is made.
func TestRepeatedCreate(t *testing.T) {
	t.Parallel()
	r := populated(t)
	for path, in := range map[string]string{
		"/v1/admins":        `{"name":"Tester"}`,
		"/v1/clients":       `{"id":"again","mode":"read","shops":["lantian"]}`,
		"/v1/invitations":   `{"tenant":"tea","role":"owner"}`,
		"/v1/subscriptions": `{"client":"bi","url":"https://hooks.example.com/again","events":["*"]}`,
		"/v1/apply":         `{"clients":[{"id":"applied","mode":"read","shops":["lantian"]}]}`,
		"/v1/subscriptions/" + list[adminapi.SubscriptionView](r, "/v1/subscriptions")[0].ID + "/rotate": ``,
	} {
		before := len(r.entries())
		first := r.keyed(operator, path, "key-of-"+path, in)
		made := len(r.entries())
		again := r.keyed(operator, path, "key-of-"+path, in)
		if first.Code != http.StatusOK || first.Header().Get("Idempotency-Replayed") != "" {
			t.Fatalf("%s: %d %s", path, first.Code, first.Body)
		}
		if again.Code != first.Code || again.Body.String() != first.Body.String() || again.Header().Get("Content-Type") != first.Header().Get("Content-Type") || again.Header().Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s again: %d %s, was %d %s", path, again.Code, again.Body, first.Code, first.Body)
		}
		if after := len(r.entries()); made == before || after != made {
			t.Errorf("%s: %d entries before, %d after one, %d after two", path, before, made, after)
		}
	}
}

// TestKeyWithAnotherBody: a key names one request of one sender.
func TestKeyWithAnotherBody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"name":"Tester"}`
	first := r.keyed(operator, "/v1/admins", "k", body)
	for path, in := range map[string]string{"/v1/admins": `{"name":"Other"}`, "/v1/admins?x=1": body, "/v1/apply": body} {
		if rec := r.keyed(operator, path, "k", in); !says(rec, http.StatusUnprocessableEntity, "idempotency-key-reused") {
			t.Errorf("%s %s with a key that is used: %d %s", path, in, rec.Code, rec.Body)
		}
	}
	other := r.keyed(audit.Actor{Kind: audit.ActorAdmin, ID: "a_other"}, "/v1/admins", "k", body)
	if other.Code != http.StatusOK || other.Body.String() == first.Body.String() {
		t.Errorf("another's request with the same key gets %d %s", other.Code, other.Body)
	}
	for _, key := range []string{"", "with space", "schlüssel", strings.Repeat("k", 256)} {
		if rec := r.keyed(operator, "/v1/admins", key, body); !says(rec, http.StatusBadRequest, "idempotency-key") {
			t.Errorf("key %q: %d %s", key, rec.Code, rec.Body)
		}
	}
	if rec := r.keyed(audit.Actor{}, "/v1/admins", "k", body); rec.Code != http.StatusUnauthorized {
		t.Errorf("a stranger with the key gets %d %s", rec.Code, rec.Body)
	}
	if rec := r.keyed(operator, "/v1/admins", "big", `{"name":"`+strings.Repeat("x", 1<<20)+`"}`); !says(rec, http.StatusRequestEntityTooLarge, "body-too-large") {
		t.Errorf("a body too large: %d", rec.Code)
	}
	r.at = epoch.Add(access.RequestKept)
	if late := r.keyed(operator, "/v1/admins", "k", body); late.Code != http.StatusOK || late.Body.String() == first.Body.String() {
		t.Errorf("a day later: %d %s", late.Code, late.Body)
	}
}

// TestKeyAfterNo: what was refused may be sent anew with the same key.
func TestKeyAfterNo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if rec := r.keyed(operator, "/v1/admins", "k", `{"name":""}`); rec.Code != http.StatusUnprocessableEntity {
		t.Fatalf("a name too short: %d", rec.Code)
	}
	if rec := r.keyed(operator, "/v1/admins", "k", `{"name":"Tester"}`); rec.Code != http.StatusOK {
		t.Errorf("mended: %d %s", rec.Code, rec.Body)
	}
}

// TestKeyInFlight: the same request at the same time makes nothing twice.
func TestKeyInFlight(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.trying = func() {
		rec := r.keyed(operator, "/v1/notices/test", "k", ``)
		if !says(rec, http.StatusConflict, "in-flight") || rec.Header().Get("Retry-After") == "" {
			t.Errorf("meanwhile: %d %s", rec.Code, rec.Body)
		}
	}
	if rec := r.keyed(operator, "/v1/notices/test", "k", ``); rec.Code != http.StatusOK || len(r.tested) != 1 {
		t.Errorf("%d, tried %d times: %s", rec.Code, len(r.tested), rec.Body)
	}
}

// TestKeyOutcomeUnknown: a commit that failed may have landed, so nobody makes it
// twice by a key.
func TestKeyOutcomeUnknown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	commits := 0
	r.store.InterceptCommits(func(commit func() error) error {
		commits++
		if err := commit(); err != nil || commits == 1 {
			return err
		}
		return errors.New("the disk went away")
	})
	body := `{"name":"Tester"}`
	if rec := r.keyed(operator, "/v1/admins", "k", body); rec.Code != http.StatusInternalServerError {
		t.Fatalf("the failure is answered with %d", rec.Code)
	}
	r.store.InterceptCommits(nil)
	if rec := r.keyed(operator, "/v1/admins", "k", body); !says(rec, http.StatusConflict, "in-flight") {
		t.Errorf("at once: %d %s", rec.Code, rec.Body)
	}
	r.at = epoch.Add(time.Hour)
	if rec := r.keyed(operator, "/v1/admins", "k", body); !says(rec, http.StatusConflict, "outcome-unknown") {
		t.Errorf("later: %d %s", rec.Code, rec.Body)
	}
	if admins := list[adminapi.AdminView](r, "/v1/admins"); len(admins) != 1 {
		t.Errorf("%d administrators", len(admins))
	}
}

// TestKeptAnswersAreSealed: the database shows no key that an answer showed.
func TestKeptAnswersAreSealed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var made adminapi.AdminView
	if err := json.Unmarshal(r.keyed(operator, "/v1/admins", "k", `{"name":"Tester"}`).Body.Bytes(), &made); err != nil || made.Key == "" {
		t.Fatal(err)
	}
	if len(r.kept) != 1 || r.kept[0].Status != http.StatusOK || strings.Contains(string(r.kept[0].Answer), made.Key) || strings.Contains(string(r.kept[0].Answer), "Tester") {
		t.Errorf("kept %d answers, the first with status %d", len(r.kept), r.kept[0].Status)
	}
}
