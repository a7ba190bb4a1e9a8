package provider

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/event"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const miniAppID = "wx00000000000000b1"

// mini has a mini program authorise the platform at WeChat, and gives the code.
func (w *world) mini() (*account, string) {
	a := w.authorises(miniAppID)
	a.info.Kind, a.info.Name, a.info.Sets = KindOther, "茶铺小程序", []int64{17, 18}
	return a, w.code(miniAppID)
}

// link brings a code by the redirect of a link.
func (w *world) link(l grant.Link, code string) (grant.Linked, error) {
	return w.p.Link(w.t.Context(), w.app, l, secret.FromString(code))
}

// TestLinkAndPushEndAlike: the redirect and the push bring the same code, in either
// order and in between; it is sent once, and the end is the same.
func TestLinkAndPushEndAlike(t *testing.T) {
	type end struct {
		Row     grant.Authorizer
		Grant   grant.Grant
		Refresh string
	}
	var first *end
	for name, play := range map[string]func(w *world, push, link func()){
		"the link first":            func(w *world, push, link func()) { link(); push(); w.settleAll() },
		"the push first":            func(w *world, push, link func()) { push(); link(); w.settleAll() },
		"the push is adopted first": func(w *world, push, link func()) { push(); w.settleAll(); link(); w.settleAll() },
		"the link is settled first": func(w *world, push, link func()) { link(); w.settleAll(); push(); w.settleAll() },
		"the push comes twice":      func(w *world, push, link func()) { push(); link(); push(); w.settleAll() },
	} {
		w := newWorld(t)
		_, code := w.mini()
		push := func() { w.push(authorizedPush(t, event.NameAuthorized, miniAppID, start, code)) }
		link := func() {
			got, err := w.link(grant.Link{ID: "l_1", App: "market"}, code)
			if diff := cmp.Diff(grant.Linked{AppID: miniAppID, Name: "茶铺小程序", Sets: []int64{17, 18}}, got); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", name, err, diff)
			}
		}
		play(w, push, link)
		if !slices.Equal(w.wechat.used, []string{code}) {
			t.Errorf("%s: codes sent: %v", name, w.wechat.used)
		}
		now := end{w.row(miniAppID), w.grant(miniAppID), w.refresh(miniAppID)}
		if now.Row.State != grant.AuthorizerKept || now.Row.Account != grant.AccountLinked || now.Grant.State != grant.Active || now.Grant.ShopID != "" {
			t.Errorf("%s: %+v", name, now)
		}
		now.Row.Version, now.Grant.ID, now.Grant.Tokens = 0, "", grant.Tokens{Generation: now.Grant.Tokens.Generation}
		if first == nil {
			first = &now
		}
		if diff := cmp.Diff(*first, now); diff != "" {
			t.Errorf("%s ends otherwise: %s", name, diff)
		}
		if len(w.store.shops) > 0 || len(w.store.notices) > 0 || w.wechat.count("bought") > 0 {
			t.Errorf("%s: taken for a shop: %v, %v", name, w.store.shops, w.store.told())
		}
	}
}

// TestLinkIsAudited: who came by which link is written with the grant.
func TestLinkIsAudited(t *testing.T) {
	w := newWorld(t)
	_, code := w.mini()
	_, err := w.link(grant.Link{ID: "l_1", App: "market"}, code)
	w.must(err)
	e := w.store.audit[0]
	if e.Action != "authorizer.adopt" || e.Details["link"] != "l_1" || e.Details["way"] != "link" || e.Subject != "authorizer:"+miniAppID {
		t.Errorf("entry %+v", e)
	}
}

// TestLinkServesADeclaredShop: an account that somebody declared is served under its
// id, so that programs can call it.
func TestLinkServesADeclaredShop(t *testing.T) {
	w := newWorld(t)
	w.store.shops[miniAppID] = access.Shop{ID: "mini", TenantID: "tea", App: "market", AppID: miniAppID}
	_, code := w.mini()
	_, err := w.link(grant.Link{ID: "l_1", App: "market"}, code)
	w.must(err)
	if g := w.grant(miniAppID); g.ShopID != "mini" || w.row(miniAppID).ShopID != "mini" {
		t.Errorf("grant %+v", g)
	}
}

// TestLinkRefuses: what is not kept leaves nothing behind.
func TestLinkRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		link  grant.Link
		spoil func(w *world, code string)
		want  error // nil: WeChat's
		sent  int
	}{
		"another platform's code": {grant.Link{}, func(w *world, _ string) { clear(w.wechat.codes) }, nil, 1},
		"another account":         {grant.Link{AppID: teaAppID}, func(*world, string) {}, grant.ErrOtherAccount, 1},
		"a used code": {grant.Link{}, func(w *world, code string) {
			w.must(w.p.useCode(t.Context(), "market", secret.FromString(code)))
		}, grant.ErrCodeUsed, 0},
		"another system leads": {grant.Link{AppID: miniAppID}, func(w *world, _ string) {
			w.store.grants[key{"market", miniAppID}] = grant.Grant{ID: "g_1", State: grant.Held}
		}, grant.ErrAway, 0},
		"another system leads, as it turns out": {grant.Link{}, func(w *world, _ string) {
			w.store.grants[key{"market", miniAppID}] = grant.Grant{ID: "g_1", State: grant.Followed}
		}, grant.ErrAway, 1},
		"the store is away":   {grant.Link{}, func(w *world, _ string) { w.store.useErr = errFault }, errFault, 0},
		"no platform's token": {grant.Link{}, func(w *world, _ string) { w.keeper.err = errFault }, errFault, 0},
	} {
		w := newWorld(t)
		_, code := w.mini()
		tt.spoil(w, code)
		before := w.grant(miniAppID)
		got, err := w.link(tt.link, code)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || tt.want == nil && codeOf(err) != 61009 || strings.Contains(err.Error(), code) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if len(w.wechat.used) != tt.sent {
			t.Errorf("%s: codes sent: %v", name, w.wechat.used)
		}
		if diff := cmp.Diff(before, w.grant(miniAppID)); diff != "" || len(w.store.rows) > 0 {
			t.Errorf("%s left %s %v", name, diff, w.store.rows)
		}
	}
}

