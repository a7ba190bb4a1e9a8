package login

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
)

// Login CSRF: an attacker's code in a victim's browser never opens the attacker's
// shop by itself, whoever the victim is and whatever their browser remembers.
func TestAttackersCode(t *testing.T) {
	for name, prepare := range map[string]func(w *world, victim *browser) (words string){
		"nobody": func(*world, *browser) string { return "If somebody sent you here" },
		"a person": func(w *world, victim *browser) string {
			victim.logIn("code1", openID)
			return "You are logged in here as 小兰."
		},
		"an administrator": func(w *world, victim *browser) string {
			w.adminLogIn(victim)
			return "administrator&#39;s key"
		},
		"in their own shop": func(w *world, victim *browser) string {
			victim.comeIn("cnawV", baiyunID)
			return "You are in the shop 白云小店 here"
		},
		"who knows their own shop": func(w *world, victim *browser) string {
			victim.comeIn("cnawV", baiyunID)
			victim.post("/logout", nil)
			return "If somebody sent you here"
		},
		"in their own shop, who knows this one too": func(w *world, victim *browser) string {
			victim.comeIn("cnawL", lantianID)
			victim.comeIn("cnawV", baiyunID)
			return "You are in the shop 白云小店 here"
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			victim := w.browser(uaPC)
			words := prepare(w, victim)
			before, sessions := victim.sessionToken(), len(w.store.sessions)
			w.sell("cnawA", lantianID)
			leadsTo(t, victim.jump("cnawA"), "/market/enter")
			asked := victim.get("/market/enter").Body.String()
			if !strings.Contains(asked, words) || !strings.Contains(asked, "蓝天小店") {
				t.Errorf("the question lacks %q:\n%s", words, asked)
			}
			if victim.sessionToken() != before || len(w.store.sessions) != sessions {
				t.Fatal("the victim is in the attacker's shop")
			}
			leadsTo(t, victim.post("/market/enter", url.Values{"go": {"no"}}), "/")
			refusedWith(t, victim.get("/market/enter"), http.StatusGone, "no entry")
			if victim.sessionToken() != before || len(w.store.sessions) != sessions {
				t.Error("a no was taken for a yes")
			}
		})
	}
}

// A yes counts for the shop that was shown, not for one that another jump put
// into the browser meanwhile.
func TestYesToWhatWasShown(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.sell("cnaw1", lantianID)
	w.sell("cnaw2", baiyunID)
	b.jump("cnaw1")
	shown := tagOf(t, b.get("/market/enter"))
	b.jump("cnaw2")
	leadsTo(t, b.post("/market/enter", url.Values{"go": {"yes"}, "entry": {shown}}), "/market/enter")
	if len(w.store.sessions) != 0 {
		t.Error("a yes to one shop opened another")
	}
	for _, form := range []url.Values{nil, {"go": {"perhaps"}}, {"entry": {shown}}} {
		refusedWith(t, b.post("/market/enter", form), http.StatusBadRequest, "not understood")
	}
	leadsTo(t, b.post("/market/enter", url.Values{"go": {"yes"}}), "/market/enter")
}

// A form of another site is refused.
func TestYesFromAnotherSite(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.sell("cnaw1", lantianID)
	b.jump("cnaw1")
	r := b.request(http.MethodPost, "/market/enter", url.Values{"go": {"yes"}, "entry": {tagOf(t, b.get("/market/enter"))}})
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if rec := w.serve(r); rec.Code != http.StatusForbidden || len(w.store.sessions) != 0 {
		t.Errorf("%d", rec.Code)
	}
}

