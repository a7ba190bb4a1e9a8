package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// balancer hands requests to replicas in turn. Nothing sticks.
type balancer struct {
	*httptest.Server
	next atomic.Int64
	to   []*rig
}

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{}
	b.Server = httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		r := b.to[int(b.next.Add(1))%len(b.to)]
		to, err := url.Parse(r.direct)
		if err != nil {
			panic(err) // the rig made it
		}
		p.SetURL(to)
		p.Out.Host = p.In.Host
	}})
	t.Cleanup(b.Close)
	return b
}

// replicas starts n Apps on one database behind a balancer. They share WeChat and
// the keys.
func replicas(t *testing.T, n int, database secret.Value, flags map[string]string) (*balancer, []*rig) {
	t.Helper()
	b := newBalancer(t)
	for range n {
		r := newStoppedRig(t)
		if len(b.to) > 0 {
			first := b.to[0]
			r.sim, r.gave, r.key = first.sim, first.gave, first.key
			r.copyKeys(first)
		}
		b.to = append(b.to, r)
		r.startShared(b, database, flags)
	}
	return b, b.to
}

// startShared starts an App on a shared database.
func (r *rig) startShared(b *balancer, database secret.Value, flags map[string]string) {
	r.t.Helper()
	if err := r.tryStartShared(b, database, flags); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) tryStartShared(b *balancer, database secret.Value, flags map[string]string) error {
	all := map[string]string{"public_url": b.URL, "database": database.RevealString()}
	maps.Copy(all, flags)
	if err := r.tryStart(all); err != nil {
		return err
	}
	r.direct, r.root = r.root, b.URL
	return nil
}

