package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/quota"
	"github.com/zhanggui/zhanggui/wechat"
)

func TestAWellServerHasOnlyGoodFindings(t *testing.T) {
	r := newWorld(t).examine(t, "")
	for _, f := range r.Findings {
		if f.Verdict != doctor.OK {
			t.Errorf("%s of %s is %s: %s (%v)", f.Check, f.Subject, f.Verdict, f.Cause.EN, f.Proof)
		}
		if f.Cause.EN == "" || f.Cause.ZH == "" || f.Next.EN == "" || f.Next.ZH == "" {
			t.Errorf("%s of %s lacks words: %+v", f.Check, f.Subject, f)
		}
	}
	var checks []string
	for _, f := range r.Findings {
		checks = append(checks, f.Check)
	}
	slices.Sort(checks)
	want := "account address certificate channels clock database disk domain grant health key network platform public push quota sealed secret service sets shop stranger ticket"
	if got := strings.Join(slices.Compact(checks), " "); got != want {
		t.Errorf("checks\n got %s\nwant %s", got, want)
	}
	if r.Worst() != doctor.OK || r.Asked != 7 {
		t.Errorf("worst %s, asked %d; want ok and 7: two secrets, platform, two shops, account, network", r.Worst(), r.Asked)
	}
}

// broken is what a test breaks, and the finding that must name it.
var broken = map[string]struct {
	shop    string // examined; empty: everything
	breaks  func(*world)
	check   string
	verdict doctor.Verdict
	cause   string // part of the English cause
	proof   string // a fact, name=value, or part of one
	page    string // part of it
}{
	"WeChat away": {"", func(w *world) {
		w.trouble = []doctor.Trouble{{What: notice.Text{EN: "WeChat does not answer: not_sent", ZH: "微信无应答"}, Since: noon}}
	}, "health", doctor.Wrong, "WeChat does not answer", "since=2026-03-01T12:00:00Z", ""},
	"clock behind":     {"", func(w *world) { w.clock.Behind, w.clock.Stopped = time.Hour, true }, "clock", doctor.Wrong, "behind a time", "behind=1h0m0s", ""},
	"clock skewed":     {"", func(w *world) { w.clock.Wrong, w.clock.Skew = true, 5*time.Minute }, "clock", doctor.Wrong, "differs from WeChat", "ahead_of_wechat=5m0s", ""},
	"disk full":        {"", func(w *world) { w.disk.Free = 100 << 20 }, "disk", doctor.Wrong, "full", "free_mb=100", ""},
	"disk nearly full": {"", func(w *world) { w.disk.Free = 1 << 30 }, "disk", doctor.Warning, "nearly full", "free_mb=1024", ""},
	"disk untold":      {"", func(w *world) { w.diskErr = errAway }, "disk", doctor.Unknown, "does not tell", "", ""},
	"database away":    {"", func(w *world) { w.down = errAway }, "database", doctor.Wrong, "does not answer", "kind=sqlite", ""},
	"database slow":    {"", func(w *world) { w.db.Took = time.Second }, "database", doctor.Warning, "slow", "answered_in=1s", ""},
	"database alone":   {"", func(w *world) { w.db.Problem = []string{"the feed is late"} }, "database", doctor.Warning, "the feed is late", "", ""},
	"large log":        {"", func(w *world) { w.db.WAL = 2 << 30 }, "database", doctor.Warning, "write-ahead log", "wal_kb=2097152", ""},
	"key open":         {"", func(w *world) { w.keys.Open = true }, "key", doctor.Wrong, "may read the master key", "master_key=file", ""},
	"key old":          {"", func(w *world) { w.keys.Since = noon.AddDate(-2, 0, 0) }, "key", doctor.Warning, "older than a year", "", ""},
	"channel sealed":   {"", func(w *world) { w.shut = []string{"ops"} }, "channels", doctor.Wrong, "cannot be opened: ops", "channels=1", "/admin/channels"},
	"no channel":       {"", func(w *world) { w.names = nil }, "channels", doctor.Warning, "nobody is told", "channels=0", "/admin/channels"},
	"notices late":     {"", func(w *world) { w.pending, w.oldest = 3, noon.Add(-time.Hour) }, "channels", doctor.Warning, "does not take", "oldest_waits=1h0m0s", ""},
	"notices stuck":    {"", func(w *world) { w.pending, w.oldest = 3, noon.AddDate(0, 0, -2) }, "channels", doctor.Wrong, "more than a day", "waiting=3", ""},
	"notices lost": {"", func(w *world) {
		w.records = []notice.Record{{Deliveries: []notice.Delivery{{Channel: "webhook x", State: notice.Failed, Reason: "answered 500"}}}}
	}, "channels", doctor.Warning, "does not take", "channel=webhook x: answered 500", ""},
	"channel removed": {"", func(w *world) {
		w.records = []notice.Record{{Deliveries: []notice.Delivery{{Channel: "old", State: notice.Failed, Reason: notice.ReasonGone}}}}
	}, "channels", doctor.OK, "notices leave", "given_up_lately=0", ""},
	"URL away":         {"", func(w *world) { w.offline = errors.New("connection refused") }, "public", doctor.Wrong, "cannot be reached", "reason=connection refused", ""},
	"URL of others":    {"", func(w *world) { w.pages["/.well-known/jwks.json"] = doctor.Page{Status: 200, Body: []byte("<html>")} }, "public", doctor.Wrong, "somebody else answers", "http_status=200", ""},
	"certificate ends": {"", func(w *world) { w.certificate(10) }, "certificate", doctor.Warning, "ends soon", "days_left=10", ""},
	"certificate over": {"", func(w *world) { w.certificate(1) }, "certificate", doctor.Wrong, "two days", "days_left=1", ""},
	"wrong secret": {"lantian", func(w *world) {
		w.refuse["secret own"] = says("/cgi-bin/stable_token", 40125, "invalid appsecret rid: 61725984-6126f6f9-040f19c4")
	}, "secret", doctor.Wrong, "AppSecret is wrong", "errcode=40125", "AccessToken"},
	"frozen secret": {"lantian", func(w *world) { w.refuse["secret own"] = says("/cgi-bin/stable_token", 40243, "frozen") }, "secret", doctor.Wrong, "frozen", "errcode=40243", ""},
	"address of person": {"", func(w *world) {
		w.refuse["secret fuwuhao"] = says("/cgi-bin/stable_token", 40164, "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist")
	}, "address", doctor.Wrong, "not in the allowlist", "address_seen=203.0.113.9", "mp.weixin.qq.com"},
	"address of shop": {"lantian", func(w *world) {
		w.refuse["/channels/ec/basics/info/get"] = &wechat.Error{Op: "GET /channels/ec/basics/info/get", Kind: wechat.KindDataCall, HTTPStatus: 403, Outcome: wechat.OutcomeAnswered, Err: wechat.ErrMalformed}
	}, "address", doctor.Wrong, "not in the shop's allowlist", "http_status=403", "store.weixin.qq.com"},
	"address of platform": {"", func(w *world) {
		w.refuse["/cgi-bin/getcallbackip"] = says("/cgi-bin/getcallbackip", 61004, "access clientip is not registered, requestIP: 203.0.113.9")
	}, "address", doctor.Wrong, "not registered with the platform", "address_seen=203.0.113.9", "open.weixin.qq.com"},
	"address in another form": {"lantian", func(w *world) {
		w.refuse["secret own"] = says("/cgi-bin/stable_token", 45035, "access clientip is not registered, not in ip-white-list, requestIP: 203.0.113.9")
	}, "address", doctor.Wrong, "not registered with the shop", "address_seen=203.0.113.9", "store.weixin.qq.com"},
	"address of shop's platform": {"hongtu", func(w *world) {
		w.refuse["/channels/ec/basics/info/get"] = says("/channels/ec/basics/info/get", 61004, "access clientip is not registered, requestIP: 203.0.113.9")
		w.refuse["/cgi-bin/component/api_get_authorizer_info"] = says("/cgi-bin/component/api_get_authorizer_info", 61004, "access clientip is not registered, requestIP: 203.0.113.9")
	}, "shop", doctor.Wrong, "from the provider's server", "errcode=61004", ""},
	"vault":           {"", func(w *world) { w.sealed = errAway }, "sealed", doctor.Wrong, "cannot be opened", "version=0", ""},
	"push keys":       {"", func(w *world) { w.sealed = errAway }, "push", doctor.Wrong, "cannot be opened", "", ""},
	"callback domain": {"", func(w *world) { w.apps[0].CallbackHost = "old.example.com" }, "domain", doctor.Wrong, "another host", "callback_domain=old.example.com", "mp.weixin.qq.com"},
	"proof missing":   {"", func(w *world) { delete(w.pages, "/MP_verify_demo0000demo0000.txt") }, "domain", doctor.Wrong, "is not there", "http_status=404", ""},
	"proof of others": {"", func(w *world) {
		w.pages["/MP_verify_demo0000demo0000.txt"] = doctor.Page{Status: 200, Body: []byte("<html>")}
	}, "domain", doctor.Wrong, "something else answers", "bytes=6", ""},
	"proof away":     {"", func(w *world) { w.offline = errAway }, "domain", doctor.Wrong, "cannot be fetched", "reason=away", ""},
	"push away":      {"", func(w *world) { w.offline = errAway }, "push", doctor.Wrong, "cannot be reached", "reason=away", "open.weixin.qq.com"},
	"push swallowed": {"", func(w *world) { w.pages["/wechat/push/platform/auth"] = doctor.Page{Status: 200, Body: []byte("ok")} }, "push", doctor.Wrong, "signed check", "url=https://zg.example.com/wechat/push/platform/auth", ""},
	"push token": {"", func(w *world) {
		w.log.Refused = []doctor.PushRefusal{{Reason: "signature", Times: 4, Last: noon}}
	}, "push", doctor.Wrong, "Token at WeChat is another", "refused=4", "open.weixin.qq.com"},
	"push odd": {"", func(w *world) {
		w.log.Refused = []doctor.PushRefusal{{Reason: "doctype", Times: 1, Last: noon}}
	}, "push", doctor.Wrong, "refused: doctype", "", ""},
	"no ticket":     {"", func(w *world) { w.tickets = nil }, "ticket", doctor.Wrong, "no ticket yet", "newest_ticket=never", "troubleshooting"},
	"ticket late":   {"", func(w *world) { w.tickets[0].SeenAt = noon.Add(-time.Hour) }, "ticket", doctor.Wrong, "half an hour", "age=1h0m0s", "troubleshooting"},
	"ticket over":   {"", func(w *world) { w.tickets[0].SeenAt = noon.Add(-13 * time.Hour) }, "ticket", doctor.Wrong, "is over", "age=13h0m0s", ""},
	"needs owner":   {"lantian", func(w *world) { w.grants[0].State, w.grants[0].ErrCode = grant.NeedsOwner, 42007 }, "grant", doctor.Wrong, "has ended", "errcode=42007", "/shops/lantian"},
	"stopped":       {"lantian", func(w *world) { w.grants[0].State, w.grants[0].ErrCode = grant.Stopped, 40125 }, "grant", doctor.Wrong, "renewal has stopped", "errcode=40125", ""},
	"revoked":       {"lantian", func(w *world) { w.grants[0].State = grant.Revoked }, "grant", doctor.Wrong, "revoked here", "state=revoked", ""},
	"held":          {"lantian", func(w *world) { w.grants[0].State = grant.Held }, "grant", doctor.Warning, "another system", "state=held", ""},
	"token over":    {"lantian", func(w *world) { w.grants[0].Tokens.AccessExpires = noon.Add(-time.Second) }, "grant", doctor.Wrong, "no usable token", "", ""},
	"token refused": {"lantian", func(w *world) { w.grants[0].Doubts = 2 }, "grant", doctor.Warning, "refuses it in calls", "refusals=2", ""},
	"renewal fails": {"lantian", func(w *world) { w.grants[0].Attempt, w.grants[0].Cause = 3, "not_sent" }, "grant", doctor.Warning, "failed lately", "cause=not_sent", ""},
	"no grant":      {"lantian", func(w *world) { w.grants = nil }, "grant", doctor.Wrong, "never authorised", "", "/shops/lantian"},
	"no token": {"lantian", func(w *world) {
		w.refuse["/channels/ec/basics/info/get"] = &doctor.NoToken{Cause: notice.Text{EN: "it was revoked", ZH: "已撤销"}, Next: notice.Text{EN: "authorise", ZH: "授权"}, ErrCode: 61003}
	}, "shop", doctor.Wrong, "it was revoked", "errcode=61003", ""},
	"shop closed": {"lantian", func(w *world) { w.answers["/channels/ec/basics/info/get"] = `{"info":{"status":"close_finished"}}` }, "shop", doctor.Warning, "closed", "status=close_finished", "store.weixin.qq.com"},
	"shop limited": {"lantian", func(w *world) {
		w.refuse["/channels/ec/basics/info/get"] = says("/channels/ec/basics/info/get", 50002, "user limited")
	}, "shop", doctor.Wrong, "limited", "errcode=50002", ""},
	"shop's set": {"hongtu", func(w *world) {
		w.refuse["/channels/ec/basics/info/get"] = says("/channels/ec/basics/info/get", 48001, "api unauthorized")
	}, "shop", doctor.Wrong, "no right to this call", "errcode=48001", "miniprogram_authority"},
	"WeChat busy": {"lantian", func(w *world) {
		w.refuse["/channels/ec/basics/info/get"] = says("/channels/ec/basics/info/get", -1, "system busy")
	}, "shop", doctor.Unknown, "busy", "errcode=-1", ""},
	"WeChat odd":     {"lantian", func(w *world) { w.refuse["/channels/ec/basics/info/get"] = errAway }, "shop", doctor.Unknown, "could not be asked", "", ""},
	"frozen account": {"hongtu", func(w *world) { w.status(19) }, "account", doctor.Wrong, "frozen", "account_status=frozen", "store.weixin.qq.com"},
	"warned account": {"hongtu", func(w *world) { w.status(18) }, "account", doctor.Warning, "warned", "account_status=warned", ""},
	"no shop": {"hongtu", func(w *world) {
		w.answers["/cgi-bin/component/api_get_authorizer_info"] = `{"authorizer_info":{"account_status":1}}`
	}, "account", doctor.Wrong, "no shop", "", ""},
	"packets lost": {"lantian", func(w *world) {
		w.answers["/cgi-bin/callback/check"] = `{"ping":[{"ip":"203.0.113.7","package_loss":"100%"}]}`
	}, "network", doctor.Warning, "are lost", "ping=203.0.113.7 loses 100%", ""},
	"no push URL": {"lantian", func(w *world) { w.refuse["/cgi-bin/callback/check"] = says("/cgi-bin/callback/check", 40201, "no url") }, "network", doctor.Wrong, "no push address", "errcode=40201", "message_push"},
	"set called":  {"hongtu", func(w *world) { w.account.Sets = []int64{129} }, "sets", doctor.Wrong, "call what the shop did not grant", "missing_set=131 订单与售后", "miniprogram_authority"},
	"set called last week": {"hongtu", func(w *world) { w.called = map[string][]string{"erp": {"/channels/ec/coupon/get_list"}} }, "sets", doctor.Wrong,
		"call what the shop did not grant", "missing_set=132 优惠券, for=/channels/ec/coupon/get_list", ""},
	"set called by one who may not any more": {"hongtu", func(w *world) {
		w.clients[0].RevokedAt, w.called = noon, map[string][]string{"erp": {"/channels/ec/coupon/get_list"}}
	}, "sets", doctor.OK, "granted what its programs call", "", ""},
	"set refused": {"hongtu", func(w *world) {
		w.unset = []doctor.SetRefusal{{Sets: []int64{132, 85}, Times: 3, Last: noon}, {Sets: []int64{131}, Times: 1}}
	}, "sets", doctor.Wrong, "calls were refused", "missing_set=132 优惠券, refused=3", "miniprogram_authority"},
	"set granted": {"hongtu", func(w *world) {
		w.clients[0].Rights.Paths = []access.PathRight{{Path: "/channels/ec/funds/getbalance"}}
	}, "sets", doctor.Warning, "may call", "missing_set=138 资金", ""},
	"group granted": {"hongtu", func(w *world) { w.clients[0].Rights.Groups = []string{"promotion"} }, "sets", doctor.Warning, "may call", "missing_set=132 优惠券", ""},
	"sets untold":   {"hongtu", func(w *world) { w.account = grant.Authorizer{} }, "sets", doctor.Unknown, "not told yet", "", ""},
	"service over":  {"hongtu", func(w *world) { w.bought[0].PaidUntil = noon.Add(-time.Hour) }, "service", doctor.Wrong, "expired", "paid_until=2026-03-01T11:00:00Z", ""},
	"service ends":  {"hongtu", func(w *world) { w.bought[0].PaidUntil = noon.AddDate(0, 0, 3) }, "service", doctor.Warning, "within a week", "", ""},
	"never bought":  {"hongtu", func(w *world) { w.bought = nil }, "service", doctor.Unknown, "nothing is known", "", ""},
	"end untold":    {"hongtu", func(w *world) { w.bought[0].PaidUntil = time.Time{} }, "service", doctor.Unknown, "did not say", "", ""},
	"stranger proven": {"lantian", func(w *world) { w.deaths["g_1"] = proven("lantian") }, "stranger", doctor.Wrong,
		"forced it is a guess", "deaths=2, last_death=2026-03-01T12:00:00Z, nobody_here_asked_from=2026-03-01T10:00:00Z, nobody_here_asked_to=2026-03-01T12:00:00Z, made_from=2026-03-01T11:00:00Z", "store.weixin.qq.com"},
	"stranger guessed":            {"lantian", func(w *world) { w.deaths["g_1"] = guessed("lantian") }, "stranger", doctor.Warning, "a guess: a token was made", "deaths=1", "store.weixin.qq.com"},
	"deaths explained":            {"lantian", func(w *world) { w.deaths["g_1"] = doctor.Suspicion{Deaths: 4, Last: noon} }, "stranger", doctor.OK, "nothing of the last day", "deaths=4", ""},
	"stranger at shop's platform": {"hongtu", func(w *world) { w.deaths["g_2"] = guessed("hongtu") }, "stranger", doctor.Warning, "a guess", "deaths=1", "open.weixin.qq.com"},
	"stranger at platform":        {"", func(w *world) { w.deaths["g_0"] = guessed("") }, "stranger", doctor.Warning, "a guess", "deaths=1", "open.weixin.qq.com"},
	"strangers unread":            {"lantian", func(w *world) { w.down = errAway }, "stranger", doctor.Unknown, "did not say", "", ""},
	"quota gone":                  {"hongtu", func(w *world) { w.states[0].Left = 0 }, "quota", doctor.Wrong, "used up", "path=/channels/ec/order/get", "getapiquota"},
	"quota ends":                  {"hongtu", func(w *world) { w.states[0].Dry = noon.Add(time.Hour) }, "quota", doctor.Warning, "runs dry", "left=900", ""},
	"quota untold":                {"hongtu", func(w *world) { w.states[0].Left = quota.Unknown }, "quota", doctor.OK, "last", "", ""},
}

