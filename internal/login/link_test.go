package login

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

const union = "u_demo_0001"

// twoDoors is a world where one human has come through both doors: known on
// the phone, and now new on the PC.
func twoDoors(t *testing.T) (w *world, phone, pc *browser, location string) {
	t.Helper()
	w = newWorld(t)
	phone, pc = w.browser(uaWeChat), w.browser(uaPC)
	location = w.namedLogin(phone, "code1", openID)
	if location != "/" {
		t.Fatalf("the first login goes to %q", location)
	}
	w.clock.add(time.Hour)
	return w, phone, pc, w.namedLogin(pc, "code2", "o_demo_site_0001")
}

// namedLogin logs in somebody whom WeChat names with the unionid.
func (w *world) namedLogin(b *browser, code, openid string) string {
	w.t.Helper()
	a := w.answer(code, openid)
	a.UnionID = union
	w.setAnswer(code, a)
	var state string
	if b.sessionToken() == "" {
		state = b.begin("/login")
	} else {
		state = stateOf(w.t, b.post("/login/switch", nil))
	}
	return b.callback(code, state).Header().Get("Location")
}

func (b *browser) personID() string {
	s, _, ok := b.current()
	if !ok {
		b.w.t.Fatal("nobody is logged in")
	}
	return s.PersonID
}

// Two persons become one by their own yes, with an entry, and never silently.
func TestLinkYes(t *testing.T) {
	w, phone, pc, location := twoDoors(t)
	if location != "/link" || phone.personID() == pc.personID() {
		t.Fatalf("to %q", location)
	}
	fresh := pc.personID()
	if html := pc.get("/link").Body.String(); !strings.Contains(html, "小兰") || !strings.Contains(html, "应用 site") {
		t.Errorf("the question does not say who:\n%s", html)
	}
	if phone.personID() == pc.personID() {
		t.Fatal("a GET joined them")
	}
	if rec := pc.post("/link", url.Values{"same": {"yes"}}); rec.Header().Get("Location") != "/" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if phone.personID() != pc.personID() {
		t.Error("they are still two")
	}
	last := w.store.audit[len(w.store.audit)-1]
	if last.Action != "identity.link" || last.Outcome != audit.Done || last.Actor.ID != fresh || last.Details["from"] != fresh {
		t.Errorf("entry %+v", last)
	}
	refusedWith(t, pc.post("/link", url.Values{"same": {"yes"}}), http.StatusGone, "nothing to join")
	if got := w.namedLogin(pc, "code3", "o_demo_site_0001"); got != "/" {
		t.Errorf("joined, and asked again: %q", got)
	}
}

// No is remembered in this browser and asked again in another.
func TestLinkNo(t *testing.T) {
	w, phone, pc, _ := twoDoors(t)
	if rec := pc.post("/link", url.Values{"same": {"no"}}); rec.Header().Get("Location") != "/" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if phone.personID() == pc.personID() {
		t.Error("no was taken for yes")
	}
	if got := w.namedLogin(pc, "code3", "o_demo_site_0001"); got != "/" {
		t.Errorf("asked again: %q", got)
	}
	if got := w.namedLogin(w.browser(uaPC), "code4", "o_demo_site_0001"); got != "/link" {
		t.Errorf("another browser goes to %q", got)
	}
}

// The one with roles is kept; with roles on both sides nothing is offered.
func TestLinkKeepsRoles(t *testing.T) {
	w, phone, pc, _ := twoDoors(t)
	give := func(person string) {
		w.store.persons[person].Members = []access.Member{{TenantID: "lan", PersonID: person, Role: access.Owner}}
	}
	give(pc.personID())
	// The offer was to move the PC's identity away: it would lose a role now.
	refusedWith(t, pc.post("/link", url.Values{"same": {"yes"}}), http.StatusGone, "nothing to join")
	// A new login turns the direction round.
	owner := pc.personID()
	if got := w.namedLogin(pc, "code3", "o_demo_site_0001"); got != "/link" {
		t.Fatalf("to %q", got)
	}
	pc.post("/link", url.Values{"same": {"yes"}})
	if got := w.namedLogin(phone, "code4", openID); got != "/" || phone.personID() != owner {
		t.Errorf("the phone goes to %q as %s, want %s", got, phone.personID(), owner)
	}

	w, phone, pc, _ = twoDoors(t)
	give(pc.personID())
	give(phone.personID())
	if got := w.namedLogin(pc, "code3", "o_demo_site_0001"); got != "/" {
		t.Errorf("two owners are offered to become one: %q", got)
	}
}

// An offer counts in its own session only, for a quarter of an hour, and only
// while both still share the unionid.
func TestLinkOfferDies(t *testing.T) {
	for name, spoil := range map[string]func(w *world, phone, pc *browser) *browser{
		"carried to another's browser": func(w *world, phone, pc *browser) *browser {
			thief := w.browser(uaPC)
			thief.logIn("code9", "o_demo_other_0002")
			thief.cookies["__Host-zg_link"] = pc.cookies["__Host-zg_link"]
			return thief
		},
		"carried to one's own other session": func(w *world, phone, pc *browser) *browser {
			second := w.browser(uaPC)
			w.namedLogin(second, "code9", "o_demo_site_0001")
			second.cookies["__Host-zg_link"] = pc.cookies["__Host-zg_link"]
			return second
		},
		"too late": func(w *world, phone, pc *browser) *browser {
			w.clock.add(linkLife)
			return pc
		},
		"unionid changed": func(w *world, phone, pc *browser) *browser {
			w.store.identities[0].UnionID = "u_demo_0002"
			return pc
		},
		"joined already": func(w *world, phone, pc *browser) *browser {
			w.store.identities[1].PersonID = w.store.identities[0].PersonID
			return pc
		},
		"forged": func(w *world, phone, pc *browser) *browser {
			pc.cookies["__Host-zg_link"] = "AAAA"
			return pc
		},
		"absent": func(w *world, phone, pc *browser) *browser {
			delete(pc.cookies, "__Host-zg_link")
			return pc
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, phone, pc, _ := twoDoors(t)
			b := spoil(w, phone, pc)
			before := len(w.store.audit)
			refusedWith(t, b.get("/link"), http.StatusGone, "nothing to join")
			refusedWith(t, b.post("/link", url.Values{"same": {"yes"}}), http.StatusGone, "nothing to join")
			if len(w.store.audit) != before {
				t.Error("something was joined")
			}
		})
	}
	_, _, pc, _ := twoDoors(t)
	refusedWith(t, pc.post("/link", url.Values{"same": {"perhaps"}}), http.StatusBadRequest, "not understood")
}

// Not finding out is not worth a login.
func TestLinkLookupFails(t *testing.T) {
	w := newWorld(t)
	w.store.fail["IdentitiesByUnionID"] = errDown
	if got := w.namedLogin(w.browser(uaPC), "code1", openID); got != "/" {
		t.Errorf("to %q", got)
	}
}

// Only the two persons themselves may be joined by an offer.
func TestLinkIsForTheTwo(t *testing.T) {
	w, phone, pc, _ := twoDoors(t)
	o := linkOffer{App: "site", OpenID: "o_demo_site_0001", To: phone.personID()}
	for me, want := range map[string]error{phone.personID(): nil, pc.personID(): nil, "p_third": errNotSame, "": errNotSame} {
		if _, err := w.login.stillSame(t.Context(), o, me); !errors.Is(err, want) {
			t.Errorf("asked by %q: %v, want %v", me, err, want)
		}
	}
}
