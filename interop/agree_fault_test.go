package interop_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// bubble runs f with each set of switches inside a synctest bubble: a client
// that waits for its timeout then takes no time, and when everybody waits the
// ledger is complete.
func bubble(t *testing.T, name string, f func(p *pairing)) {
	t.Helper()
	for set, sw := range map[string]wechatsim.Switches{
		"strict": wechatsim.StrictSwitches(), "lenient": wechatsim.LenientSwitches(),
	} {
		t.Run(name+"/"+set, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f(meet(t, wechattest.NewPipe(t, &wechattest.Options{Switches: &sw})))
			})
		})
	}
}

// warm leaves a kept-alive connection behind. That is when net/http is ready
// to repeat a request by itself.
func (p *pairing) warm() {
	p.t.Helper()
	p.shopToken()
}

// misfortune is a fault and what must be true afterwards.
type misfortune struct {
	fault   wechatsim.Fault
	works   bool // the call succeeds all the same
	outcome wechat.Outcome
	code    int
	status  int
	effect  bool // the emulator did what was asked
	lost    bool // the ledger says that no answer went out
}

// misfortunes holds every kind of fault, and before or after the effect where
// that is a choice. A client with a timeout of five seconds meets them.
var misfortunes = map[string]misfortune{
	"delay":            {fault: wechatsim.Fault{Kind: wechatsim.FaultDelay, Delay: wechatsim.Duration(4 * time.Second)}, works: true, effect: true},
	"delay too long":   {fault: wechatsim.Fault{Kind: wechatsim.FaultDelay, Delay: wechatsim.Duration(time.Minute)}, outcome: wechat.OutcomeUnknown, effect: true},
	"errcode instead":  {fault: wechatsim.Fault{Kind: wechatsim.FaultErrcode, ErrCode: -1}, outcome: wechat.OutcomeAnswered, code: -1, status: 200},
	"errcode after":    {fault: wechatsim.Fault{Kind: wechatsim.FaultErrcode, ErrCode: -1, AfterEffect: true}, outcome: wechat.OutcomeAnswered, code: -1, status: 200, effect: true},
	"html_502 instead": {fault: wechatsim.Fault{Kind: wechatsim.FaultHTML}, outcome: wechat.OutcomeUnknown, status: 502},
	"html_502 after":   {fault: wechatsim.Fault{Kind: wechatsim.FaultHTML, AfterEffect: true}, outcome: wechat.OutcomeUnknown, status: 502, effect: true},
	"empty instead":    {fault: wechatsim.Fault{Kind: wechatsim.FaultEmpty}, outcome: wechat.OutcomeUnknown, status: 200},
	"empty after":      {fault: wechatsim.Fault{Kind: wechatsim.FaultEmpty, AfterEffect: true}, outcome: wechat.OutcomeUnknown, status: 200, effect: true},
	"cut":              {fault: wechatsim.Fault{Kind: wechatsim.FaultCut}, outcome: wechat.OutcomeUnknown, status: 200, effect: true},
	"hang instead":     {fault: wechatsim.Fault{Kind: wechatsim.FaultHang}, outcome: wechat.OutcomeUnknown, lost: true},
	"hang after":       {fault: wechatsim.Fault{Kind: wechatsim.FaultHang, AfterEffect: true}, outcome: wechat.OutcomeUnknown, effect: true, lost: true},
	"short hang":       {fault: wechatsim.Fault{Kind: wechatsim.FaultHang, Delay: wechatsim.Duration(time.Second)}, outcome: wechat.OutcomeUnknown, lost: true},
	"html_200 instead": {fault: wechatsim.Fault{Kind: wechatsim.FaultHTML200}, outcome: wechat.OutcomeUnknown, status: 200},
	"html_200 after":   {fault: wechatsim.Fault{Kind: wechatsim.FaultHTML200, AfterEffect: true}, outcome: wechat.OutcomeUnknown, status: 200, effect: true},
	"forbidden":        {fault: wechatsim.Fault{Kind: wechatsim.FaultForbidden}, outcome: wechat.OutcomeAnswered, status: 403},
	"wrong_type":       {fault: wechatsim.Fault{Kind: wechatsim.FaultWrongType}, works: true, effect: true},
	"break":            {fault: wechatsim.Fault{Kind: wechatsim.FaultBreak}, outcome: wechat.OutcomeUnknown, status: 200, effect: true},
	"slow_headers":     {fault: wechatsim.Fault{Kind: wechatsim.FaultSlowHeaders, Delay: wechatsim.Duration(time.Minute)}, outcome: wechat.OutcomeUnknown, effect: true},
	"slow_body":        {fault: wechatsim.Fault{Kind: wechatsim.FaultSlowBody, Delay: wechatsim.Duration(time.Minute)}, outcome: wechat.OutcomeUnknown, status: 200, effect: true},
	"huge instead":     {fault: wechatsim.Fault{Kind: wechatsim.FaultHuge}, outcome: wechat.OutcomeUnknown, status: 200},
	"huge after":       {fault: wechatsim.Fault{Kind: wechatsim.FaultHuge, AfterEffect: true}, outcome: wechat.OutcomeUnknown, status: 200, effect: true},
	"lost_before":      {fault: wechatsim.Fault{Kind: wechatsim.FaultLostBefore}, outcome: wechat.OutcomeUnknown, lost: true},
	"lost_after":       {fault: wechatsim.Fault{Kind: wechatsim.FaultLostAfter}, outcome: wechat.OutcomeUnknown, effect: true, lost: true},
}