func proven(shop string) doctor.Suspicion {
	return doctor.Suspicion{Shop: shop, Deaths: 2, Last: noon, Proven: true, QuietFrom: noon.Add(-2 * time.Hour), QuietTo: noon, MadeFrom: noon.Add(-time.Hour), MadeTo: noon.Add(2*time.Second - time.Hour)}
}

func guessed(shop string) doctor.Suspicion {
	return doctor.Suspicion{Shop: shop, Deaths: 1, Last: noon, Guess: notice.Text{EN: "a token was made", ZH: "生成了令牌"}}
}

func (w *world) certificate(days int) {
	p := w.pages["/.well-known/jwks.json"]
	p.CertEnd = noon.AddDate(0, 0, days).Add(time.Hour)
	w.pages["/.well-known/jwks.json"] = p
}

func (w *world) status(n int) {
	w.answers["/cgi-bin/component/api_get_authorizer_info"] = fmt.Sprintf(`{"authorizer_info":{"account_status":%d,"store_info":{}}}`, n)
}

func TestEachCheckNamesWhatIsBroken(t *testing.T) {
	for name, tc := range broken {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.breaks(w)
			r := w.examine(t, tc.shop)
			i := slices.IndexFunc(r.Findings, func(f doctor.Finding) bool {
				return f.Check == tc.check && f.Verdict == tc.verdict && strings.Contains(f.Cause.EN, tc.cause) &&
					strings.Contains(proofOf(f), tc.proof) && strings.Contains(f.Page, tc.page)
			})
			if i < 0 {
				t.Fatalf("no finding %s %s %q with %q and page %q:\n%s", tc.check, tc.verdict, tc.cause, tc.proof, tc.page, list(r))
			}
			if f := r.Findings[i]; f.Verdict != doctor.OK && (f.Cause.ZH == "" || f.Next.EN == "" || f.Next.ZH == "" || f.Next == (notice.Text{EN: "nothing to do", ZH: "无需处理"})) {
				t.Errorf("the finding does not say what to do: %+v", f)
			}
			if strings.Contains(list(r), "BAIT") || strings.Contains(list(r), pushToken) || strings.Contains(list(r), pushAESKey) {
				t.Errorf("a secret is in the report:\n%s", list(r))
			}
		})
	}
}

