package dropin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/outage"
	"github.com/zhanggui/zhanggui/internal/web"
)

const stableURL = "/cgi-bin/stable_token"

func stableBody(appid, secret, more string) string {
	return fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q%s}`, appid, secret, more)
}

// TestBothEndpointsGiveOneAlias: also to who wants it forced, for an alias is
// computed and nothing is minted.
func TestBothEndpointsGiveOneAlias(t *testing.T) {
	r := newRig(t)
	first := r.do(t, http.MethodGet, tokenURL+key, "")
	if first.ExpiresIn < 300 || first.ExpiresIn > 7200 || first.header.Get("Cache-Control") != "no-store" ||
		first.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Fatalf("%d %s %v", first.status, first.body, first.header)
	}
	name, err := r.aliases.Read(first.Token, r.now)
	if diff := cmp.Diff(alias.Name{Kind: alias.Shop, KeyHash: string(access.HashKey(key)), ID: "lantian"}, name); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	r.now = r.now.Add(time.Minute)
	for _, more := range []string{"", `,"force_refresh":false`, `,"force_refresh":true`, `,"force_refresh":"true"`, `,"other":[1]`} {
		if got := r.post(t, stableURL, stableBody(shopAppID, key, more)); got.Token != first.Token || got.ExpiresIn != first.ExpiresIn-60 {
			t.Errorf("with %q: %s", more, got.body)
		}
	}
	if strings.Contains(r.log.String(), "zgt_") || strings.Contains(r.log.String(), "zgc_") || !strings.Contains(r.log.String(), "route=/cgi-bin/token") {
		t.Errorf("the log: %s", r.log.String())
	}
}

func TestTokenRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		method, target, body string
		errcode              int
		reason               string // of the audit entry; empty: none
		actor                audit.Actor
	}{
		"grant type":        {"GET", "/cgi-bin/token?grant_type=password&appid=" + shopAppID + "&secret=" + key, "", 40002, "", audit.Actor{}},
		"no grant type":     {"GET", "/cgi-bin/token", "", 40002, "", audit.Actor{}},
		"no appid":          {"GET", "/cgi-bin/token?grant_type=client_credential&secret=" + key, "", 41002, "", audit.Actor{}},
		"no secret":         {"GET", tokenURL, "", 41004, "", audit.Actor{}},
		"an AppSecret":      {"GET", tokenURL + "0123456789abcdef0123456789abcdef", "", 40125, "key-unknown", audit.Actor{Kind: audit.ActorStranger}},
		"an unknown key":    {"GET", tokenURL + "zgc_NOBODY", "", 40125, "key-unknown", audit.Actor{Kind: audit.ActorStranger}},
		"a long key":        {"GET", tokenURL + "zgc_" + strings.Repeat("A", 200), "", 40125, "key-unknown", audit.Actor{Kind: audit.ActorStranger}},
		"an ended key":      {"GET", tokenURL + endedKey, "", 40125, "key-unknown", audit.Actor{Kind: audit.ActorClient, ID: "gone"}},
		"another address":   {"GET", tokenURL + boundKey, "", 40164, "address-not-allowed", audit.Actor{Kind: audit.ActorClient, ID: "bound"}},
		"another's shop":    {"GET", tokenURL + otherKey, "", 40013, "shop-not-held", audit.Actor{Kind: audit.ActorClient, ID: "other"}},
		"no shop":           {"POST", stableURL, stableBody("wx0000000000000fff", key, ""), 40013, "shop-not-held", audit.Actor{Kind: audit.ActorClient, ID: "erp"}},
		"a platform":        {"POST", stableURL, stableBody(platform, key, ""), 61024, "appid-of-platform", audit.Actor{Kind: audit.ActorClient, ID: "erp"}},
		"a foreign one":     {"POST", stableURL, stableBody(platform2, key, ""), 40013, "shop-not-held", audit.Actor{Kind: audit.ActorClient, ID: "erp"}},
		"POST for GET":      {"POST", tokenURL + key, "", 43001, "", audit.Actor{}},
		"GET for POST":      {"GET", stableURL, "", 43002, "", audit.Actor{}},
		"no body":           {"POST", stableURL, "", 47001, "", audit.Actor{}},
		"half a body":       {"POST", stableURL, `{"grant_type":"client_cred`, 47001, "", audit.Actor{}},
		"a list":            {"POST", stableURL, `[]`, 47001, "", audit.Actor{}},
		"a number as appid": {"POST", stableURL, `{"grant_type":"client_credential","appid":1}`, 47001, "", audit.Actor{}},
		"null":              {"POST", stableURL, `null`, 40002, "", audit.Actor{}},
		"a huge body":       {"POST", stableURL, strings.Repeat(" ", 1<<20), 45002, "", audit.Actor{}},
		"another path":      {"POST", "/cgi-bin/component/api_create_preauthcode", "{}", 48001, "", audit.Actor{}},
		"an encoded path":   {"GET", strings.Replace(tokenURL, "token", "%74oken", 1) + key, "", 48001, "", audit.Actor{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			got := r.do(t, tt.method, tt.target, tt.body)
			if got.status != http.StatusOK || got.ErrCode != tt.errcode || !strings.Contains(got.ErrMsg, ". ") || !strings.Contains(got.ErrMsg, " rid: ") {
				t.Errorf("%d %s", got.status, got.body)
			}
			if strings.Contains(got.body+r.log.String(), "zgc_E") || strings.Contains(got.body, "0123456789abcdef") {
				t.Errorf("what was sent shows: %s%s", got.body, r.log.String())
			}
			if tt.reason == "" {
				if len(r.refused) > 0 {
					t.Errorf("recorded %+v", r.refused)
				}
				return
			}
			want := []audit.Entry{{At: start, Actor: tt.actor, Action: "dropin.call", Outcome: audit.Refused, Reason: tt.reason}}
			if diff := cmp.Diff(want, r.refused); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFetchesAreHeldToTheRate: also those that are refused later, since they are what
// costs. Strangers have no rate.
func TestFetchesAreHeldToTheRate(t *testing.T) {
	r := newRig(t)
	r.store.pace = &web.Error{Status: http.StatusTooManyRequests, Code: "rate", RetryAfter: 1500 * time.Millisecond, EN: "Too fast.", NextEN: "Wait."}
	cat, _ := r.aliases.Make(alias.Name{Kind: alias.Platform, KeyHash: string(access.HashKey(key)), ID: "platform"}, start)
	for name, ask := range map[string]func() said{
		"token":          func() said { return r.do(t, http.MethodGet, tokenURL+key, "") },
		"stable":         func() said { return r.post(t, stableURL, stableBody(shopAppID, key, "")) },
		"a foreign shop": func() said { return r.post(t, stableURL, stableBody(foreign, key, "")) },
		"platform": func() said {
			return r.post(t, componentPath+"api_component_token", fmt.Sprintf(`{"component_appid":%q,"component_appsecret":%q}`, platform2, key))
		},
		"list": func() said { return r.behalf(t, "api_get_authorizer_list", cat.RevealString(), `,"count":1`) },
	} {
		r.store.reads, r.store.paced, r.refused = 0, nil, nil
		got := ask()
		if got.status != http.StatusOK || got.ErrCode != 45011 || got.header.Get("Retry-After") != "2" || r.store.reads != 1 {
			t.Errorf("%s: %d %s, %v, %d reads", name, got.status, got.body, got.header, r.store.reads)
		}
		want := []audit.Entry{{At: start, Actor: audit.Actor{Kind: audit.ActorClient, ID: "erp"}, Action: "dropin.call", Outcome: audit.Refused, Reason: "rate"}}
		if diff := cmp.Diff(want, r.refused); diff != "" || len(r.store.paced) != 1 {
			t.Errorf("%s: asked %d times; %s", name, len(r.store.paced), diff)
		}
	}
	if got := r.do(t, http.MethodGet, "/v1/shops/lantian/token", "", "Authorization", "Bearer "+key); got.status != http.StatusTooManyRequests || got.ErrCode != 0 {
		t.Errorf("export: %d %s", got.status, got.body)
	}
	r.store.paced = nil
	if got := r.do(t, http.MethodGet, tokenURL+"zgc_NOBODY", ""); got.ErrCode != 40125 || len(r.store.paced) != 0 {
		t.Errorf("a stranger: %s", got.body)
	}
	r.store.pace = access.ErrNotFound // the key ended between two looks
	if got := r.do(t, http.MethodGet, tokenURL+key, ""); got.ErrCode != 40125 {
		t.Errorf("a key that just ended: %s", got.body)
	}
	r.store.pace = errors.New("the store is away")
	if got := r.do(t, http.MethodGet, tokenURL+key, ""); got.ErrCode != -1 {
		t.Errorf("without the store: %s", got.body)
	}
}

// TestAForeignPlatformCostsThreeReads: the client, a shop of this appid, the platform's
// shops; however many shops the client holds, and whether the platform is there or not.
func TestAForeignPlatformCostsThreeReads(t *testing.T) {
	r := newRig(t)
	hash := string(access.HashKey(key))
	c := r.store.clients[hash]
	for i := range 1000 {
		c.Shops = append(c.Shops, fmt.Sprintf("shop-%d", i))
	}
	r.store.clients[hash] = c
	for _, appid := range []string{platform2, "wx0000000000000fff"} {
		r.store.reads = 0
		if got := r.post(t, stableURL, stableBody(appid, key, "")); got.ErrCode != 40013 || r.store.reads != 3 {
			t.Errorf("%s: %d reads, %s", appid, r.store.reads, got.body)
		}
	}
}

// TestARequestLineThatNamesAHost is refused as package gateway refuses it.
func TestARequestLineThatNamesAHost(t *testing.T) {
	r := newRig(t)
	for _, target := range []string{"http://keys.example.com" + tokenURL + key, "http://user@keys.example.com" + tokenURL + key} {
		if got := r.do(t, http.MethodGet, target, ""); got.status != http.StatusOK || got.ErrCode != 40066 || got.Token != "" {
			t.Errorf("%s: %d %s", target, got.status, got.body)
		}
	}
	if got := r.do(t, http.MethodGet, "http://keys.example.com/v1/shops/lantian/token", "", "Authorization", "Bearer "+exportKey); got.status != http.StatusBadRequest || got.Token != "" {
		t.Errorf("export: %d %s", got.status, got.body)
	}
}

// TestABodyWithoutALength is bounded all the same.
func TestABodyWithoutALength(t *testing.T) {
	r := newRig(t)
	for body, errcode := range map[string]int{stableBody(shopAppID, key, ""): 0, strings.Repeat(" ", 1<<20): 45002} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, stableURL, io.MultiReader(strings.NewReader(body)))
		w := httptest.NewRecorder()
		r.front.ServeHTTP(w, req)
		var got said
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.ErrCode != errcode || (got.Token == "") != (errcode != 0) {
			t.Errorf("%d bytes: %s", len(body), w.Body)
		}
	}
}

// TestUnknownAndForeignAppIDsLookTheSame: to the byte, but for the request id.
func TestUnknownAndForeignAppIDsLookTheSame(t *testing.T) {
	r := newRig(t)
	cut := func(appid string) string {
		text, _, _ := strings.Cut(r.post(t, stableURL, stableBody(appid, key, "")).body, "rid:")
		return text
	}
	if a, b := cut(foreign), cut("wx0000000000000fff"); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

// TestForeignAppIDsAreNotKnownByTheirTime: what is not the caller's costs the same
// reads whether it is there or not, also when it was asked for a moment ago by those
// who hold it. When it cannot be looked for, it is not known from memory.
func TestForeignAppIDsAreNotKnownByTheirTime(t *testing.T) {
	asked := func(appid string) (reads, errcodes []int) {
		r := newRig(t)
		r.post(t, stableURL, stableBody(foreign, otherKey, ""))
		for _, r.store.down = range []error{nil, nil, errors.New("the database is away")} {
			before := r.store.reads
			errcodes = append(errcodes, r.post(t, stableURL, stableBody(appid, key, "")).ErrCode)
			reads = append(reads, r.store.reads-before)
		}
		return reads, errcodes
	}
	wantReads, wantCodes := asked("wx0000000000000fff")
	reads, codes := asked(foreign)
	if diff := cmp.Diff([2][]int{wantReads, wantCodes}, [2][]int{reads, codes}); diff != "" {
		t.Error(diff)
	}
}

// TestShopsAreRememberedForAMoment: a program that asks all the time costs the
// store one read a second.
func TestShopsAreRememberedForAMoment(t *testing.T) {
	r := newRig(t)
	for range 10 {
		r.do(t, http.MethodGet, tokenURL+key, "")
	}
	if r.store.byAppID != 1 {
		t.Errorf("%d reads", r.store.byAppID)
	}
	r.now = r.now.Add(time.Second)
	r.do(t, http.MethodGet, tokenURL+key, "")
	r.Forget()
	r.do(t, http.MethodGet, tokenURL+key, "")
	if r.store.byAppID != 3 {
		t.Errorf("%d reads", r.store.byAppID)
	}
	// A memory of who asked first is no right of who asks next.
	if got := r.do(t, http.MethodGet, tokenURL+otherKey, ""); got.ErrCode != 40013 {
		t.Errorf("%s", got.body)
	}
}

// TestWithoutTheDatabase: what stands by knows shops by their ids only.
func TestWithoutTheDatabase(t *testing.T) {
	r := newRig(t)
	r.store.down = errors.New("the database is away")
	if got := r.do(t, http.MethodGet, tokenURL+key, ""); got.Token == "" {
		t.Errorf("%s", got.body)
	}
	if got := r.post(t, stableURL, stableBody("wx0000000000000fff", key, "")); got.ErrCode != -1 || got.status != http.StatusOK {
		t.Errorf("an appid that may be there: %s", got.body)
	}
	r.Forget()
	r.store.err = errors.New("nothing answers")
	if got := r.do(t, http.MethodGet, tokenURL+key, ""); got.ErrCode != -1 || got.status != http.StatusOK || strings.Contains(got.body, "nothing answers") {
		t.Errorf("%s", got.body)
	}
	r.store.err = fmt.Errorf("store: read: %w", &outage.Error{Kind: outage.Away, Err: errors.New("no server")})
	if got := r.do(t, http.MethodGet, tokenURL+key, ""); got.ErrCode != -1 || got.header.Get("X-Zhanggui-Cause") != web.CodeDatabase ||
		got.header.Get("Retry-After") != "5" || !strings.Contains(got.ErrMsg, "database does not answer") {
		t.Errorf("%v %s", got.header, got.body)
	}
}
