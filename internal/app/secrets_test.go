package app_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// TestSecretsStayIn plays everything that handles a secret, well and badly, and
// then looks for each secret of the run wherever the server writes or speaks.
func TestSecretsStayIn(t *testing.T) {
	t.Parallel()
	traces := newCollector(t)
	r := newRig(t, map[string]string{"tracing.endpoint": traces.URL, "tracing.sample": "1"})
	r.declare()
	admin, adminsKey, link := r.setupAdmin()
	owner := r.owner()
	s := secrets{"set-up link": last(link), "administrator's key": adminsKey, "client's key": r.key}
	r.playWell(s, admin, owner)
	r.playBadly(s)
	r.plant(s)
	dump := r.dumpUnderLoad()
	_, metrics := r.get(r.ops+"/metrics", "")
	export, err := json.Marshal(r.log())
	if err != nil {
		t.Fatal(err)
	}
	s.collect(t, r)

	s.mustNotBeInBundle(t, r, adminsKey)
	s.mustNotBeIn(t, "the goroutine dump", dump)
	s.mustNotBeIn(t, "/metrics", metrics)
	s.mustNotBeIn(t, "the audit export", string(export))
	s.checkFiles(t, r.dir) // while it runs: the write-ahead log is full
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	s.checkFiles(t, r.dir)
	s.mustNotBeIn(t, "the log", r.logs.String())
	s.mustNotBeIn(t, "what the collector of traces got", traces.raw.String())
	s.checkAnswers(t, r.got.messages())
}

// last is the last segment of a link.
func last(link string) string { return link[strings.LastIndexByte(link, '/')+1:] }

// playWell uses everything as it is meant to be used.
func (r *rig) playWell(s secrets, admin, owner *browser) {
	t := r.t
	var inv adminapi.InvitationView
	r.ask("POST", "/v1/invitations", map[string]string{"tenant": tenantID, "role": "viewer"}, &inv)
	s["open invitation"] = last(inv.Link)
	shown := admin.submit(admin.open(r.base+"/"), "/admin/invitations", url.Values{"tenant": {tenantID}, "role": {"owner"}})
	if s["invitation of the console"] = invitationToken.FindString(shown.body); s["invitation of the console"] == "" {
		t.Fatalf("the console showed no invitation (%d): %s", shown.status, shown.body)
	}
	var second adminapi.AdminView
	r.ask("POST", "/v1/admins", map[string]any{"name": "Second"}, &second)
	s["second administrator's key"] = second.Key
	var made adminapi.Applied
	r.ask("POST", "/v1/clients", map[string]any{"id": "pos", "shops": []string{shopID}, "mode": "read"}, &made)
	s["second client's key"] = made.Keys["pos"]

	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("call: %d %s", status, body)
	}
	owner.open(r.base + "/")
	owner.open(r.base + "/sessions")
	pc := r.browser("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0 Safari/537.36")
	pc.agree(pc.open(r.base+"/login"), wechattest.Owner)
	again := r.browser(phone)
	again.agree(again.open(r.base+"/login?shop="+shopID), wechattest.Owner)
	for _, path := range []string{"apps", "shops", "tenants", "clients", "invitations", "admins", "sessions", "grants", "keys", "server", "audit/head"} {
		r.ask("GET", "/v1/"+path, nil, nil)
	}
	admin.open(r.base + "/")

	// Both tokens are renewed, and one dies early.
	before := r.grant("self")
	r.sim.Advance(before.AccessExpires.Sub(r.sim.Now()) - 4*time.Minute)
	r.await("the shop's renewal", func() bool { return r.grant("self").AccessExpires.After(*before.AccessExpires) })
	r.await("the owner's renewal", func() bool { return len(r.sim.Ledger("/sns/oauth2/refresh_token")) > 0 })
	if r.sim.KillTokens(wechattest.Shop, "stable") == 0 {
		t.Fatal("there was no token to end")
	}
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("call after the token died: %d %s", status, body)
	}
}

var invitationToken = regexp.MustCompile(`zgi_[A-Z2-7]{26}`)

