package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
)

const (
	decodePath   = "/channels/ec/order/sensitiveinfo/decode"
	withdrawPath = "/channels/ec/funds/submitwithdraw"
	unknownPath  = "/channels/ec/lottery/get"
)

// fakeUses counts in memory.
type fakeUses struct {
	mu      sync.Mutex
	counts  map[access.Use]int
	effects []grant.Effects
	err     error
}

func (f *fakeUses) Use(_ context.Context, u access.Use, e grant.Effects) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	key := access.Use{ClientID: u.ClientID, ShopID: u.ShopID, Path: u.Path, At: u.Day(), TellEach: u.TellEach}
	if f.counts == nil {
		f.counts = map[access.Use]int{}
	}
	if f.counts[key] == u.Daily {
		return 0, access.ErrCap
	}
	f.counts[key]++
	f.effects = append(f.effects, e)
	return f.counts[key], nil
}

// granting gives the rig's writing client other rights.
func (r *rig) granting(rights access.Rights) {
	r.store.with(func(s *fakeStore) {
		for hash, c := range s.clients {
			if c.ID == "erp" {
				c.Rights = rights
				s.clients[hash] = c
			}
		}
	})
	r.Forget()
}

func ok(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"errcode":0}`)) }

func TestGroupsAndPaths(t *testing.T) {
	uses := &fakeUses{}
	r := newRig(t, ok, func(c *Config) { c.Uses = uses })
	named := []access.PathRight{{Path: decodePath, Daily: 100}, {Path: "/channels/ec/product/get"}}
	for name, tc := range map[string]struct {
		rights access.Rights
		path   string
		code   string // empty: let through
		rule   string
	}{
		"ordinary":                   {access.Rights{}, readPath, "", ""},
		"ordinary, unknown":          {access.Rights{}, unknownPath, "", ""},
		"ordinary, named":            {access.Rights{}, decodePath, "named-path", "path:" + decodePath},
		"ordinary, named elsewhere":  {access.Rights{}, "/shop/funds/SubmitWithdraw", "named-path", "path:" + withdrawPath},
		"ordinary, named otherwise":  {access.Rights{}, "/shop/ec/order/SensitiveInfo/decode", "named-path", "path:" + decodePath},
		"group":                      {access.Rights{Groups: []string{"order"}}, readPath, "", ""},
		"another group":              {access.Rights{Groups: []string{"order"}}, writePath, "group-not-granted", "group:stock"},
		"group, unknown":             {access.Rights{Groups: []string{"order"}}, unknownPath, "path-not-granted", "path:other"},
		"group, named of it":         {access.Rights{Groups: []string{"order"}}, decodePath, "named-path", "path:" + decodePath},
		"group of a newer version":   {access.Rights{Groups: []string{"lottery"}}, readPath, "group-not-granted", "group:order"},
		"by name":                    {access.Rights{Groups: []string{"stock"}, Paths: named}, decodePath, "", ""},
		"by name, otherwise written": {access.Rights{Paths: named}, "/shop/ec/order/sensitiveinfo/Decode", "", ""},
		"by name, ordinary":          {access.Rights{Groups: []string{"stock"}, Paths: named}, "/channels/ec/product/get", "", ""},
		"by name, without a cap":     {access.Rights{Paths: []access.PathRight{{Path: decodePath}}}, decodePath, "named-path", "path:" + decodePath},
		"by name, another":           {access.Rights{Paths: named}, withdrawPath, "named-path", "path:" + withdrawPath},
		"closed by name":             {access.Rights{Paths: []access.PathRight{{Path: "/cgi-bin/token", Daily: 9}}}, "/cgi-bin/token", "path-closed", ""},
		"observed":                   {access.Rights{Groups: []string{"order"}, Observe: true}, writePath, "", ""},
		"observed, named":            {access.Rights{Observe: true}, withdrawPath, "named-path", "path:" + withdrawPath},
		"observed, closed":           {access.Rights{Observe: true}, "/cgi-bin/token", "path-closed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r.granting(tc.rights)
			a := r.post(t, tc.path, `{}`)
			if tc.code == "" {
				if a.StatusCode != 200 {
					t.Fatalf("%d: %s", a.StatusCode, a.body)
				}
				return
			}
			p := problemBody(t, a)
			if a.StatusCode != 403 || p["code"] != tc.code || tc.rule != "" && p["rule"] != tc.rule {
				t.Errorf("%d: %v", a.StatusCode, p)
			}
			if next, _ := p["next"].(string); tc.rule != "" && !strings.Contains(next, "zhanggui client grant erp --") {
				t.Errorf("it does not say how to ask for more: %s", next)
			}
		})
	}
	r.clean(t)
}

// TestWhatAnOperatorClosesIsClosed: also for clients that may call everything.
func TestWhatAnOperatorClosesIsClosed(t *testing.T) {
	paths, err := catalogue.Default().Overlay("ours.tsv", strings.NewReader(
		"path\tmethod\tgroup\taccess\tname_zh\tname_en\tsets\tthird_party\tflags\tpage\n"+
			unknownPath+"\tPOST\tcredentials\tread\t-\t-\t?\t?\t-\t-\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, untouched(t), func(c *Config) { c.Catalogue, c.Uses = paths, &fakeUses{} })
	for _, rights := range []access.Rights{{}, {Groups: []string{"order"}, Observe: true}, {Paths: []access.PathRight{{Path: unknownPath, Daily: 5}}}} {
		r.granting(rights)
		for _, path := range []string{unknownPath, "/shop/ec/Lottery/get"} {
			if a := r.post(t, path, `{}`); a.StatusCode != 403 || problemBody(t, a)["code"] != "path-closed" {
				t.Errorf("%+v, %s: %d %s", rights, path, a.StatusCode, a.body)
			}
		}
	}
}

func TestObservedCallsAreRecorded(t *testing.T) {
	r := newRig(t, ok)
	r.granting(access.Rights{Groups: []string{"order"}, Observe: true})
	if a := r.post(t, writePath, `{}`); a.StatusCode != 200 {
		t.Fatalf("%d: %s", a.StatusCode, a.body)
	}
	r.settle()
	want := audit.Entry{At: r.clock(), Actor: audit.Actor{Kind: audit.ActorClient, ID: "erp"}, Action: "gateway.observe", Subject: "shop:lantian",
		Outcome: audit.Done, Reason: "observed", Count: 2, Details: map[string]string{"rule": "group:stock"}}
	if len(r.notes.refusals) != 1 {
		t.Fatalf("refusals %+v", r.notes.refusals)
	}
	if diff := cmp.Diff(want, r.notes.refusals[0].Entry("", 2)); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(r.notes.observed, func(o observed) bool { return o.class == "observed" && o.group == "stock" }) {
		t.Errorf("counted %+v", r.notes.observed)
	}
}

func TestOnlyFromItsAddresses(t *testing.T) {
	r := newRig(t, ok)
	for from, want := range map[string]int{"127.0.0.0/8": 200, "192.0.2.0/24": 403, "::1/128": 403} {
		r.granting(access.Rights{From: []netip.Prefix{netip.MustParsePrefix(from)}})
		for _, shop := range []string{"lantian", "baiyun"} {
			a := r.do(t, "POST", writeKey, "/wx/"+shop+readPath, `{}`)
			if a.StatusCode != max(want, map[string]int{"baiyun": 403}[shop]) {
				t.Errorf("from %s to %s: %d", from, shop, a.StatusCode)
			}
			if want == 403 && problemBody(t, a)["code"] != "address-not-allowed" {
				t.Errorf("from %s to %s: %s", from, shop, a.body)
			}
		}
	}
	from := caller{Client: access.Client{Rights: access.Rights{From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}}
	for addr, want := range map[string]bool{"192.0.2.9": true, "::ffff:192.0.2.9": true, "192.0.3.1": false} {
		if got := from.comes(netip.MustParseAddr(addr)); got != want {
			t.Errorf("from %s: %v", addr, got)
		}
	}
	if from.comes(netip.Addr{}) {
		t.Error("an address that is not known is one of those named")
	}
}

func TestPace(t *testing.T) {
	r := newRig(t, ok)
	r.granting(access.Rights{PerSecond: 0.5, Burst: 2})
	for range 2 {
		if a := r.post(t, readPath, `{}`); a.StatusCode != 200 {
			t.Fatalf("%d: %s", a.StatusCode, a.body)
		}
	}
	a := r.post(t, readPath, `{}`)
	if p := problemBody(t, a); a.StatusCode != 429 || p["code"] != "rate" || p["rule"] != "rate" || a.Header.Get("Retry-After") != "2" {
		t.Errorf("%d after %q: %v", a.StatusCode, a.Header.Get("Retry-After"), p)
	}
	if a := r.do(t, "POST", readKey, "/wx/lantian"+readPath, `{}`); a.StatusCode != 200 {
		t.Errorf("another client: %d", a.StatusCode)
	}
	r.advance(2 * time.Second)
	if a := r.post(t, readPath, `{}`); a.StatusCode != 200 {
		t.Errorf("after the time that was given: %d", a.StatusCode)
	}
	if a := r.post(t, readPath, `{}`); a.StatusCode != 429 {
		t.Errorf("a refused call was counted: %d", a.StatusCode)
	}
	r.granting(access.Rights{PerSecond: 100})
	if a := r.post(t, readPath, `{}`); a.StatusCode != 200 {
		t.Errorf("after more was granted: %d", a.StatusCode)
	}
}

// TestRefusedCallsDoNotUseUpThePace: not even when many are refused together.
func TestRefusedCallsDoNotUseUpThePace(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	b := newPaces().of("erp", pace{perSecond: 1, burst: 1})
	for range 100 {
		var passed atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 200 {
					if b.take("erp", now) == nil {
						passed.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if passed.Load() != 1 {
			t.Fatalf("%d calls passed in one second", passed.Load())
		}
		now = now.Add(time.Second)
	}
}

func TestTheServersPaceIsForThoseWithoutOne(t *testing.T) {
	r := newRig(t, ok, func(c *Config) { c.PerSecond, c.Burst = 1, 1 })
	codes := func() (got [2]int) {
		for i := range got {
			got[i] = r.post(t, readPath, `{}`).StatusCode
		}
		return got
	}
	if got := codes(); got != [2]int{200, 429} {
		t.Errorf("by default: %v", got)
	}
	r.granting(access.Rights{PerSecond: 10})
	if got := codes(); got != [2]int{200, 200} {
		t.Errorf("with a pace of its own: %v", got)
	}
}

// TestFetchesAndCallsShareOnePace: whoever asks for a token as often as they may call
// has no calls left.
func TestFetchesAndCallsShareOnePace(t *testing.T) {
	r := newRig(t, ok, func(c *Config) { c.PerSecond, c.Burst = 1, 2 })
	hash := access.HashKey(writeKey)
	if err := r.Pace(t.Context(), hash); err != nil {
		t.Fatal(err)
	}
	if a := r.post(t, readPath, `{}`); a.StatusCode != 200 {
		t.Fatalf("the second of two: %d", a.StatusCode)
	}
	if a := r.post(t, readPath, `{}`); a.StatusCode != 429 {
		t.Errorf("the third call: %d", a.StatusCode)
	}
	e, ok := errors.AsType[*web.Error](r.Pace(t.Context(), hash))
	if !ok || e.Status != 429 || e.RetryAfter <= 0 {
		t.Errorf("the third fetch: %+v", e)
	}
	if err := r.Pace(t.Context(), access.HashKey("zgc_NOBODY")); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
}

func TestNamedCallsAreCountedBeforeTheyAreSent(t *testing.T) {
	uses, sent := &fakeUses{}, 0
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { sent++; ok(w, req) }, func(c *Config) { c.Uses = uses })
	r.granting(access.Rights{Paths: []access.PathRight{{Path: decodePath, Daily: 2}, {Path: withdrawPath, Daily: 1}}})
	for i := range 2 {
		if a := r.post(t, decodePath, `{}`); a.StatusCode != 200 {
			t.Fatalf("call %d: %d %s", i, a.StatusCode, a.body)
		}
	}
	a := r.post(t, "/shop/ec/order/sensitiveinfo/decode", `{}`)
	if p := problemBody(t, a); a.StatusCode != 403 || p["code"] != "daily-cap" || p["rule"] != "path:"+decodePath {
		t.Errorf("%d: %v", a.StatusCode, p)
	}
	if got := a.Header.Get("Retry-After"); got != fmt.Sprint(24*3600-(11*3600+4*60+5)) { // 11:04:05 in China
		t.Errorf("Retry-After %s", got)
	}
	if a := r.post(t, withdrawPath, `{}`); a.StatusCode != 200 {
		t.Errorf("another path: %d", a.StatusCode)
	}
	if sent != 3 || len(uses.effects) != 3 {
		t.Errorf("%d sent, %d counted", sent, len(uses.effects))
	}
	e := uses.effects[2]
	if len(e.Audit) != 1 || len(e.Notices) != 1 || e.Audit[0].Details["path"] != withdrawPath || e.Audit[0].Actor.ID != "erp" || e.Audit[0].Subject != "shop:lantian" {
		t.Errorf("effects %+v", e)
	}
	uses.err = errors.New("the database is away")
	if a := r.post(t, withdrawPath, `{}`); a.StatusCode != 503 || sent != 3 {
		t.Errorf("without a count: %d, %d sent", a.StatusCode, sent)
	}
	r.advance(24 * time.Hour)
	uses.err = nil
	if a := r.post(t, decodePath, `{}`); a.StatusCode != 200 {
		t.Errorf("the next day: %d", a.StatusCode)
	}
}

// TestACapHoldsInEverySpelling: also that of a path which the catalogue does not know,
// or no longer.
func TestACapHoldsInEverySpelling(t *testing.T) {
	uses := &fakeUses{}
	r := newRig(t, ok, func(c *Config) { c.Uses = uses })
	r.granting(access.Rights{Paths: []access.PathRight{{Path: unknownPath, Daily: 2}}})
	var got []int
	for _, path := range []string{unknownPath, "/shop/ec/lottery/get", "/channels/ec/Lottery/Get", "/shop/EC/lottery/get", unknownPath} {
		got = append(got, r.post(t, path, `{}`).StatusCode)
	}
	if diff := cmp.Diff([]int{200, 200, 403, 403, 403}, got); diff != "" {
		t.Error(diff)
	}
	r.granting(access.Rights{Groups: []string{"order"}, Paths: []access.PathRight{{Path: "/shop/ec/Lottery/draw"}}})
	if a := r.post(t, "/channels/ec/lottery/draw", `{}`); a.StatusCode != 200 {
		t.Errorf("granted in another spelling: %d %s", a.StatusCode, a.body)
	}
}

func TestMoneyIsToldOfEachTime(t *testing.T) {
	uses := &fakeUses{}
	r := newRig(t, ok, func(c *Config) { c.Uses = uses })
	ordinary := "/channels/ec/product/get"
	r.granting(access.Rights{Paths: []access.PathRight{{Path: decodePath, Daily: 2}, {Path: withdrawPath, Daily: 1}, {Path: ordinary, Daily: 5}}})
	for path, want := range map[string]bool{decodePath: false, withdrawPath: true, ordinary: false} {
		r.post(t, path, `{}`)
		key := access.Use{ClientID: "erp", ShopID: "lantian", Path: path, At: access.Use{At: r.clock()}.Day(), TellEach: want}
		if uses.counts[key] != 1 {
			t.Errorf("%s: counted %+v", path, uses.counts)
		}
	}
	silent := 0
	for _, e := range uses.effects {
		if len(e.Audit) == 0 && len(e.Notices) == 0 {
			silent++
		}
	}
	if silent != 1 {
		t.Errorf("%d capped calls left nothing behind, want the ordinary one", silent)
	}
}

func TestWithoutACountNamedCallsAreNotMade(t *testing.T) {
	r := newRig(t, untouched(t))
	r.granting(access.Rights{Paths: []access.PathRight{{Path: decodePath, Daily: 2}}})
	if a := r.post(t, decodePath, `{}`); a.StatusCode != 503 {
		t.Errorf("%d: %s", a.StatusCode, a.body)
	}
}

// fakeAuthorizers knows one account.
type fakeAuthorizers struct {
	row grant.Authorizer
	err error
}

func (f *fakeAuthorizers) Authorizer(_ context.Context, app, appID string) (grant.Authorizer, error) {
	if app != "platform" || appID != "wx00000000000000a1" {
		return grant.Authorizer{}, access.ErrNotFound
	}
	return f.row, f.err
}

func TestPermissionSets(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	kept := grant.Authorizer{State: grant.AuthorizerKept, Sets: []int64{129, 130}, EventAt: now.Add(-time.Hour)}
	for name, tc := range map[string]struct {
		change func(f *fakeAuthorizers, c *Config)
		path   string
		status int
	}{
		"granted":      {nil, "/channels/ec/product/list/get", 200},
		"one of them":  {nil, "/shop/ec/basics/img/upload", 200},
		"not granted":  {nil, readPath, 403},
		"not known":    {nil, "/channels/ec/product/get", 200},
		"unknown path": {nil, unknownPath, 200},
		"lately":       {func(f *fakeAuthorizers, _ *Config) { f.row.EventAt = now.Add(-9 * time.Minute) }, readPath, 200},
		"never told":   {func(f *fakeAuthorizers, _ *Config) { f.row.Sets = nil }, readPath, 200},
		"withdrawn":    {func(f *fakeAuthorizers, _ *Config) { f.row.State = grant.AuthorizerWithdrawn }, readPath, 200},
		"no answer":    {func(f *fakeAuthorizers, _ *Config) { f.err = errors.New("away") }, readPath, 200},
		"observed":     {func(_ *fakeAuthorizers, c *Config) { c.Sets = SetsObserve }, readPath, 200},
		"off":          {func(_ *fakeAuthorizers, c *Config) { c.Sets = SetsOff }, readPath, 200},
		"nobody asked": {func(_ *fakeAuthorizers, c *Config) { c.Authorizers = nil }, readPath, 200},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeAuthorizers{row: kept}
			r := newRig(t, ok, func(c *Config) {
				c.Authorizers, c.Sets = f, SetsCheck
				if tc.change != nil {
					tc.change(f, c)
				}
			})
			r.store.with(func(s *fakeStore) {
				s.shops["lantian"] = access.Shop{ID: "lantian", App: "platform", AppID: "wx00000000000000a1"}
				s.apps["platform"] = access.App{ID: "platform", Kind: access.Component}
			})
			a := r.post(t, tc.path, `{}`)
			if a.StatusCode != tc.status {
				t.Fatalf("%d: %s", a.StatusCode, a.body)
			}
			if tc.status == 403 {
				p := problemBody(t, a)
				if p["code"] != "permission-set" || p["rule"] != "set:131" || !strings.Contains(p["cause_zh"].(string), "131 订单与售后") {
					t.Errorf("problem %v", p)
				}
			}
			r.settle()
			if observed := name == "observed"; observed != (len(r.notes.refusals) == 1 && r.notes.refusals[0].Observed) {
				t.Errorf("noted %+v", r.notes.refusals)
			}
		})
	}
}

func TestShopSet(t *testing.T) {
	for _, n := range []int{0, 1, fewShops, fewShops + 1, 1000} {
		var shops []string
		for i := range n {
			shops = append(shops, fmt.Sprintf("shop-%d", n-i)) // in no order
		}
		set := newShopSet(shops)
		for _, shop := range shops {
			if !set.has(shop) {
				t.Errorf("%d shops: %s is not found", n, shop)
			}
		}
		for _, shop := range []string{"", "shop-", "shop-0", "shop-1001", "SHOP-1"} {
			if set.has(shop) {
				t.Errorf("%d shops: %q is found", n, shop)
			}
		}
	}
}
