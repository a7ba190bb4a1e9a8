package oidc

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

func TestCatalogue(t *testing.T) {
	if err := ui.CheckCatalogue(Catalogue); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsSentToAnUndeclaredPlace(t *testing.T) {
	w := newWorld(t)
	for name, tt := range map[string]struct {
		changes url.Values
		page    string
	}{
		"another host":      {url.Values{"redirect_uri": {"https://evil.example.net/callback"}}, "oidc-redirect"},
		"longer":            {url.Values{"redirect_uri": {callback + "/x"}}, "oidc-redirect"},
		"with a query":      {url.Values{"redirect_uri": {callback + "?x=1"}}, "oidc-redirect"},
		"upper case":        {url.Values{"redirect_uri": {"https://ERP.example.com/callback"}}, "oidc-redirect"},
		"another scheme":    {url.Values{"redirect_uri": {"http://erp.example.com/callback"}}, "oidc-redirect"},
		"a port":            {url.Values{"redirect_uri": {"https://erp.example.com:8443/callback"}}, "oidc-redirect"},
		"own, another path": {url.Values{"redirect_uri": {"http://127.0.0.1:7777/other"}}, "oidc-redirect"},
		"own, by name":      {url.Values{"redirect_uri": {"http://localhost:7777/cb"}}, "oidc-redirect"},
		"own, with user":    {url.Values{"redirect_uri": {"http://127.0.0.1@evil.example.net/cb"}}, "oidc-redirect"},
		"own, with a tail":  {url.Values{"redirect_uri": {"http://127.0.0.1:7777/cb#x"}}, "oidc-redirect"},
		"left out":          {url.Values{"redirect_uri": {"-"}}, "oidc-redirect"},
		"two":               {url.Values{"redirect_uri": {callback, callback}}, "oidc-twice"},
		"two programs":      {url.Values{"client_id": {"erp", "old"}}, "oidc-twice"},
		"unknown program":   {url.Values{"client_id": {"nobody"}}, "oidc-client"},
		"no program":        {url.Values{"client_id": {"-"}}, "oidc-client"},
	} {
		answer := w.authorize("owner", tt.changes)
		if answer.Code != http.StatusBadRequest || answer.Header().Get("Location") != "" {
			t.Errorf("%s: %d to %q", name, answer.Code, answer.Header().Get("Location"))
		}
		if body := answer.Body.String(); !strings.Contains(body, `href="/"`) || strings.Contains(body, "evil.example.net") {
			t.Errorf("%s: the page offers no way on, or repeats the address: %s", name, body)
		}
		if last := w.refusals[len(w.refusals)-1]; last != tt.page {
			t.Errorf("%s: the tally was told %q", name, last)
		}
	}
	if len(w.logins) > 0 {
		t.Errorf("%d logins", len(w.logins))
	}
}

func TestProgramsOnThePersonsMachineListenOnAnyPort(t *testing.T) {
	w := newWorld(t)
	for _, port := range []string{"", ":7777", ":65535"} {
		answer := w.authorize("owner", url.Values{"redirect_uri": {"http://127.0.0.1" + port + "/cb"}})
		if to := answer.Header().Get("Location"); !strings.HasPrefix(to, "http://127.0.0.1"+port+"/cb?code=") {
			t.Errorf("%d to %q", answer.Code, to)
		}
	}
	if answer := w.authorize("owner", url.Values{"redirect_uri": {"http://127.0.0.1:99999/cb"}}); answer.Code != http.StatusBadRequest {
		t.Errorf("a port that is none: %d", answer.Code)
	}
}

func TestWhatIsWrongGoesBackToTheProgram(t *testing.T) {
	w := newWorld(t)
	for name, tt := range map[string]struct {
		changes url.Values
		want    string
	}{
		"implicit":                 {url.Values{"response_type": {"token"}}, "unsupported_response_type"},
		"no response type":         {url.Values{"response_type": {"-"}}, "unsupported_response_type"},
		"fragment":                 {url.Values{"response_mode": {"fragment"}}, "invalid_request"},
		"not OpenID":               {url.Values{"scope": {"profile"}}, "invalid_scope"},
		"request object":           {url.Values{"request": {"e30.e30."}}, "request_not_supported"},
		"request by address":       {url.Values{"request_uri": {"https://erp.example.com/r"}}, "request_uri_not_supported"},
		"no PKCE":                  {url.Values{"code_challenge": {"-"}, "code_challenge_method": {"-"}}, "invalid_request"},
		"PKCE plain":               {url.Values{"code_challenge_method": {"plain"}}, "invalid_request"},
		"PKCE plain by silence":    {url.Values{"code_challenge_method": {"-"}}, "invalid_request"},
		"challenge taken away":     {url.Values{"client_id": {"old"}, "code_challenge": {"-"}}, "invalid_request"},
		"challenge of no digest":   {url.Values{"code_challenge": {"short"}}, "invalid_request"},
		"public without PKCE":      {url.Values{"client_id": {"app"}, "code_challenge": {"-"}, "code_challenge_method": {"-"}}, "invalid_request"},
		"none and login":           {url.Values{"prompt": {"none login"}}, "invalid_request"},
		"unknown prompt":           {url.Values{"prompt": {"create"}}, "invalid_request"},
		"age of no number":         {url.Values{"max_age": {"-1"}}, "invalid_request"},
		"twice":                    {url.Values{"nonce": {"a", "b"}}, "invalid_request"},
		"long":                     {url.Values{"nonce": {strings.Repeat("n", maxParameter+1)}}, "invalid_request"},
		"old, and nobody is asked": {url.Values{"prompt": {"none"}, "max_age": {"60"}}, "login_required"},
	} {
		if q := w.back(w.authorize("owner", tt.changes)); q.Get("error") != tt.want || q.Has("code") {
			t.Errorf("%s: %v", name, q)
		}
	}
}

func TestASilentAnswer(t *testing.T) {
	w := newWorld(t)
	none := url.Values{"prompt": {"none"}}
	for session, want := range map[string]string{"": "login_required", "admin": "login_required", "market": "login_required", "none": "access_denied", "both": "interaction_required"} {
		if q := w.back(w.authorize(session, none)); q.Get("error") != want {
			t.Errorf("%q: %v", session, q)
		}
	}
	w.code("owner", none)
	w.endSession("owner", "logout")
	if q := w.back(w.authorize("owner", none)); q.Get("error") != "login_required" {
		t.Errorf("after the session's end: %v", q)
	}
	if len(w.entries) != 1 || w.entries[0].Action != "oidc.login" || w.entries[0].Actor.ID != "p_owner" || w.entries[0].Subject != "oidc_client:erp" {
		t.Errorf("entries %+v", w.entries)
	}
}

func TestAPersonWithoutAPlaceGetsAPage(t *testing.T) {
	w := newWorld(t)
	for session, want := range map[string]string{"admin": "oidc-no-person", "market": "oidc-no-person", "none": "oidc-no-role"} {
		answer := w.authorize(session, nil)
		if answer.Code != http.StatusForbidden || !strings.Contains(answer.Body.String(), "/login?switch=1") || w.refusals[len(w.refusals)-1] != want {
			t.Errorf("%s: %d, %v: %s", session, answer.Code, w.refusals, answer.Body)
		}
	}
	c := w.clients["erp"]
	c.Doors = []access.Door{access.DoorQR, access.DoorMarket}
	w.clients["erp"] = c
	if answer := w.authorize("owner", nil); answer.Code != http.StatusForbidden || w.refusals[len(w.refusals)-1] != "oidc-door" {
		t.Errorf("through another door: %d, %v", answer.Code, w.refusals)
	}
	w.tokens("market")
	if l := w.only(); l.PersonID != "" || l.ShopID != "tea" {
		t.Errorf("login %+v", l)
	}
}

func TestWhoIsNotInLogsInFirst(t *testing.T) {
	w := newWorld(t)
	answer := w.authorize("", url.Values{"prompt": {"login"}})
	to, err := url.Parse(answer.Header().Get("Location"))
	if err != nil || to.Path != "/login" || !strings.HasPrefix(to.Query().Get("rd"), pathAuthorize+"?") {
		t.Fatalf("%d to %q, %v", answer.Code, to, err)
	}
	// They log in, and come back by themselves: that is proof enough.
	w.now = start.Add(time.Minute)
	s := w.sessions["owner"]
	s.ProvedAt = w.now
	w.sessions["owner"] = s
	back := w.send("owner", httptest.NewRequest(http.MethodGet, to.Query().Get("rd"), nil))
	if w.back(back).Get("code") == "" {
		t.Errorf("after the login: %v", back.Header())
	}
}

func TestWeChatIsAskedAgain(t *testing.T) {
	for name, changes := range map[string]url.Values{"prompt": {"prompt": {"login"}}, "age": {"max_age": {"3599"}}, "age 0": {"max_age": {"0"}}} {
		w := newWorld(t)
		answer := w.authorize("owner", changes)
		to, err := url.Parse(answer.Header().Get("Location"))
		if err != nil || to.Path != "/login" || to.Query().Get("prove") != "1" {
			t.Fatalf("%s: %d to %q, %v", name, answer.Code, to, err)
		}
		rd := to.Query().Get("rd")
		// Back without a proof, they are not sent in a circle.
		if q := w.back(w.send("owner", httptest.NewRequest(http.MethodGet, rd, nil))); q.Get("error") != "login_required" {
			t.Errorf("%s: without a proof: %v", name, q)
		}
		s := w.sessions["owner"]
		s.ProvedAt = start.Add(time.Second)
		w.sessions["owner"] = s
		w.now = start.Add(10 * time.Second)
		if q := w.back(w.send("owner", httptest.NewRequest(http.MethodGet, rd, nil))); q.Get("code") == "" {
			t.Errorf("%s: with a proof: %v", name, q)
		}
		w.now = start.Add(2 * time.Hour) // the mark is over
		if to := w.send("owner", httptest.NewRequest(http.MethodGet, rd, nil)).Header().Get("Location"); !strings.HasPrefix(to, "/login?") {
			t.Errorf("%s: the same again later: to %q", name, to)
		}
	}
	w := newWorld(t)
	w.code("owner", url.Values{"max_age": {"3600"}})
	forged := w.authorize("owner", url.Values{"prompt": {"login"}, markParameter: {"0.AAAAAAAAAAAAAAAAAAAAAA"}})
	if to := forged.Header().Get("Location"); !strings.HasPrefix(to, "/login?") {
		t.Errorf("with a mark that is not ours: to %q", to)
	}
	others := w.p.mark("old", start.Add(-2*time.Hour))
	if to := w.authorize("owner", url.Values{"prompt": {"login"}, markParameter: {others}}).Header().Get("Location"); !strings.HasPrefix(to, "/login?") {
		t.Errorf("with another program's mark: to %q", to)
	}
}

func TestAPersonWithSeveralShopsChooses(t *testing.T) {
	w := newWorld(t)
	page := w.authorize("both", nil)
	body := page.Body.String()
	if page.Code != http.StatusOK || !strings.Contains(body, "zhanggui_shop=tea") || !strings.Contains(body, "zhanggui_shop=rice") || strings.Contains(body, "zhanggui_shop=far") {
		t.Fatalf("%d: %s", page.Code, body)
	}
	w.code("both", url.Values{shopParameter: {"tea"}})
	if l := w.only(); l.ShopID != "tea" {
		t.Errorf("login %+v", l)
	}
	w.code("both", url.Values{"prompt": {"none"}}) // the choice is remembered
	for _, l := range w.logins {
		if l.ShopID != "tea" {
			t.Errorf("login %+v", l)
		}
	}
	if page := w.authorize("both", url.Values{"prompt": {"select_account"}}); page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "switch=1") {
		t.Errorf("asked to choose: %d", page.Code)
	}
	// A shop where they have no role is not chosen by naming it.
	if page := w.authorize("owner", url.Values{shopParameter: {"rice"}}); w.back(page).Get("code") == "" {
		t.Error("no code")
	}
	for _, l := range w.find(func(l access.OIDCLogin) bool { return l.PersonID == "p_owner" }) {
		if l.ShopID != "tea" {
			t.Errorf("login %+v", l)
		}
	}
}

