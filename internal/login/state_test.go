package login

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func TestValidState(t *testing.T) {
	good := newState()
	for state, want := range map[string]bool{
		good: true, "": false, good[1:]: false, good + "0": false, strings.ToUpper(strings.Repeat("ab", 32)): false,
		good[:63] + "g": false, good[:63] + "\n": false, good[:63] + "-": false, strings.Repeat("0", 64): true,
	} {
		if validState(state) != want {
			t.Errorf("validState(%q) is %v", state, !want)
		}
	}
	if good == newState() {
		t.Error("two states are the same")
	}
}

// Every bit that flips in a cookie, and every truncation, is refused: of a
// state and of a session.
func TestBitFlips(t *testing.T) {
	w := newWorld(t)
	b := w.browser(uaPC)
	state := b.begin("/login")
	name := stateName(digest(state))
	value := b.cookies["__Host-"+name]
	if _, err := w.login.openState(name, value); err != nil {
		t.Fatal(err)
	}
	for changed := range spoiled(value) {
		if _, err := w.login.openState(name, changed); err == nil {
			t.Fatalf("a changed state cookie opens: %q", changed)
		}
	}
	b.logIn("code1", openID)
	token := b.sessionToken()
	for changed := range spoiled(token) {
		r := b.request(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", "__Host-zg_session="+changed)
		if _, _, ok := w.login.Current(r); ok {
			t.Fatalf("a changed session token counts: %q", changed)
		}
	}
	if _, _, ok := b.current(); !ok {
		t.Error("the unchanged token does not count")
	}
}

// spoiled gives every single-bit flip and every truncation of s.
func spoiled(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range len(s) {
			for bit := range 8 {
				b := []byte(s)
				b[i] ^= 1 << bit
				if !yield(string(b)) {
					return
				}
			}
			if !yield(s[:i]) {
				return
			}
		}
	}
}

// A sealed text that is not exactly a pending login is refused all the same:
// the seal proves where it came from, not that it is whole.
func TestSealedNonsense(t *testing.T) {
	w := newWorld(t)
	hash := digest(newState())
	name := stateName(hash)
	good := pending{Version: pendingVersion, StateHash: hash, App: "site", Door: access.DoorQR, Scope: "snsapi_login", Return: "/", Begun: 1}
	text := func(change func(*pending)) string {
		p := good
		change(&p)
		b, err := json.Marshal(p)
		must(t, err)
		return string(b)
	}
	for what, plain := range map[string]string{
		"empty": "", "no JSON": "x", "an array": "[]", "two values": text(func(*pending) {}) + "{}",
		"another field":   `{"zz":1,` + text(func(*pending) {})[1:],
		"another version": text(func(p *pending) { p.Version = 2 }),
		"no hash":         text(func(p *pending) { p.StateHash = nil }),
		"another's hash":  text(func(p *pending) { p.StateHash = digest("x") }),
	} {
		sealed, err := w.vault.Seal(secret.FromString(plain), vault.Cookie(name))
		must(t, err)
		if _, err := w.login.openState(name, base64.RawURLEncoding.EncodeToString(sealed)); err == nil {
			t.Errorf("%s opens", what)
		}
	}
	if _, err := w.login.openState(name, strings.Repeat("A", maxCookie+1)); err == nil {
		t.Error("a giant opens")
	}
}

