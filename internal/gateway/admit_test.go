package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// problemBody gives an answer's problem document without the request id.
func problemBody(t *testing.T, a answer) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%d is no problem document: %v: %s", a.StatusCode, err, a.body)
	}
	delete(m, "instance")
	return m
}

// untouched is an upstream that must not be called.
func untouched(t *testing.T) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) { t.Errorf("WeChat was asked: %s", r.URL.Path) }
}

func TestStrangersGetOneAnswer(t *testing.T) {
	r := newRig(t, untouched(t))
	first := problemBody(t, r.do(t, "POST", "", "/wx/lantian"+readPath, ""))
	for name, header := range map[string][]string{
		"none":         nil,
		"unknown":      {"Authorization", "Bearer zgc_NOBODY"},
		"ended":        {"Authorization", "Bearer " + endedKey},
		"expired":      {"Authorization", "Bearer " + expiredKey},
		"admin key":    {"Authorization", "Bearer zga_ADMIN"},
		"basic":        {"Authorization", "Basic " + writeKey},
		"no scheme":    {"Authorization", writeKey},
		"two headers":  {"Authorization", "Bearer " + writeKey, "Authorization", "Bearer " + writeKey},
		"two spaces":   {"Authorization", "Bearer  " + writeKey},
		"cut":          {"Authorization", "Bearer " + writeKey[:len(writeKey)-1]},
		"longer":       {"Authorization", "Bearer " + writeKey + "A"},
		"bit flipped":  {"Authorization", "Bearer " + writeKey[:len(writeKey)-1] + "0"},
		"very long":    {"Authorization", "Bearer " + writeKey + strings.Repeat("A", 4096)},
		"in the query": {"X-Key", writeKey},
		"lower case":   {"Authorization", "Bearer " + strings.ToLower(writeKey)},
	} {
		for _, path := range []string{"/wx/lantian" + readPath, "/wx/nobody/x", "/wx/lantian/cgi-bin/token", "/wx/../x%2f"} {
			a := r.do(t, "POST", "", path+"?access_token="+writeKey, "", header...)
			if a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %d at %s", name, a.StatusCode, path)
			}
			if diff := cmp.Diff(first, problemBody(t, a)); diff != "" {
				t.Errorf("%s at %s: %s", name, path, diff)
			}
		}
	}
	if got := r.last(); got.group != "other" || got.class != "key-unknown" {
		t.Errorf("observed %+v", got)
	}
}

func TestShopsThatAreNotHeldLookAlike(t *testing.T) {
	r := newRig(t, untouched(t))
	var first map[string]any
	for _, shop := range []string{"baiyun", "nobody", "Lantian", "lantian2", "removed", strings.Repeat("a", 500)} {
		for _, path := range []string{readPath, writePath, "/cgi-bin/token", "/x"} {
			if shop == "removed" && path != readPath && path != writePath {
				continue // held, so the path is judged first
			}
			a := r.do(t, "POST", writeKey, "/wx/"+shop+path, `{}`)
			if a.StatusCode != 403 {
				t.Fatalf("%s%s: %d", shop, path, a.StatusCode)
			}
			got := problemBody(t, a)
			if first == nil {
				first = got
			}
			if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("%s%s: %s", shop, path, diff)
			}
		}
	}
	if first["code"] != "shop-not-held" {
		t.Errorf("code %v", first["code"])
	}
}

func TestAForeignShopIsNotLookedUp(t *testing.T) {
	r := newRig(t, untouched(t))
	r.do(t, "POST", writeKey, "/wx/baiyun"+readPath, "")
	before := r.store.reads
	for _, shop := range []string{"baiyun", "nobody"} {
		r.do(t, "POST", writeKey, "/wx/"+shop+readPath, "")
	}
	if r.store.reads != before {
		t.Error("the store was asked about a shop that the client does not hold: the time it takes tells whether it exists")
	}
}