// The emulator's kinds are named in its refusal of an unknown one. Calls meet
// all but the duplicate callback, which has a test of its own.
func TestMisfortunesCoverEveryKind(t *testing.T) {
	_, err := wechatsim.New(wechatsim.Options{}).AddFault(wechatsim.Fault{Path: "/", Kind: "no such kind"})
	if err == nil {
		t.Fatal("an unknown kind was armed")
	}
	_, list, _ := strings.Cut(err.Error(), "use one of [")
	list, _, _ = strings.Cut(list, "]")
	kinds := strings.Fields(list)
	if len(kinds) < 9 {
		t.Fatalf("no list of kinds in %q", err)
	}
	covered := []string{string(wechatsim.FaultDuplicateCallback)}
	for _, m := range misfortunes {
		covered = append(covered, string(m.fault.Kind))
	}
	for _, kind := range kinds {
		if !slices.Contains(covered, kind) {
			t.Errorf("no test meets a fault of kind %s", kind)
		}
	}
}

// check compares the client's report and the ledger with the truth.
func (m *misfortune) check(p *pairing, err error, path string) {
	p.t.Helper()
	synctest.Wait() // a server whose client gave up finishes on its own
	if (err == nil) != m.works {
		p.t.Fatalf("error %v, want a success: %t", err, m.works)
	}
	if e, ok := errors.AsType[*wechat.Error](err); !m.works && (!ok || e.Outcome != m.outcome || e.Code != m.code || e.HTTPStatus != m.status) {
		p.t.Errorf("error %#v, want outcome %v, errcode %d, HTTP %d", err, m.outcome, m.code, m.status)
	}
	entries := p.Ledger(path)
	if len(entries) != 1 {
		p.t.Fatalf("%s was sent %d times, want once: %+v", path, len(entries), entries)
	}
	if e := entries[0]; e.Fault != string(m.fault.Kind) || e.Lost != m.lost {
		p.t.Errorf("the ledger has fault %q, lost %t; want %q, %t", e.Fault, e.Lost, m.fault.Kind, m.lost)
	}
}

func (p *pairing) strike(m misfortune, path string) {
	p.t.Helper()
	p.warm()
	m.fault.Path = path
	p.MustFault(m.fault)
}

