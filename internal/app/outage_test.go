package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/standby"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// server is a PostgreSQL server of the test's own, to be stopped.
func server(t *testing.T) *pgtest.Server {
	t.Helper()
	s, err := pgtest.Start(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// oneOn starts an App on a server of its own, with a declared shop whose token is
// in standby.db.
func oneOn(t *testing.T, s *pgtest.Server) (*balancer, *rig) {
	t.Helper()
	database, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, all := replicas(t, 1, database, nil)
	r := all[0]
	r.declare()
	r.standsBy()
	return b, r
}

// standsBy waits until standby.db holds what was committed by now.
func stop(t *testing.T, s *pgtest.Server) {
	t.Helper()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
}

func startAgain(t *testing.T, s *pgtest.Server) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// standsBy waits until standby.db holds what was committed by now.
func (r *rig) standsBy() {
	r.t.Helper()
	from := r.sim.Now()
	r.await("a file that stands by", func() bool {
		s, err := r.app.StandbyState()
		return err == nil && s.Complete && s.Contact.After(from)
	})
}

// tokenFault keeps WeChat from giving tokens.
func tokenFault() wechatsim.Fault {
	return wechatsim.Fault{Path: "/cgi-bin/stable_token", Kind: wechatsim.FaultHTML, Count: -1}
}

// tryGet is get for a goroutine that may not end the test.
func (r *rig) tryGet(url, key string) (status int, body string, err error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// TestDatabaseGoesAway: calls go on, everything else says in words that the
// database is away, and all is well when it is back.
func TestDatabaseGoesAway(t *testing.T) {
	s := server(t)
	_, r := oneOn(t, s)
	owner := r.owner()
	stop(t, s)
	r.await("word of the outage", func() bool {
		return slices.ContainsFunc(r.readyz().Degraded, func(s string) bool { return strings.Contains(s, "served from standby.db until") })
	})
	if got := r.readyz(); got.status != http.StatusOK || !got.Ready {
		t.Errorf("readiness in an outage: %+v", got)
	}
	for range 5 {
		if status, body := r.call(); status != http.StatusOK {
			t.Fatalf("a call in an outage: %d %s", status, body)
		}
	}
	r.refusesInWords(owner)
	r.toldDirectly()
	if status, body := r.get(r.base+"/wx/"+shopID+"/channels/ec/basics/info/get", "zgc_UNKNOWNUNKNOWNUNKNOWN22"); status != http.StatusUnauthorized {
		t.Errorf("an unknown key in an outage: %d %s", status, body)
	}
	startAgain(t, s)
	r.await("recovery", func() bool { return len(r.readyz().Degraded) == 0 })
	r.apply(tea())
	if p := owner.open(r.base + "/shops/" + shopID); p.status != http.StatusOK {
		t.Errorf("the owner's page after the outage: %d", p.status)
	}
	r.toldOver()
}

// toldDirectly lets an outage last, and waits until it is told of past the database.
func (r *rig) toldDirectly() {
	r.t.Helper()
	r.await("trouble that the server sees", func() bool { return !r.app.StoreDown().IsZero() })
	r.sim.Advance(20 * time.Second)
	r.await("word past the database", func() bool { return strings.Contains(r.logs.String(), `"direct":`) })
}

// toldOver waits until the end of an outage is told, and wants its beginning once.
func (r *rig) toldOver() {
	r.t.Helper()
	r.await("word of its end", func() bool { return strings.Contains(r.logs.String(), `"phase":"over"`) })
	raised := strings.Count(r.logs.String(), fmt.Sprintf(`"msg":%q`, notice.StoreFailing.Words().What.EN))
	if raised != 1 || !strings.Contains(r.logs.String(), `"lasted":"`) {
		r.t.Errorf("its beginning was told %d times:\n%s", raised, r.logs)
	}
}

// refusesInWords wants pages and API to say what is wrong.
func (r *rig) refusesInWords(b *browser) {
	t := r.t
	t.Helper()
	for _, path := range []string{"/", "/login?shop=" + shopID, "/shops/" + shopID, "/admin/login"} {
		if p := b.open(r.base + path); p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, "The database does not answer since") {
			t.Errorf("GET %s in an outage: %d %.300s", path, p.status, p.body)
		}
	}
	for _, path := range []string{"/v1/grants", "/v1/shops", "/v1/audit"} {
		status, body := r.say("GET", path, nil)
		var p struct{ Code, Cause, Next string }
		if err := json.Unmarshal(body, &p); err != nil || status != http.StatusServiceUnavailable || p.Code != "database-down" ||
			!strings.Contains(p.Cause, "since 20") || p.Next == "" {
			t.Errorf("GET %s in an outage: %d %s", path, status, body)
		}
	}
	if status, _ := r.say("POST", "/v1/apply", adminapi.Manifest{}); status != http.StatusServiceUnavailable {
		t.Errorf("apply in an outage: %d", status)
	}
}

// TestStartWithoutDatabase: a server that starts while the database is away serves
// calls from standby.db, and becomes whole by itself.
func TestStartWithoutDatabase(t *testing.T) {
	s := server(t)
	b, r := oneOn(t, s)
	database := r.cfg.Database
	owner := r.owner()
	r.standsBy()
	stop(t, s)
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	asked := r.tokenRequests()
	r.startShared(b, database, nil)
	if got := r.readyz(); got.status != http.StatusOK || !got.Ready || !strings.Contains(strings.Join(got.Degraded, "\n"), "served from standby.db until") {
		t.Errorf("readiness after a start without the database: %+v", got)
	}
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("a call after a start without the database: %d %s", status, body)
	}
	r.refusesInWords(owner)
	r.toldDirectly()
	if _, first, err := r.app.SetupLink(t.Context()); first || err != nil {
		t.Errorf("a set-up link without the database: %t, %v", first, err)
	}
	startAgain(t, s)
	r.await("the database to be opened", func() bool { return len(r.readyz().Degraded) == 0 })
	if p := owner.open(r.base + "/shops/" + shopID); p.status != http.StatusOK {
		t.Errorf("the owner's page afterwards: %d %s", p.status, p.body)
	}
	r.apply(tea())
	r.await("the new shop's token", func() bool { return r.shopGrant("tea").Generation > 0 })
	r.toldOver()
	if again := r.tokenRequests() - asked; again != 1 {
		t.Errorf("WeChat was asked %d times for tokens, want once, for the new shop", again)
	}
}

// TestStartWithoutAnything: without the database and without a file that can be
// used, a start is refused, and says why.
func TestStartWithoutAnything(t *testing.T) {
	s := server(t)
	b, r := oneOn(t, s)
	database := r.cfg.Database
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	for name, c := range map[string]struct {
		prepare func()
		flags   map[string]string
		want    string
	}{
		"switched off": {func() {}, map[string]string{"standby": "false"}, "no server answers"},
		"too old":      {func() { r.sim.Advance(standby.Grace + time.Minute) }, nil, "more than 15 minutes ago"},
		"elsewhere":    {func() { r.sim.Advance(-standby.Grace - time.Minute) }, map[string]string{"database": "postgres://localhost:1/elsewhere"}, "copy of another database"},
	} {
		c.prepare()
		err := r.tryStartShared(b, database, c.flags)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: started: %v", name, err)
		}
		if c.want == "more than 15 minutes ago" {
			r.sim.Advance(-standby.Grace - time.Minute)
		}
		if name == "elsewhere" {
			r.sim.Advance(standby.Grace + time.Minute)
		}
	}
}