// A known shop opens without a question, for half a year, in this browser only,
// and not for another platform's code.
func TestKnownShop(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	first := b.sessionToken()
	w.sell("cnaw2", lantianID)
	leadsTo(t, b.jump("cnaw2"), "/shops/lantian") // in already
	if b.sessionToken() == first || len(w.store.live(w.clock.now())) != 1 {
		t.Error("the old session was not replaced")
	}
	b.post("/logout", nil)
	w.clock.add(knownLife - time.Second)
	w.sell("cnaw3", lantianID)
	leadsTo(t, b.jump("cnaw3"), "/shops/lantian") // and known for another half year
	w.clock.add(knownLife)
	w.sell("cnaw4", lantianID)
	leadsTo(t, b.jump("cnaw4"), "/market/enter")
	w.sell("cnaw5", lantianID)
	leadsTo(t, w.browser(uaPC).jump("cnaw5"), "/market/enter")
	e := entry{App: "isv", AppID: lantianID}
	if other := (entry{App: "isv2", AppID: lantianID}); knownKey(e) == knownKey(other) {
		t.Error("two platforms share a key")
	}
	b.yes()
	b.cookies["__Host-zg_known"] = b.cookies["__Host-zg_entry"]
	b.post("/logout", nil)
	w.sell("cnaw6", lantianID)
	leadsTo(t, b.jump("cnaw6"), "/market/enter")
}

// The jump that goes straight on is used up like any other.
func TestKnownShopReload(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	w.sell("cnaw2", lantianID)
	b.jump("cnaw2")
	token := b.sessionToken()
	leadsTo(t, b.jump("cnaw2"), "/market/enter")
	leadsTo(t, b.get("/market/enter"), "/shops/lantian")
	if b.sessionToken() != token || w.market.count() != 2 {
		t.Error("a reload did something")
	}
	delete(b.cookies, "__Host-zg_session")
	rec := b.yes() // the question, since nobody is in
	refusedWith(t, rec, http.StatusConflict, "used before")
}

// Twenty shops are remembered, the oldest is dropped, and the cookie stays small.
func TestKnownShopsAreFew(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil)
	var value string
	for i := range maxKnown + 1 {
		rec := httptest.NewRecorder()
		w.login.remember(rec, r, entry{App: "isv", AppID: fmt.Sprintf("wx%016x", i)})
		value = rec.Result().Cookies()[0].Value
		r = httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil)
		r.AddCookie(&http.Cookie{Name: "__Host-zg_known", Value: value})
	}
	all := w.login.known(r)
	if len(all) != maxKnown || len(value) > 2048 {
		t.Errorf("%d remembered in %d bytes", len(all), len(value))
	}
	if w.login.knows(r, entry{App: "isv", AppID: fmt.Sprintf("wx%016x", 0)}) || !w.login.knows(r, entry{App: "isv", AppID: fmt.Sprintf("wx%016x", 1)}) {
		t.Error("the wrong one was dropped")
	}
	w.store.fail["SessionByToken"] = errDown
	r.AddCookie(&http.Cookie{Name: "__Host-zg_session", Value: access.SessionPrefix + strings.Repeat("A", 26)})
	if w.login.knows(r, entry{App: "isv", AppID: fmt.Sprintf("wx%016x", 1)}) {
		t.Error("not knowing who is in, it does not ask")
	}
}

// A shop that is still being set up: a page that comes back by itself, then the
// question.
func TestSettingUp(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.market.settingUp = true
	w.sell("cnaw1", lantianID)
	b.jump("cnaw1")
	rec := b.get("/market/enter")
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "being set up") || !strings.Contains(rec.Body.String(), `http-equiv="refresh"`) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	w.market.settingUp = false
	tag := tagOf(t, b.get("/market/enter"))
	w.market.settingUp = true
	leadsTo(t, b.post("/market/enter", url.Values{"go": {"yes"}, "entry": {tag}}), "/market/enter")
	w.market.settingUp = false
	leadsTo(t, b.yes(), "/shops/lantian")
}

// What keeps a shop from opening, in words.
func TestEnterFails(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		words  string
	}{
		"no shop":  {ErrNoShop, http.StatusForbidden, "not a WeChat shop"},
		"gone":     {ErrWithdrawn, http.StatusForbidden, "has withdrawn its authorisation"},
		"ended":    {ErrEnded, http.StatusForbidden, "ended here by an administrator"},
		"the rest": {errDown, http.StatusServiceUnavailable, "could not be opened"},
	} {
		w := newWorld(t)
		b := w.browser(uaPC)
		w.sell("cnaw1", lantianID)
		b.jump("cnaw1")
		w.market.enterErr = tt.err
		rec := b.get("/market/enter")
		refusedWith(t, rec, tt.status, tt.words)
		if web.AsError(tt.err) != nil && strings.Contains(rec.Body.String(), tt.err.Error()) {
			t.Errorf("%s: the page shows the cause", name)
		}
	}
	w := newWorld(t)
	b := w.browser(uaPC)
	w.sell("cnaw1", lantianID)
	b.jump("cnaw1")
	w.store.apps[3].Services = nil
	refusedWith(t, b.get("/market/enter"), http.StatusNotFound, "no such service")
}

