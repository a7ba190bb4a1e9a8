package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// TestRESTFromOutside: what an administrator's program relies on holds on the
// public listener too, and across a restart.
func TestRESTFromOutside(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	var admin adminapi.AdminView
	r.ask("POST", "/v1/admins", map[string]any{"name": "Ops"}, &admin)

	for path, want := range map[string]int{"/v1/reference": http.StatusOK, "/v1/openapi.json": http.StatusOK, "/v1/openapi.yaml": http.StatusUnauthorized, "/v1/shops": http.StatusUnauthorized} {
		if status, body := r.get(r.base+path, ""); status != want {
			t.Errorf("%s without a key: %d %.200s", path, status, body)
		}
	}
	send := func(method, path, name, value, body string) (*http.Response, string) {
		t.Helper()
		return r.send(admin.Key, method, path, name, value, body)
	}
	resp, _ := send("GET", "/v1/shops", "If-None-Match", `""`, "")
	if again, body := send("GET", "/v1/shops", "If-None-Match", resp.Header.Get("ETag"), ""); again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("a read that is known: %d %s", again.StatusCode, body)
	}
	const in = `{"id":"late","mode":"read","shops":["` + shopID + `"]}`
	first, made := send("POST", "/v1/clients", "Idempotency-Key", "k-1", in)
	if first.StatusCode != http.StatusOK || !strings.Contains(made, "zgc_") {
		t.Fatalf("create: %d %s", first.StatusCode, made)
	}
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	r.start(nil)
	if again, body := send("POST", "/v1/clients", "Idempotency-Key", "k-1", in); again.StatusCode != http.StatusOK || body != made || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same after a restart: %d %s", again.StatusCode, body)
	}
}

// send asks with a key and a header.
func (r *rig) send(key, method, path, name, value, body string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(name, value)
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(b)
}

// TestClientsOwnSubscriptions: what stands around an administrator's operations stands
// around those of a client as well.
func TestClientsOwnSubscriptions(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	const all, wrong, in = "/v1/subscriptions", `{"url":"http://hooks.example.com/1","events":["*"]}`, `{"url":"https://hooks.example.com/1","events":["*"]}`
	create := func(key, body string, status int) string {
		t.Helper()
		resp, answer := r.send(r.key, "POST", all, "Idempotency-Key", key, body)
		if resp.StatusCode != status {
			t.Fatalf("create: %d %s, want %d", resp.StatusCode, answer, status)
		}
		return answer
	}
	create("k-1", wrong, http.StatusUnprocessableEntity)
	made := create("k-1", in, http.StatusCreated) // what was refused is mended under the same key
	if again := create("k-1", in, http.StatusCreated); again != made || !strings.Contains(made, "whsec_") {
		t.Errorf("made %s, then %s", made, again)
	}
	create("k-1", wrong, http.StatusUnprocessableEntity)
	create("k-2", in, http.StatusCreated)

	var page struct {
		Items []struct{ ID string }
		Next  string
	}
	read := func(path string) *http.Response {
		t.Helper()
		resp, body := r.send(r.key, "GET", path, "If-None-Match", `""`, "")
		page.Next = ""
		if err := json.Unmarshal([]byte(body), &page); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, body)
		}
		return resp
	}
	read(all + "?limit=1")
	first := page.Items[0].ID
	if len(page.Items) != 1 || page.Next != first {
		t.Fatalf("the first page is %+v", page)
	}
	if read(all + "?after=" + page.Next); len(page.Items) != 1 || page.Items[0].ID <= first || page.Next != "" {
		t.Errorf("the last page is %+v", page)
	}
	one := all + "/" + first
	tag := read(one).Header.Get("ETag")
	if resp, body := r.send(r.key, "GET", one, "If-None-Match", tag, ""); resp.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("a read that is known: %d %s", resp.StatusCode, body)
	}
	if resp, body := r.send(r.key, "DELETE", one, "If-Match", `"another"`, ""); resp.StatusCode != http.StatusPreconditionFailed || !strings.Contains(body, "changed-meanwhile") {
		t.Errorf("remove as it is not: %d %s", resp.StatusCode, body)
	}
	if resp, body := r.send(r.key, "DELETE", one, "If-Match", tag, ""); resp.StatusCode != http.StatusNoContent {
		t.Errorf("remove as it is: %d %s", resp.StatusCode, body)
	}
	if resp, body := r.send(r.key, "GET", all+"?after=x", "Accept", "application/json", ""); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a cursor that is none: %d %s", resp.StatusCode, body)
	}
	if resp, _ := r.send("zgc_SOMEBODYELSESOMEBODYELSE22", "POST", all, "Idempotency-Key", "k-1", in); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger with the key of a request: %d", resp.StatusCode)
	}
}