func TestAClientOfOneShop(t *testing.T) {
	w := newWorld(t)
	c := w.clients["erp"]
	c.ShopID, c.TenantID, c.Role = "rice", "", access.Operator
	w.clients["erp"] = c
	w.code("both", nil)
	if answer := w.authorize("owner", nil); answer.Code != http.StatusForbidden {
		t.Errorf("an owner of another shop: %d", answer.Code)
	}
	delete(w.shops, "rice")
	if answer := w.authorize("both", nil); answer.Code != http.StatusForbidden {
		t.Errorf("of a shop that is gone: %d", answer.Code)
	}
}

func TestAFormOfAnotherSiteBecomesALink(t *testing.T) {
	w := newWorld(t)
	w.make("https://zhanggui.example.com/base")
	r := httptest.NewRequest(http.MethodPost, pathAuthorize, strings.NewReader(query(nil).Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer := w.send("", r)
	if to := answer.Header().Get("Location"); answer.Code != http.StatusSeeOther || to != "/base"+pathAuthorize+"?"+query(nil).Encode() {
		t.Errorf("%d to %q", answer.Code, to)
	}
}

func TestAuthorizeWithoutADatabase(t *testing.T) {
	w := newWorld(t)
	w.err = errors.New("away")
	if answer := w.authorize("owner", nil); answer.Code != http.StatusInternalServerError || answer.Header().Get("Location") != "" {
		t.Errorf("%d to %q", answer.Code, answer.Header().Get("Location"))
	}
}

// FuzzAuthorize: whatever a request says, a browser is sent to a declared address, to
// our own login, or nowhere.
func FuzzAuthorize(f *testing.F) {
	f.Add(query(nil).Encode())
	f.Add("client_id=erp&redirect_uri=https%3A%2F%2Fevil.example.net%2Fcallback&response_type=code&scope=openid")
	f.Add("client_id=erp&redirect_uri=http%3A%2F%2F127.0.0.1%3A80%40evil.example.net%2Fcb")
	f.Add("client_id=app&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcb&prompt=none&max_age=1&zhanggui_mark=0.x&zhanggui_shop=tea")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, raw string) {
		clear(w.logins)
		r := httptest.NewRequest(http.MethodGet, pathAuthorize, nil)
		r.URL.RawQuery = raw
		answer := w.send("owner", r)
		to, err := url.Parse(answer.Header().Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		place := to.Scheme + "://" + to.Host
		if to.String() != "" && place != "https://erp.example.com" && to.Hostname() != "127.0.0.1" && !(place == "://" && to.Path == "/login") {
			t.Errorf("sent to %q", to)
		}
	})
}