func TestRightsOfAClient(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"errcode":0}`) })
	for _, tc := range []struct {
		name, key, method, path, body string
		status                        int
		code                          string
	}{
		{"read client reads", readKey, "POST", readPath, `{}`, 200, ""},
		{"read client gets", readKey, "GET", "/channels/ec/basics/info/get", "", 200, ""},
		{"read client writes", readKey, "POST", writePath, `{}`, 403, "read-only"},
		{"read client lists a product for sale", readKey, "POST", "/channels/ec/product/listing", `{}`, 403, "read-only"},
		{"read client hides a write in a GET", readKey, "GET", writePath, `{}`, 403, "read-only"},
		{"read client deletes with a GET", readKey, "GET", "/cgi-bin/menu/delete", "", 403, "read-only"},
		{"read client withdraws with a GET", readKey, "GET", "/wxa/undocodeaudit", "", 403, "read-only"},
		{"read client sends goods with a GET", readKey, "GET", "/channels/ec/order/deliver/send", "", 403, "read-only"},
		{"write client deletes with a GET", writeKey, "GET", "/cgi-bin/menu/delete", "", 200, ""},
		{"write client writes", writeKey, "POST", writePath, `{}`, 200, ""},
		{"method", writeKey, "DELETE", readPath, "", 405, "method"},
		{"options", writeKey, "OPTIONS", readPath, "", 405, "method"},
		{"token", writeKey, "GET", "/cgi-bin/token", "", 403, "path-closed"},
		{"token, upper case", writeKey, "GET", "/CGI-bin/Token", "", 403, "path-closed"},
		{"rid", writeKey, "POST", "/cgi-bin/openapi/rid/get", `{}`, 403, "path-closed"},
		{"ticket", writeKey, "GET", "/cgi-bin/ticket/getticket", "", 403, "path-closed"},
		{"sns", writeKey, "GET", "/sns/userinfo", "", 403, "path-closed"},
		{"elsewhere", writeKey, "GET", "/connect/oauth2/authorize", "", 403, "path-closed"},
		{"dots", writeKey, "GET", "/channels/ec/../../cgi-bin/token", "", 400, "target"},
		{"semicolon", writeKey, "GET", readPath + "?a=1;access_token=x", "", 400, "target"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := r.do(t, tc.method, tc.key, "/wx/lantian"+tc.path, tc.body)
			if a.StatusCode != tc.status {
				t.Fatalf("%d, want %d: %s", a.StatusCode, tc.status, a.body)
			}
			if tc.status == 200 {
				return
			}
			if p := problemBody(t, a); p["code"] != tc.code || p["next"] == "" {
				t.Errorf("problem %v", p)
			}
			if tc.status == 405 && a.Header.Get("Allow") != "GET, POST" {
				t.Error("no Allow header")
			}
			if got := r.last(); got.attempts != 0 || got.class != tc.code {
				t.Errorf("observed %+v", got)
			}
		})
	}
	r.clean(t)
}

func TestARevokedKeyIsRefusedWithinASecond(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {})
	revoke := func(at time.Time) {
		r.store.with(func(s *fakeStore) {
			for hash, c := range s.clients {
				if c.ID == "erp" {
					c.RevokedAt = at
					s.clients[hash] = c
				}
			}
		})
	}
	status := func() int { return r.post(t, readPath, `{}`).StatusCode }
	if status() != 200 {
		t.Fatal("the key does not work")
	}
	revoke(r.clock())
	r.advance(time.Second - time.Nanosecond)
	if got := status(); got != 401 {
		t.Errorf("a second after it was revoked: %d", got)
	}
	revoke(time.Time{})
	r.Forget()
	if status() != 200 {
		t.Fatal("the key does not work again")
	}
	revoke(r.clock())
	r.Forget()
	if got := status(); got != 401 {
		t.Errorf("told to forget: %d", got)
	}
}

func TestAnExpiryCountsToTheInstant(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {})
	r.store.with(func(s *fakeStore) {
		for hash, c := range s.clients {
			c.ExpiresAt = r.clock().Add(100 * time.Millisecond)
			s.clients[hash] = c
		}
	})
	if got := r.post(t, readPath, "").StatusCode; got != 200 {
		t.Errorf("before: %d", got)
	}
	r.advance(100 * time.Millisecond)
	if got := r.post(t, readPath, "").StatusCode; got != 401 {
		t.Errorf("after: %d", got)
	}
}

func TestRefusalsAreNoted(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {})
	r.do(t, "POST", "", "/wx/lantian"+readPath, "")
	r.do(t, "POST", endedKey, "/wx/lantian"+readPath, "")
	r.do(t, "POST", writeKey, "/wx/baiyun"+readPath, "")
	r.do(t, "POST", writeKey, "/wx/lantian/cgi-bin/clear_quota", "")
	r.do(t, "POST", readKey, "/wx/lantian"+writePath, "")
	r.do(t, "POST", writeKey, "/wx/lantian"+readPath, "") // not a refusal
	r.store.with(func(s *fakeStore) { s.err = errors.New("down") })
	r.do(t, "POST", "zgc_UNKNOWN", "/wx/lantian"+readPath, "") // a failure, not a refusal
	type short struct{ Client, Shop, Reason string }
	var got []short
	for _, n := range r.notes.refusals {
		got = append(got, short{n.ClientID, n.Shop, n.Reason})
		if !n.Addr.IsLoopback() || n.At.IsZero() {
			t.Errorf("refusal %+v", n)
		}
	}
	want := []short{
		{"", "", "key-unknown"},
		{"gone", "", "key-unknown"},
		{"erp", "baiyun", "shop-not-held"},
		{"erp", "lantian", "shared-quota"},
		{"board", "lantian", "read-only"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRefusalEntry(t *testing.T) {
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	known := Refusal{At: at, ClientID: "erp", Shop: "lantian", Reason: "read-only"}.Entry("digest", 3)
	want := audit.Entry{
		At: at, Actor: audit.Actor{Kind: audit.ActorClient, ID: "erp"}, Action: "gateway.call",
		Subject: "shop:lantian", Outcome: audit.Refused, Reason: "read-only", Count: 3,
	}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Error(diff)
	}
	second := Refusal{At: at, ClientID: "erp", Shop: "lantian", Reason: "rate", Rule: "rate", Key: "zgc_AB12…"}.Entry("digest", 1)
	if second.Details["key"] != "zgc_AB12…" || second.Details["rule"] != "rate" {
		t.Errorf("of two keys the entry names %v", second.Details)
	}
	stranger := Refusal{At: at, Reason: "key-unknown"}.Entry("digest", 1)
	if stranger.Actor != (audit.Actor{Kind: audit.ActorStranger, ID: "digest"}) || stranger.Subject != "" {
		t.Errorf("stranger: %+v", stranger)
	}
}