func proofOf(f doctor.Finding) string {
	var all []string
	for _, p := range f.Proof {
		all = append(all, p.Name+"="+p.Value)
	}
	return strings.Join(all, ", ")
}

func list(r doctor.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s %s %s: %s [%s] %s %s\n", f.Verdict, f.Check, f.Subject, f.Cause.EN, proofOf(f), f.Next.EN, f.Page)
	}
	return b.String()
}

// TestTheStepAfterAStrangerIsOneThatCanBeTaken: WeChat forces a shop's own token only,
// and what is of a platform's secret is not the merchant's.
func TestTheStepAfterAStrangerIsOneThatCanBeTaken(t *testing.T) {
	for shop, tc := range map[string]struct {
		grant string
		kill  bool
		house bool
	}{"lantian": {"g_1", true, false}, "hongtu": {"g_2", false, true}} {
		w := newWorld(t)
		w.deaths[tc.grant] = proven(shop)
		r := w.examine(t, shop)
		i := slices.IndexFunc(r.Findings, func(f doctor.Finding) bool { return f.Check == "stranger" && f.Verdict == doctor.Wrong })
		if i < 0 {
			t.Fatalf("no finding of %s:\n%s", shop, list(r))
		}
		for _, next := range []string{r.Findings[i].Next.EN, r.Findings[i].Next.ZH} {
			if !strings.Contains(next, "zhanggui token evidence "+shop) || strings.Contains(next, "zhanggui token kill "+shop) != tc.kill {
				t.Errorf("%s: what to do is %q", shop, next)
			}
		}
		if r.Findings[i].House != tc.house {
			t.Errorf("%s: of the house %v, want %v", shop, r.Findings[i].House, tc.house)
		}
	}
}