// playBadly has WeChat fail in every way while secrets are on their way.
func (r *rig) playBadly(s secrets) {
	t := r.t
	const shopCall, exchange = "/channels/ec/*", "/sns/oauth2/access_token"
	// Answers that echo what they were sent, as some of WeChat's do.
	echo := "invalid appsecret " + wechattest.ServiceSecret + " rid: 00000000-00000000-00000000"
	for _, f := range []wechatsim.Fault{
		{Kind: wechatsim.FaultHTML}, {Kind: wechatsim.FaultLostAfter}, {Kind: wechatsim.FaultCut}, {Kind: wechatsim.FaultEmpty},
		{Kind: wechatsim.FaultHang, Delay: wechatsim.Duration(50 * time.Millisecond)}, {Kind: wechatsim.FaultErrcode, ErrCode: 40125, ErrMsg: echo},
		{Kind: wechatsim.FaultErrcode, ErrCode: 40163}, {Kind: wechatsim.FaultErrcode, ErrCode: -1},
	} {
		f.Path = exchange
		r.sim.MustFault(f)
		b := r.browser(phone)
		if p := b.agree(b.open(r.base+"/login"), wechattest.Customer); p.status < 400 {
			t.Errorf("a login with %s %d ends with %d", f.Kind, f.ErrCode, p.status)
		}
		r.sim.ClearFaults()

		f.Path = shopCall
		if f.ErrMsg != "" {
			f.ErrMsg = ""
		}
		r.sim.MustFault(f)
		r.call()
		r.sim.ClearFaults()
	}
	r.get(r.base+"/oauth/callback/fuwuhao?code=CODEFROMNOWHERE0000000000000001&state=STATEFROMNOWHERE000000000000001", "")
	s["foreign code"], s["foreign state"] = "CODEFROMNOWHERE0000000000000001", "STATEFROMNOWHERE000000000000001"
	s["unknown key"] = "zgc_UNKNOWNUNKNOWNUNKNOWNUNK22"
	r.get(r.base+"/wx/lantian/channels/ec/basics/info/get", s["unknown key"])
	r.get(r.base+"/v1/shops", strings.Replace(s["unknown key"], "zgc_", "zga_", 1))

	// The renewal itself fails: lost, refused with an echo.
	for _, f := range []wechatsim.Fault{
		{Kind: wechatsim.FaultHTML}, {Kind: wechatsim.FaultLostAfter},
		{Kind: wechatsim.FaultErrcode, ErrCode: 40125, ErrMsg: "invalid appsecret " + wechattest.ShopSecret},
	} {
		f.Path, f.Count = "/cgi-bin/stable_token", -1
		r.sim.MustFault(f)
		seq := r.lastSeq()
		r.sim.KillTokens(wechattest.Shop, "stable")
		r.call()
		r.ask("POST", "/v1/grants/"+r.grant("self").ID+"/kick", nil, nil)
		r.await("a failed renewal", func() bool { return len(r.sim.LedgerSince(seq, "/cgi-bin/stable_token")) > 0 })
		r.get(r.ops+"/readyz", "")
		r.sim.ClearFaults()
		r.sim.Advance(20 * time.Minute)
	}
	// A body in the wrong place.
	for _, path := range []string{"/v1/apply", "/v1/clients", "/v1/invitations", "/v1/admins"} {
		r.say("POST", path, map[string]string{"secret": wechattest.ShopSecret, "id": r.key, "role": wechattest.WebsiteSecret})
	}
}

// dumpUnderLoad takes the stacks of all goroutines while calls are under way.
func (r *rig) dumpUnderLoad() string {
	r.sim.MustFault(wechatsim.Fault{Path: "/channels/ec/*", Kind: wechatsim.FaultHang, Delay: wechatsim.Duration(300 * time.Millisecond), Count: -1})
	seq := r.lastSeq()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { r.call() })
	}
	_, dump := r.get(r.ops+"/debug/pprof/goroutine?debug=2", "")
	wg.Wait()
	if len(r.sim.LedgerSince(seq)) == 0 && !strings.Contains(dump, "gateway") {
		r.t.Error("no call was under way in the dump")
	}
	r.sim.ClearFaults()
	return dump
}

// secrets are what must not be seen, by name.
type secrets map[string]string