// What begins is what comes back, for every content.
func TestPendingRoundTrip(t *testing.T) {
	l := &Login{o: Options{Vault: testVault(t)}}
	rapid.Check(t, func(t *rapid.T) {
		hash := digest(rapid.String().Draw(t, "state"))
		want := pending{
			Version: pendingVersion, StateHash: hash, App: rapid.String().Draw(t, "app"), Door: access.DoorQR,
			Scope: rapid.String().Draw(t, "scope"), Return: rapid.String().Draw(t, "return"), Shop: rapid.String().Draw(t, "shop"),
			Invitation: rapid.String().Draw(t, "invitation"), Begun: rapid.Int64().Draw(t, "begun"),
		}
		value, err := l.sealCookie(stateName(hash), want)
		if err != nil {
			t.Fatal(err)
		}
		if len(value) > maxCookie {
			return // a browser would not keep it, and begin refuses to set it
		}
		got, err := l.openState(stateName(hash), value)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// FuzzStateCookie feeds the parser of state cookies: nothing but what was
// sealed for this very name opens, and nothing makes it panic.
func FuzzStateCookie(f *testing.F) {
	l := &Login{o: Options{Vault: testVault(f)}}
	hash := digest("state")
	name := stateName(hash)
	good, err := l.sealCookie(name, pending{Version: pendingVersion, StateHash: hash, App: "site", Return: "/", Begun: time.Unix(1, 0).UnixMilli()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(name, good)
	f.Add(name, good[:len(good)-1])
	f.Add(stateName(digest("other")), good)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, n, value string) {
		p, err := l.openState(n, value)
		if (err == nil) != (n == name && value == good) {
			t.Fatalf("name %q value %q: %+v %v", n, value, p, err)
		}
	})
}

// FuzzPendingJSON feeds what stands behind the seal: whatever opens belongs to
// the cookie's name and survives being written again.
func FuzzPendingJSON(f *testing.F) {
	l := &Login{o: Options{Vault: testVault(f)}}
	hash := digest("state")
	name := stateName(hash)
	b, err := json.Marshal(pending{Version: pendingVersion, StateHash: hash, App: "site", Return: "/a?b=c", Shop: "lantian", Begun: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(`{"v":1,"h":null,"b":9223372036854775807}`))
	f.Add([]byte("\xff{}"))
	f.Fuzz(func(t *testing.T, plain []byte) {
		sealed, err := l.o.Vault.Seal(secret.New(plain), vault.Cookie(name))
		if err != nil {
			return // nothing to seal
		}
		p, err := l.openState(name, base64.RawURLEncoding.EncodeToString(sealed))
		if err != nil {
			return
		}
		if p.Version != pendingVersion || stateName(p.StateHash) != name {
			t.Fatalf("opened %+v", p)
		}
		p.live(time.Unix(0, 0))
	})
}

// FuzzCallback feeds whole callbacks: no query makes it panic, ask WeChat, or
// answer with anything but a page.
func FuzzCallback(f *testing.F) {
	f.Add("code=c&state="+strings.Repeat("0", 64), "x=y")
	f.Add("code=&state=", "__Host-zg_state_0000000000000000=AAAA")
	f.Add("state=%zz&code=%00", "__Host-zg_session=zgs_x; __Host-zg_session=zgs_y")
	f.Add("code=a&code=b&state=a&state=b;c", "")
	var w *world
	f.Fuzz(func(t *testing.T, query, cookie string) {
		if w == nil {
			w = newWorld(t)
		}
		r := w.browser(uaPC).request(http.MethodGet, "/oauth/callback/site", nil)
		r.URL.RawQuery = query
		r.Header.Set("Cookie", cookie)
		if rec := w.serve(r); rec.Code != http.StatusBadRequest || len(rec.Header()["Location"]) > 0 {
			t.Fatalf("query %q, cookie %q: %d", query, cookie, rec.Code)
		}
		if w.platform.count() != 0 {
			t.Fatal("WeChat was asked")
		}
	})
}

// FuzzReturn feeds return addresses: a redirect goes to our own site or to
// WeChat, never elsewhere.
func FuzzReturn(f *testing.F) {
	for _, rd := range hostileReturns {
		f.Add(rd)
	}
	f.Add("/shops/lantian?tab=1")
	var w *world
	f.Fuzz(func(t *testing.T, rd string) {
		if w == nil {
			w = newWorld(t)
		}
		rec := w.browser(uaPC).get("/login?" + url.Values{"rd": {rd}}.Encode())
		loc := rec.Header().Get("Location")
		if rec.Code == http.StatusBadRequest && loc == "" {
			return
		}
		if !strings.HasPrefix(loc, "https://open.weixin.qq.com/connect/qrconnect?") {
			t.Fatalf("rd %q: %d to %q", rd, rec.Code, loc)
		}
	})
}