// TestTokensEndInAnOutage: a token is not served past its end, and the answer says
// that the database is away.
func TestTokensEndInAnOutage(t *testing.T) {
	s := server(t)
	_, r := oneOn(t, s)
	end := r.grant("self").AccessExpires
	// The token is in its last minutes when the database goes away, so that both
	// happen within the time for which the file serves.
	r.sim.MustFault(tokenFault())
	r.sim.Advance(end.Sub(r.sim.Now()) - 3*time.Minute)
	r.standsBy()
	stop(t, s)
	r.await("word of the outage", func() bool { return len(r.readyz().Degraded) > 1 })
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("a token in its last minutes: %d %s", status, body)
	}
	r.sim.Advance(3*time.Minute + time.Second)
	r.await("the end of the token", func() bool { status, _ := r.call(); return status == http.StatusServiceUnavailable })
	if _, body := r.call(); !strings.Contains(body, "database-down") || !strings.Contains(body, "since 20") {
		t.Errorf("after the token's end: %s", body)
	}
}

// TestFileServesFor15Minutes: then calls are refused in words.
func TestFileServesFor15Minutes(t *testing.T) {
	s := server(t)
	_, r := oneOn(t, s)
	stop(t, s)
	r.await("word of the outage", func() bool { return len(r.readyz().Degraded) > 0 })
	r.sim.Advance(standby.Grace - time.Minute)
	if status, body := r.call(); status != http.StatusOK {
		t.Errorf("in the last minute: %d %s", status, body)
	}
	r.sim.Advance(2 * time.Minute)
	r.await("the end of what the file serves", func() bool { status, _ := r.call(); return status == http.StatusServiceUnavailable })
	if _, body := r.call(); !strings.Contains(body, "database-down") {
		t.Errorf("afterwards: %s", body)
	}
	if got := r.readyz(); got.status != http.StatusServiceUnavailable || got.Ready {
		t.Errorf("readiness: %+v", got)
	}
	startAgain(t, s)
	r.await("recovery", func() bool { status, _ := r.call(); return status == http.StatusOK })
}