// An entry lives five minutes, in its own browser, as it was sealed.
func TestEntryLife(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.sell("cnaw1", lantianID)
	b.jump("cnaw1")
	w.clock.add(entryLife - time.Millisecond)
	tag := tagOf(t, b.get("/market/enter"))
	w.clock.add(time.Millisecond)
	refusedWith(t, b.get("/market/enter"), http.StatusGone, "five minutes")
	refusedWith(t, b.post("/market/enter", url.Values{"go": {"yes"}, "entry": {tag}}), http.StatusGone, "five minutes")
	w.clock.add(-2 * entryLife)
	refusedWith(t, b.get("/market/enter"), http.StatusGone, "five minutes")
	refusedWith(t, w.browser(uaPC).get("/market/enter"), http.StatusGone, "allow cookies")
	b.cookies["__Host-zg_entry"] = "AAAA"
	refusedWith(t, b.get("/market/enter"), http.StatusGone, "no entry")
}

// Somebody who is a member may open the shop as themselves.
func TestEnterAsOneself(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.logIn("code1", openID)
	w.sell("cnaw1", lantianID)
	b.jump("cnaw1")
	if html := b.get("/market/enter").Body.String(); strings.Contains(html, "Open it as yourself") {
		t.Error("offered to somebody without a role")
	}
	person := b.personID()
	w.store.persons[person].Members = []access.Member{{TenantID: "lan", PersonID: person, Role: access.Viewer}}
	if html := b.get("/market/enter").Body.String(); !strings.Contains(html, `href="/shops/lantian"`) {
		t.Errorf("not offered:\n%s", html)
	}
}

// The pages of door 3 in both languages.
func TestMarketPages(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	w.sell("cnaw1", lantianID)
	b.jump("cnaw1")
	pages := map[string]*browser{"/market/enter": b}
	in := w.browser(uaPC)
	in.comeIn("cnaw2", baiyunID)
	pages["/market/claim"], pages["/sessions"] = in, in
	for path, b := range pages {
		for lang, prefer := range map[string]string{"en": "en", "zh-CN": "zh-CN"} {
			b.lang = prefer
			rec := b.get(path)
			if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `<html lang="`+lang+`">`) || strings.Contains(rec.Body.String(), "login.") {
				t.Errorf("%s in %s: %d\n%s", path, lang, rec.Code, rec.Body)
			}
			if rec.Header().Get("Referrer-Policy") != "no-referrer" || rec.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: headers %v", path, rec.Header())
			}
		}
	}
}

// What the services of the platform give less of, or nothing any more, the sessions
// that began before have less of at once.
func TestMarketRoleIsOfToday(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	b.comeIn("cnaw1", lantianID)
	may := func(role access.Role) int {
		_, _, err := w.login.Require(b.request(http.MethodGet, "/", nil), role, "lantian")
		return statusOf(err)
	}
	if got := may(access.Operator); got != 0 {
		t.Fatalf("%d", got)
	}
	sold := w.store.apps[3].Services
	w.store.apps[3].Services = sold[1:2] // the viewers' one
	if o, v := may(access.Operator), may(access.Viewer); o != 403 || v != 0 {
		t.Errorf("as operator %d, as viewer %d", o, v)
	}
	w.store.apps[3].Services = nil
	if got := may(access.Viewer); got != 401 {
		t.Errorf("nothing is sold any more, and the session is in: %d", got)
	}
	w.store.fail["App"] = errDown
	if got := may(access.Viewer); got == 401 || got == 0 {
		t.Errorf("nobody knows: %d", got)
	}
}