// copyKeys gives a replica the keys that all share, as its operator does.
func (r *rig) copyKeys(from *rig) {
	r.t.Helper()
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	for _, name := range []string{app.MasterKeyFile, audit.KeyFile, audit.PubFile} {
		b, err := os.ReadFile(filepath.Join(from.dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(r.dir, name), b, 0o600)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// callHere calls through this replica, past the balancer.
func (r *rig) callHere(shop string) (int, string) {
	r.t.Helper()
	return r.get(r.direct+"/wx/"+shop+"/channels/ec/basics/info/get", r.key)
}

// soon wants something to be so on another replica within a second, and gives a busy
// machine that looks for races three. It prints what it took.
func soon(t *testing.T, what string, done func() bool) {
	t.Helper()
	began := time.Now()
	await(t, what, done)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("%s took %v, want a second", what, took)
	} else {
		t.Logf("%s: %v", what, took.Round(time.Millisecond))
	}
}

// TestReplicasHearOfEachOther: what is changed on one replica counts on the other
// within a second, with a connection that listens and without.
func TestReplicasHearOfEachOther(t *testing.T) {
	for name, ways := range map[string]func(*testing.T) (database, direct secret.Value){
		"polling": func(t *testing.T) (database, direct secret.Value) { return pgtest.Database(t), direct },
		"listening": func(t *testing.T) (database, direct secret.Value) {
			database = pgtest.Database(t)
			return database, database
		},
		"pooled": pooled,
	} {
		t.Run(name, func(t *testing.T) {
			database, direct := ways(t)
			flags := map[string]string{"database_direct": direct.RevealString()}
			_, both := replicas(t, 2, database, flags)
			a, b := both[0], both[1]
			a.declare()
			b.key = a.key
			a.apply(tea())
			for _, r := range both {
				r.await("the first call", func() bool { status, _ := r.callHere(shopID); return status == http.StatusOK })
			}
			roleEnds(t, a, b)
			sessionEnds(t, a, b)
			phoneApproves(t, a, b)
			secretCounts(t, a, b)
			rotationCutsOver(t, a, b)
			egressCounts(t, a, b)
			shopMoves(t, a, b)
			grantEnds(t, a, b)
			clientEnds(t, a, b)
		})
	}
}

// pooled is a database behind a pooler, and the way past it.
func pooled(t *testing.T) (database, direct secret.Value) {
	s := server(t)
	direct, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pool, err := s.Bouncer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(direct.RevealString())
	if err != nil {
		t.Fatal(err)
	}
	return pool.URL(strings.TrimPrefix(u.Path, "/")), direct
}

// phoneApproves has a PC begin on one replica, the phone answer on the other, and the
// PC go on there.
func phoneApproves(t *testing.T, a, b *rig) {
	t.Helper()
	owner := a.owner()
	pc := a.browser("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0.0.0")
	shown := pc.follow(pc.open(a.base + "/login/scan?rd=/sessions"))
	number := regexp.MustCompile(`<strong>([0-9]{2})</strong>`).FindStringSubmatch(shown.body)
	code := regexp.MustCompile(`href="[^"]*(/scan/[A-Za-z0-9_-]+)"`).FindStringSubmatch(shown.body)
	if number == nil || code == nil {
		t.Fatalf("no code at %s (%d): %s", shown.url, shown.status, shown.body)
	}
	done := owner.post(b.direct+code[1], url.Values{"number": {number[1]}})
	if done.status != http.StatusOK {
		t.Fatalf("the phone is told %d: %s", done.status, done.body)
	}
	page, err := url.Parse(shown.url)
	if err != nil {
		t.Fatal(err)
	}
	if p := pc.open(b.direct + page.Path); p.status != http.StatusSeeOther || !strings.HasSuffix(p.location, "/sessions") {
		t.Errorf("the PC is sent to %q (%d): %s", p.location, p.status, p.body)
	}
	if p := pc.open(a.direct + "/sessions"); p.status != http.StatusOK {
		t.Errorf("the PC's session on the first replica: %d", p.status)
	}
}

func roleEnds(t *testing.T, a, b *rig) {
	t.Helper()
	viewer := a.join(wechattest.Owner, "viewer")
	look := func() int { return viewer.open(b.direct + "/shops/" + shopID).status }
	for range 3 { // from memory, at last
		if status := look(); status != http.StatusOK {
			t.Fatalf("a role of one replica on the other: %d", status)
		}
	}
	a.ask("DELETE", "/v1/tenants/"+tenantID+"/members/"+a.sessions()[0].Person, nil, nil)
	soon(t, "the end of a role and its login", func() bool { return look() == http.StatusUnauthorized })
}

func sessionEnds(t *testing.T, a, b *rig) {
	t.Helper()
	owner := a.owner()
	look := func() int { return owner.open(b.direct + "/shops/" + shopID).status }
	for range 3 {
		if status := look(); status != http.StatusOK {
			t.Fatalf("a session of one replica on the other: %d", status)
		}
	}
	a.ask("POST", "/v1/sessions/"+a.sessions()[0].ID+"/end", nil, nil)
	soon(t, "the end of a session", func() bool { return look() == http.StatusUnauthorized })
}

// secretCounts gives the shop a wrong secret on one replica and the right one on
// the other: both use the newest from then on.
func secretCounts(t *testing.T, a, b *rig) {
	t.Helper()
	m := a.manifest()
	m.Shops[0].Secret = "sandbox-secret-shop-that-is-wrong"
	a.apply(m)
	a.await("word that the secret is wrong", func() bool { return a.grant("self").State == "stopped" })
	b.apply(b.manifest())
	a.await("recovery with the right secret", func() bool { return a.grant("self").State == "active" })
	for _, r := range []*rig{a, b} {
		r.await("a call", func() bool { status, _ := r.callHere(shopID); return status == http.StatusOK })
	}
}

// egressCounts gives the shop a way out that leads nowhere.
func egressCounts(t *testing.T, a, b *rig) {
	t.Helper()
	m := a.manifest()
	m.Shops[0].Egress = "192.0.2.7" // not an address of this machine
	a.apply(m)
	soon(t, "another way out", func() bool { status, _ := b.callHere(shopID); return status == http.StatusBadGateway })
	a.apply(a.manifest())
	soon(t, "the way back", func() bool { status, _ := b.callHere(shopID); return status == http.StatusOK })
}

// shopMoves takes the shop from the client, and gives it back.
func shopMoves(t *testing.T, a, b *rig) {
	t.Helper()
	m := a.manifest()
	m.Clients[0].Shops = []string{"tea"}
	a.apply(m)
	soon(t, "a shop taken from a client", func() bool { status, _ := b.callHere(shopID); return status == http.StatusForbidden })
	a.apply(a.manifest())
	soon(t, "a shop given to a client", func() bool { status, _ := b.callHere(shopID); return status == http.StatusOK })
}

func grantEnds(t *testing.T, a, b *rig) {
	t.Helper()
	if status, body := b.callHere(shopID); status != http.StatusOK {
		t.Fatalf("call: %d %s", status, body)
	}
	a.ask("POST", "/v1/grants/"+a.shopGrant(shopID).ID+"/revoke", map[string]any{}, nil)
	soon(t, "a revoked grant", func() bool {
		status, body := b.callHere(shopID)
		return status == http.StatusForbidden && strings.Contains(body, "grant-revoked")
	})
}

func clientEnds(t *testing.T, a, b *rig) {
	t.Helper()
	a.ask("POST", "/v1/clients/"+clientID+"/revoke", nil, nil)
	soon(t, "a revoked client", func() bool { status, _ := b.callHere(shopID); return status == http.StatusUnauthorized })
}

// TestReplicasBehindABalancer walks what people do, each step on another replica.
func TestReplicasBehindABalancer(t *testing.T) {
	_, all := replicas(t, 3, pgtest.Database(t), nil)
	a := all[0]
	admin, _, _ := a.setupAdmin() // the link is made here, used there, and the page is a third one's
	if p := admin.open(a.base + "/"); p.status != http.StatusOK {
		t.Fatalf("the administrator's page: %d", p.status)
	}
	// Nobody kicks the new grant: a kick that finds it leased by another replica asks
	// once more after that one, and rightly, since what it asked with may be older.
	a.key = a.apply(a.manifest()).Keys[clientID]
	a.await("the shop's first token", func() bool { return a.grant("self").Generation > 0 })
	owner := a.owner() // invitation, WeChat, callback, confirmation
	for range 6 {
		if p := owner.open(a.base + "/shops/" + shopID); p.status != http.StatusOK {
			t.Fatalf("the owner's page: %d %s", p.status, p.body)
		}
		if status, body := a.call(); status != http.StatusOK {
			t.Fatalf("a call: %d %s", status, body)
		}
	}
	// A cookie that one replica seals with a new key is opened by another, which has
	// hardly heard of the rotation.
	a.ask("POST", "/v1/keys/rotate", nil, nil)
	if p := a.owner().open(a.base + "/shops/" + shopID); p.status != http.StatusOK {
		t.Errorf("a login after a rotation: %d", p.status)
	}
	if asked := a.tokenRequests(); asked != 1 {
		t.Errorf("three replicas asked WeChat %d times for one token:\n%s", asked, a.tokenLedger())
	}
}

// tokenRequests counts what WeChat was asked for the shop's tokens.
func (r *rig) tokenRequests() (n int) {
	for _, e := range r.sim.Ledger() {
		if e.Path == "/cgi-bin/stable_token" {
			n++
		}
	}
	return n
}

// tokenLedger is what WeChat was asked for tokens, and what it answered.
func (r *rig) tokenLedger() string {
	var lines strings.Builder
	for _, e := range r.sim.Ledger() {
		if e.Path == "/cgi-bin/stable_token" {
			fmt.Fprintf(&lines, "%d %s body %s: %d, errcode %d, lost %t, from %s\n", e.Seq, e.Time.Format("15:04:05.000"), e.RawBody, e.Status, e.ErrCode, e.Lost, e.UserAgent)
		}
	}
	return lines.String()
}

// TestOneDataDirectoryEach: a second replica on one data directory is refused by
// name.
func TestOneDataDirectoryEach(t *testing.T) {
	database := pgtest.Database(t)
	b, all := replicas(t, 1, database, nil)
	second := newStoppedRig(t)
	second.sim, second.dir = all[0].sim, all[0].dir
	err := second.tryStartShared(b, database, nil)
	if err == nil || !strings.Contains(err.Error(), "directory of its own") {
		t.Errorf("a second server on one directory: %v", err)
	}
}

// TestReplicasHearOfAMove: a shop goes over to a platform's key on one replica. The
// other, which holds the token of the key before, asks with the new one within a
// second.
func TestReplicasHearOfAMove(t *testing.T) {
	world := wechatsim.PlatformWorld()
	world.Grants = []wechatsim.WorldGrant{{Component: wechatsim.DefaultComponent, AppID: wechattest.Shop}}
	balance, database := newBalancer(t), pgtest.Database(t)
	a, b := newRigIn(t, world), newStoppedRig(t)
	a.startShared(balance, database, nil)
	b.sim, b.gave = a.sim, a.gave
	b.copyKeys(a)
	balance.to = []*rig{a}
	a.declarePlatform()
	m := a.manifest()
	m.Apps = nil
	a.key = a.apply(m).Keys[clientID]
	b.key = a.key
	balance.to = append(balance.to, b)
	b.startShared(balance, database, nil)
	a.ask("POST", "/v1/apps/"+platformID+"/reconcile", map[string]any{}, nil)
	a.await("the platform's grant", func() bool { return a.grant("isv").State == "active" })
	through := func() string {
		status, _ := b.callHere(shopID)
		last := a.sim.Ledger()
		for i := len(last) - 1; i >= 0; i-- {
			if status == http.StatusOK && strings.HasSuffix(last[i].Path, "/basics/info/get") {
				return last[i].Component
			}
		}
		return "not called"
	}
	b.await("a call with the shop's own key", func() bool { return through() == "" })
	a.ask("POST", "/v1/shops/"+shopID+"/move", map[string]string{"to": "isv"}, nil)
	soon(t, "the platform's key", func() bool { return through() == wechatsim.DefaultComponent })
	a.ask("POST", "/v1/shops/"+shopID+"/move", map[string]string{"to": "self"}, nil)
	soon(t, "the shop's own key again", func() bool { return through() == "" })
}