// TestTheStepAfterAStopIsOneThatCanBeTaken: only what rests on a shop's own AppSecret is
// started here.
func TestTheStepAfterAStopIsOneThatCanBeTaken(t *testing.T) {
	for shop, starts := range map[string]bool{"lantian": true, "hongtu": false} {
		w := newWorld(t)
		for i := range w.grants {
			w.grants[i].State, w.grants[i].ErrCode = grant.Stopped, 40125
		}
		r := w.examine(t, shop)
		i := slices.IndexFunc(r.Findings, func(f doctor.Finding) bool { return f.Check == "grant" })
		if next := r.Findings[i].Next.EN; strings.Contains(next, "zhanggui grant start "+shop) != starts {
			t.Errorf("%s: %s", shop, next)
		}
	}
}

func TestStrangersAtManyShopsAreCounted(t *testing.T) {
	w := newWorld(t)
	for i := range 25 {
		w.shops = append(w.shops, access.Shop{ID: fmt.Sprintf("shop-%02d", i), App: "platform"})
	}
	for _, tc := range []struct {
		proven, guessed int
		verdict         doctor.Verdict
	}{{0, 0, doctor.OK}, {0, 2, doctor.Warning}, {1, 2, doctor.Wrong}, {0, 12, doctor.Warning}} {
		w.deaths = map[string]doctor.Suspicion{"g_0": guessed("")} // of the platform itself, which has its own finding
		for i := range tc.proven + tc.guessed {
			shop := fmt.Sprintf("shop-%02d", i)
			if w.deaths["g_"+shop] = guessed(shop); i < tc.proven {
				w.deaths["g_"+shop] = proven(shop)
			}
		}
		r := w.examine(t, "")
		i := slices.IndexFunc(r.Findings, func(f doctor.Finding) bool { return f.Check == "stranger" && f.Subject == "server" })
		if i < 0 || r.Findings[i].Verdict != tc.verdict {
			t.Fatalf("%+v:\n%s", tc, list(r))
		}
		proof, want := proofOf(r.Findings[i]), fmt.Sprintf("proven=%d, guessed=%d", tc.proven, tc.guessed)
		if tc.verdict != doctor.OK && (!strings.Contains(proof, want) || strings.Count(proof, "shop-") != min(10, tc.proven+tc.guessed)) {
			t.Errorf("%+v: proof %s", tc, proof)
		}
	}
}