// TestUnderLoad stops the database again and again while two replicas are called
// all the time: no call fails, and everything heals by itself.
func TestUnderLoad(t *testing.T) {
	s := server(t)
	database, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, both := replicas(t, 2, database, nil)
	both[0].declare()
	both[1].key = both[0].key
	for _, r := range both {
		r.standsBy()
	}
	ctx, end := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var calls, failed atomic.Int64
	var first sync.Once
	for _, r := range both {
		for range 4 {
			wg.Go(func() {
				for ctx.Err() == nil {
					status, body, err := r.tryGet(r.direct+"/wx/"+shopID+"/channels/ec/basics/info/get", r.key)
					calls.Add(1)
					if err != nil || status != http.StatusOK {
						failed.Add(1)
						first.Do(func() { t.Logf("the first failed call: %d %v %s", status, err, body) })
					}
				}
			})
		}
	}
	for round := range 3 {
		stop(t, s)
		await(t, "word of the outage", func() bool { return len(both[0].readyz().Degraded) > 0 && len(both[1].readyz().Degraded) > 0 })
		startAgain(t, s)
		await(t, fmt.Sprintf("recovery %d", round), func() bool { return len(both[0].readyz().Degraded) == 0 && len(both[1].readyz().Degraded) == 0 })
	}
	end()
	wg.Wait()
	if failed.Load() > 0 || calls.Load() < 100 {
		t.Errorf("%d of %d calls failed", failed.Load(), calls.Load())
	}
	t.Logf("%d calls", calls.Load())
	both[0].apply(tea())
	both[0].await("the keeper to go on", func() bool { return both[0].shopGrant("tea").Generation > 0 })
}

// TestRevokedJustBeforeTheOutage: the replica that ended a client's key knows of it,
// although it had no time to read its own entry.
func TestRevokedJustBeforeTheOutage(t *testing.T) {
	s := server(t)
	_, r := oneOn(t, s)
	if status, body := r.call(); status != http.StatusOK {
		t.Fatalf("a call before: %d %s", status, body)
	}
	r.ask("POST", "/v1/clients/"+r.manifest().Clients[0].ID+"/revoke", nil, nil)
	stop(t, s)
	r.await("word of the outage", func() bool { return len(r.readyz().Degraded) > 0 })
	if status, body := r.call(); status != http.StatusUnauthorized {
		t.Errorf("a call with a key that was ended just before: %d %s, want 401", status, body)
	}
}

// TestOutageServesAdoptedShops: a shop that nobody declared, of which only the
// platform's events told, is served without the database like any other.
func TestOutageServesAdoptedShops(t *testing.T) {
	s := server(t)
	database, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := newBalancer(t)
	r := newRigIn(t, wechatsim.PlatformWorld())
	b.to = append(b.to, r)
	r.startShared(b, database, nil)
	r.declarePlatform()
	r.standsBy() // whole before the shop is there: what follows is heard, not copied
	r.buy()
	r.deliver()
	r.awaitShop()
	key := r.client(marketShop)
	r.await("a call on behalf of the shop", func() bool { status, _ := r.basics(marketShop, key); return status == http.StatusOK })
	r.standsBy()
	stop(t, s)
	cfg := r.cfg.Database
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	r.startShared(b, cfg, nil) // with the file alone: memory helps nobody
	if status, body := r.basics(marketShop, key); status != http.StatusOK {
		t.Errorf("a call for an adopted shop in an outage: %d %s", status, body)
	}
}
