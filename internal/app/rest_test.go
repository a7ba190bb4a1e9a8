package app_test

import (
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
		req, err := http.NewRequestWithContext(t.Context(), method, r.base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+admin.Key)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(name, value)
		resp, err := r.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
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