func TestAMerchantSeesNothingOfTheHouse(t *testing.T) {
	w := newWorld(t)
	w.tickets, w.bought[0].PaidUntil = nil, noon.Add(-time.Hour)
	r := w.examine(t, "hongtu")
	if r.Count(doctor.Wrong) != 2 {
		t.Fatalf("want the ticket and the service:\n%s", list(r))
	}
	mine := r.ForMerchant()
	for _, f := range mine.Findings {
		if f.House || !strings.HasPrefix(f.Subject, "shop:") {
			t.Errorf("the merchant sees %s of %s", f.Check, f.Subject)
		}
	}
	if mine.Count(doctor.Wrong) != 1 {
		t.Errorf("the merchant should see that the service is over:\n%s", list(mine))
	}
	for _, path := range []string{"/channels/ec/basics/info/get", "/cgi-bin/component/api_get_authorizer_info", "/cgi-bin/getcallbackip"} {
		w.refuse[path] = says(path, 61004, "access clientip is not registered, requestIP: 203.0.113.9")
	}
	if text := list(w.examine(t, "hongtu").ForMerchant()); strings.Contains(text, "203.0.113.9") || strings.Count(text, "provider's server") != 1 {
		t.Errorf("the merchant should learn once that the provider must act, and not from where it calls:\n%s", text)
	}
	if own := w.examine(t, "lantian").ForMerchant(); !strings.Contains(list(own), "secret app:own") {
		t.Errorf("the merchant should see their own app:\n%s", list(own))
	}
}