// A code is exchanged at most once, whatever happens, and the client never
// claims to know what it does not.
func TestExchangeUnderMisfortune(t *testing.T) {
	for name, m := range misfortunes {
		bubble(t, name, func(p *pairing) {
			code := p.code(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
			p.strike(m, exchangePath)
			_, err := p.exchange(inWeChat, code)
			m.check(p, err, exchangePath)
			_, err = p.exchange(inWeChat, code) // by this test only: a program starts a new login
			if m.effect {
				p.refused(err, p.sw.UsedCode, wechat.ClassReauthorise)
				return
			}
			p.ok(err)
		})
	}
}

// What the tests above guard against is real: net/http itself sends a GET again
// when a kept connection breaks, and a code that goes out that way is lost.
func TestNetHTTPRepeatsByItself(t *testing.T) {
	bubble(t, "exchange", func(p *pairing) {
		code := p.code(wechattest.Owner, inWeChat, wechat.ScopeBase)
		p.strike(misfortunes["lost_after"], exchangePath)
		res, err := p.Server.Client.Get(p.URL + exchangePath + "?appid=" + inWeChat.appid + "&secret=" + wechattest.ServiceSecret +
			"&code=" + code.RevealString() + "&grant_type=authorization_code")
		p.ok(err)
		p.ok(res.Body.Close())
		if entries := p.Ledger(exchangePath); len(entries) != 2 || entries[1].ErrCode != p.sw.UsedCode {
			p.t.Errorf("want two requests, the second refused: %+v", entries)
		}
	})
}

// A lost refresh is worth a second try with the same token; where refresh
// tokens rotate, the second try says that a human is needed.
func TestRefreshUnderMisfortune(t *testing.T) {
	for name, m := range misfortunes {
		bubble(t, name, func(p *pairing) {
			g := p.login(wechattest.Owner, inWeChat, wechat.ScopeUserInfo)
			p.Advance(3 * time.Hour)
			p.strike(m, refreshPath)
			_, err := p.refresh(inWeChat, g)
			m.check(p, err, refreshPath)
			_, err = p.refresh(inWeChat, g)
			if m.effect && p.sw.RefreshTokenRotates {
				p.refused(err, 40030, wechat.ClassReauthorise)
				return
			}
			p.ok(err)
		})
	}
}

// In normal mode asking again is harmless: whatever became of the first call,
// the next one gives a token that works.
func TestStableTokenUnderMisfortune(t *testing.T) {
	for name, m := range misfortunes {
		bubble(t, name, func(p *pairing) {
			// Another call leaves the warm connection, so that the shop
			// has no token yet.
			p.ok(p.check(p.login(wechattest.Owner, inWeChat, wechat.ScopeBase)))
			m.fault.Path = stablePath
			p.MustFault(m.fault)
			first, err := p.stable(false)
			m.check(p, err, stablePath)
			p.Advance(time.Minute)
			next, err := p.stable(false)
			p.ok(err)
			p.ok(p.basics(next.Token))
			// A token made a minute ago has less than its full life left.
			if made := next.ExpiresIn < 2*time.Hour; made != m.effect {
				p.t.Errorf("the token expires in %v: it was made by the first call: %t, want %t", next.ExpiresIn, made, m.effect)
			}
			if m.works && !same(first, next) {
				p.t.Error("the same token must come again")
			}
		})
	}
}

// Adding to the stock twice counts twice, so it is sent once.
func TestStockUnderMisfortune(t *testing.T) {
	const path = productPath + "/stock/update"
	for name, m := range misfortunes {
		bubble(t, name, func(p *pairing) {
			id, sku := p.first()
			token, have := p.shopToken(), p.stock(id, sku)
			p.strike(m, path)
			_, err := p.c.CallJSON(p.t.Context(), wechat.Request{Path: path, Token: token},
				object{"product_id": id, "sku_id": sku, "diff_type": 1, "num": 7}, nil)
			m.check(p, err, path)
			want := have
			if m.effect {
				want += 7
			}
			if got := p.stock(id, sku); got != want {
				p.t.Errorf("stock %d, want %d", got, want)
			}
		})
	}
}

// A consent that calls back twice: with two codes both are good, with one code
// the second use is told.
func TestDuplicateCallback(t *testing.T) {
	for _, sameCode := range []bool{false, true} {
		both(t, func(p *pairing) {
			p.MustFault(wechatsim.Fault{Path: "/connect/oauth2/authorize", Kind: wechatsim.FaultDuplicateCallback, SameCode: sameCode})
			urls, err := p.VisitAll(p.t.Context(), wechattest.Owner, p.link(inWeChat, wechat.ScopeBase), wechatsim.Agree)
			p.ok(err)
			if len(urls) != 2 {
				p.t.Fatalf("%d callbacks, want 2", len(urls))
			}
			_, err = p.exchange(inWeChat, codeOf(p.t, urls[0]))
			p.ok(err)
			_, err = p.exchange(inWeChat, codeOf(p.t, urls[1]))
			if sameCode {
				p.refused(err, p.sw.UsedCode, wechat.ClassReauthorise)
				return
			}
			p.ok(err)
		})
	}
}