// TestLinkHealsALostAnswer: WeChat's answer is lost, and the link named the account.
func TestLinkHealsALostAnswer(t *testing.T) {
	w := newWorld(t)
	_, code := w.mini()
	w.wechat.err = only("exchange", lost())
	if _, err := w.link(grant.Link{AppID: miniAppID}, code); err == nil {
		t.Fatal("a lost answer is taken for one")
	}
	w.settleAll()
	if g := w.grant(miniAppID); g.State != grant.Active || w.refresh(miniAppID) != "art-"+miniAppID || len(w.wechat.used) != 1 {
		t.Errorf("grant %+v, codes sent %v", g, w.wechat.used)
	}
}

// TestLinkSurvivesEveryWrite: each write fails, or lands and its answer is lost; the
// code is sent once and the account ends up kept.
func TestLinkSurvivesEveryWrite(t *testing.T) {
	for _, most := range []int{1, writes} {
		for _, what := range []fault{failed, landed} {
			w := newWorld(t)
			_, code := w.mini()
			seen := 0
			w.store.fault = func(grant.Effects) fault {
				if seen++; seen <= most {
					return what
				}
				return fine
			}
			_, err := w.link(grant.Link{ID: "l_1", App: "market"}, code)
			if (err == nil) != (most < writes) {
				t.Errorf("%d writes, fault %d: %v", most, what, err)
			}
			w.settleAll()
			if g := w.grant(miniAppID); g.State != grant.Active || w.refresh(miniAppID) != "art-"+miniAppID || w.row(miniAppID).State != grant.AuthorizerKept || len(w.wechat.used) != 1 {
				t.Errorf("%d writes, fault %d: %+v, %+v, sent %v", most, what, g, w.row(miniAppID), w.wechat.used)
			}
		}
	}
}

// TestLinkBringsBackWhatWasRevoked: an administrator made the link, so it counts
// against an earlier revocation.
func TestLinkBringsBackWhatWasRevoked(t *testing.T) {
	w := newWorld(t)
	_, code := w.mini()
	_, err := w.link(grant.Link{}, code)
	w.must(err)
	w.must(w.store.Authorise(t.Context(), grant.Effects{At: w.now, Revoke: []grant.Revocation{{GrantID: w.grant(miniAppID).ID}}}))
	_, again := w.mini()
	if _, err := w.link(grant.Link{}, again); err != nil || w.grant(miniAppID).State != grant.Active {
		t.Errorf("grant %+v, %v", w.grant(miniAppID), err)
	}
}

// TestLinkedAccountWithdrawsAndReturns: what came by a link once is kept again when
// only a push tells.
func TestLinkedAccountWithdrawsAndReturns(t *testing.T) {
	w := newWorld(t)
	_, code := w.mini()
	_, err := w.link(grant.Link{}, code)
	w.must(err)
	w.wait(time.Second)
	w.push(unauthorizedPush(t, miniAppID, w.now))
	if g := w.grant(miniAppID); g.State != grant.NeedsOwner || len(g.Tokens.Refresh) > 0 {
		t.Fatalf("grant %+v", g)
	}
	w.wait(time.Second)
	_, again := w.mini()
	w.push(authorizedPush(t, event.NameAuthorized, miniAppID, w.now, again))
	w.settleAll()
	if g := w.grant(miniAppID); g.State != grant.Active || w.row(miniAppID).Account != grant.AccountLinked || len(w.store.shops) > 0 {
		t.Errorf("grant %+v, row %+v", g, w.row(miniAppID))
	}
}

// TestLinkURL: the address is asked for with the platform's token, and a token that
// WeChat refuses is reported.
func TestLinkURL(t *testing.T) {
	w := newWorld(t)
	got, err := w.p.LinkURL(t.Context(), w.app, grant.Link{Kind: grant.LinkMini}, "https://shop.example.com/back", true)
	if err != nil || got != "https://wechat.example/phone?app="+platformAppID+"&by=cat-1&kind=mini&only=&back=https://shop.example.com/back" {
		t.Errorf("%s, %v", got, err)
	}
	w.wechat.err = only("link", refusal(42001))
	if _, err := w.p.LinkURL(t.Context(), w.app, grant.Link{}, "https://shop.example.com/back", false); codeOf(err) != 42001 || !slices.Equal(w.keeper.refused, []int64{1}) {
		t.Errorf("%v, told of %v", err, w.keeper.refused)
	}
	w.keeper.err = errFault
	if _, err := w.p.LinkURL(t.Context(), w.app, grant.Link{}, "https://shop.example.com/back", false); !errors.Is(err, errFault) {
		t.Error(err)
	}
}