// collect adds what was given out, sent and set on the way.
func (s secrets) collect(t *testing.T, r *rig) {
	t.Helper()
	maps.Copy(s, map[string]string{"service account's AppSecret": wechattest.ServiceSecret, "website's AppSecret": wechattest.WebsiteSecret, "shop's AppSecret": wechattest.ShopSecret})
	for _, name := range []string{app.MasterKeyFile, audit.KeyFile} {
		b, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		s["content of "+name] = strings.TrimSpace(string(b))
	}
	for i, m := range r.gave.messages() {
		for n, v := range tokenFields.FindAllStringSubmatch(m.body, -1) {
			s[fmt.Sprintf("%s %d of answer %d to %s", v[1], n, i, m.path)] = v[2]
		}
	}
	for _, e := range r.sim.Ledger() {
		q, err := url.ParseQuery(e.RawQuery)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"access_token", "refresh_token", "code", "state", "secret"} {
			if v := q.Get(name); v != "" {
				s[fmt.Sprintf("%s of request %d to %s", name, e.Seq, e.Path)] = v
			}
		}
	}
	for i, m := range r.got.messages() {
		for _, line := range m.header.Values("Set-Cookie") {
			if c, err := http.ParseSetCookie(line); err == nil && strings.HasSuffix(c.Name, "zg_session") && c.Value != "" {
				s[fmt.Sprintf("session cookie of answer %d", i)] = c.Value
			}
		}
	}
	s.mustBeEnough(t)
}

var tokenFields = regexp.MustCompile(`"(access_token|refresh_token)":"([^"]+)"`)

// mustBeEnough holds the collection itself: each kind of secret is in it, and
// none is so short that it stands somewhere by chance.
func (s secrets) mustBeEnough(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"access_token", "refresh_token", "code of", "state of", "secret of", "session cookie", "AppSecret", "master.key", "audit.key", "invitation", "set-up", "client's key", "administrator's key"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(s)), func(name string) bool { return strings.Contains(name, kind) }) {
			t.Errorf("the run had no %s: the scan looks for too little", kind)
		}
	}
	for name, v := range s {
		if len(v) < 16 {
			t.Errorf("%s has %d characters, too short to look for", name, len(v))
		}
	}
}

func (s secrets) mustNotBeIn(t *testing.T, place, text string) {
	t.Helper()
	if len(text) < 100 {
		t.Errorf("%s holds %d bytes: the scan looks at nothing", place, len(text))
	}
	for name, v := range s {
		if at := strings.Index(text, v); at >= 0 {
			t.Errorf("%s stands in %s after %q", name, place, text[max(0, at-60):at])
		}
	}
}

// checkFiles looks into every file but the two whose content is a key.
func (s secrets) checkFiles(t *testing.T, dir string) {
	t.Helper()
	looked := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == app.MasterKeyFile || d.Name() == audit.KeyFile {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) < 100 {
			return err
		}
		looked++
		s.mustNotBeIn(t, d.Name(), string(b))
		return nil
	})
	if err != nil || looked < 2 {
		t.Errorf("%d files were looked at: %v", looked, err)
	}
}

// shownOnce are the answers that may hold a secret of ours, to the one who asked
// for it.
var shownOnce = []struct{ prefix, method, path string }{
	{"zgc_", "POST", "/v1/apply"}, {"zgc_", "POST", "/v1/clients"},
	{"zga_", "POST", "/setup/"}, {"zga_", "POST", "/v1/admins"},
	{"zgu_", "GET", "/setup/"}, // the form posts to where it stands
	{"zgi_", "GET", "/i/"}, {"zgi_", "POST", "/v1/invitations"}, {"zgi_", "POST", "/admin/invitations"},
}

// checkAnswers looks into every answer that anybody got. The way to WeChat
// carries the state, which is what a state is for.
func (s secrets) checkAnswers(t *testing.T, all []message) {
	t.Helper()
	for _, m := range all {
		for name, v := range s {
			if strings.Contains(m.body, v) && !m.mayShow(v) && !(strings.HasPrefix(name, "state") && m.status == http.StatusSeeOther) {
				t.Errorf("%s stands in the answer to %s", name, m)
			}
			for field, values := range m.header {
				if field != "Set-Cookie" && field != "Location" && strings.Contains(strings.Join(values, "\n"), v) {
					t.Errorf("%s stands in header %s of the answer to %s", name, field, m)
				}
			}
			if l := m.header.Get("Location"); strings.Contains(l, v) && !strings.HasPrefix(name, "state") && !strings.HasPrefix(v, "zgi_") {
				t.Errorf("%s stands in where %s leads", name, m)
			}
		}
	}
}

func (m message) mayShow(v string) bool {
	return slices.ContainsFunc(shownOnce, func(o struct{ prefix, method, path string }) bool {
		return strings.HasPrefix(v, o.prefix) && m.method == o.method && strings.HasPrefix(m.path, o.path) && m.status < 300
	})
}