func TestAnUnknownShopIsAnError(t *testing.T) {
	if _, err := newWorld(t).doctor(t).Examine(t.Context(), "nobody"); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestManyShopsAreCountedAndNotAsked(t *testing.T) {
	w := newWorld(t)
	w.shops, w.grants = nil, nil
	for i := range 2500 {
		id := fmt.Sprintf("shop-%04d", i)
		w.shops = append(w.shops, access.Shop{ID: id, App: "platform", AppID: fmt.Sprintf("wx%016x", i)})
		w.grants = append(w.grants, grant.Grant{ID: "g_" + id, ShopID: id, State: grant.Active})
	}
	if r := w.examine(t, ""); r.Worst() != doctor.OK || r.Asked != 3 {
		t.Errorf("asked %d times, want 3:\n%s", r.Asked, list(r))
	}
	for i := range 1200 {
		w.grants[2*i].State = grant.NeedsOwner
	}
	r := w.examine(t, "")
	if text := list(r); !strings.Contains(text, "needs_owner=1200") || strings.Count(text, "shop-") != 10 {
		t.Errorf("want the count and ten names:\n%s", text)
	}
}

func TestWhatWeChatSaidIsRememberedForAMinute(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(t)
	for i, want := range []int{3, 0, 0, 3} {
		r, err := d.Examine(t.Context(), "lantian")
		if err != nil || r.Asked != want {
			t.Errorf("examination %d asked %d times, want %d (%v)", i, r.Asked, want, err)
		}
		w.now = w.now.Add(25 * time.Second)
	}
}

// hanging is a WeChat that never answers.
type hanging struct{ *world }

func (hanging) Secret(ctx context.Context, _ access.App) error { <-ctx.Done(); return ctx.Err() }
func (hanging) Call(ctx context.Context, _, _, _ string, _, _ any) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAWeChatThatHangsCostsFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := w.options(t)
		o.WeChat = hanging{w}
		began := time.Now()
		r, err := doctor.New(o).Examine(t.Context(), "lantian")
		if err != nil || time.Since(began) != doctor.CheckTimeout {
			t.Errorf("took %v (%v)", time.Since(began), err)
		}
		if r.Count(doctor.Unknown) != 3 || r.Count(doctor.Wrong) != 0 {
			t.Errorf("want three findings that are not known:\n%s", list(r))
		}
	})
}

func TestAServerThatHangsIsGivenUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 80 {
			w.apps = append(w.apps, access.App{ID: fmt.Sprintf("app-%d", i), Kind: access.ShopApp, Secret: []byte("s")})
		}
		o := w.options(t)
		o.WeChat = hanging{w}
		began := time.Now()
		if _, err := doctor.New(o).Examine(t.Context(), ""); err != nil || time.Since(began) > doctor.ExamineTimeout {
			t.Errorf("took %v (%v)", time.Since(began), err)
		}
	})
}

func TestWhoeverLeavesSpoilsNobodysAnswer(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := d.Examine(ctx, "lantian"); err != nil || r.Worst() != doctor.Unknown {
		t.Errorf("somebody who left: %v, %v", r.Worst(), err)
	}
	if r, err := d.Examine(t.Context(), "lantian"); err != nil || r.Worst() != doctor.OK {
		t.Errorf("the next one: %v\n%s", err, list(r))
	}
}
