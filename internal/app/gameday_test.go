package app_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechatsim"
	"github.com/zhanggui/zhanggui/wechattest"
)

// drill is one fault of the game day.
type drill struct {
	fault  string                // in words
	kind   notice.Kind           // of the alert that it should open
	about  func(*gameday) string // the alert's subject
	within time.Duration         // after which it is detected at the latest
	back   time.Duration         // after which its end is, at the latest
	step   time.Duration         // between two looks

	inject, mend func(*gameday)
	play         func(*gameday) // what happens in every step; nil: a call

	unwritten bool // the store takes not even the fact before it is over

	shop  string // whom the doctor examines; empty: the server
	check string // the doctor's check that finds it
	says  string // part of the cause that it gives
}

// result is what was measured.
type result struct {
	drill
	detected, told   time.Duration // from the fault, and from the fact, to the message
	recovered, ended time.Duration // from its end, and from the fact, to the message
	subject          string
	messages         int
	doctor           string
}

// gameday is a server with a platform, two shops, and a robot that hears of alerts.
type gameday struct {
	*rig
	robot *robot
	date  *dateShift
}

// inboxItem is a message and when it came.
type inboxItem struct {
	text string
	at   time.Time
}

// robot plays developer.work.weixin.qq.com/document/path/91770, and refuses what the
// documentation does not allow.
type robot struct {
	now func() time.Time
	mu  sync.Mutex
	got []inboxItem
	bad []string
}

const robotKey = "00000000-demo-0000-0000-0000gameday1"

// ServeHTTP implements http.Handler.
func (b *robot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		MsgType  string `json:"msgtype"`
		Markdown struct {
			Content string `json:"content"`
		} `json:"markdown"`
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(&in)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/cgi-bin/webhook/send" || r.URL.Query().Get("key") != robotKey:
		b.refuse(w, 93000, "invalid webhook url")
	case err != nil || in.MsgType != "markdown" || in.Markdown.Content == "":
		b.refuse(w, 40008, "invalid message type")
	case len(in.Markdown.Content) > 4096:
		b.refuse(w, 40058, "markdown.content exceed max length 4096")
	default:
		b.got = append(b.got, inboxItem{in.Markdown.Content, b.now()})
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	}
}

func (b *robot) refuse(w io.Writer, code int, why string) {
	b.bad = append(b.bad, why)
	fmt.Fprintf(w, `{"errcode":%d,"errmsg":%q}`, code, why)
}

// inbox gives what came since it was emptied.
func (b *robot) inbox() []inboxItem {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

func (b *robot) empty() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = nil
}

// dateShift changes the Date of what WeChat answers.
type dateShift struct {
	next http.Handler
	mu   sync.Mutex
	by   time.Duration
	now  func() time.Time
}

func (d *dateShift) set(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.by = by
}

// ServeHTTP implements http.Handler.
func (d *dateShift) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	by := d.by
	d.mu.Unlock()
	if by != 0 {
		w = &dated{ResponseWriter: w, date: d.now().Add(by).UTC().Format(http.TimeFormat)}
	}
	d.next.ServeHTTP(w, r)
}

// dated writes another Date.
type dated struct {
	http.ResponseWriter
	date string
}

// WriteHeader implements http.ResponseWriter.
func (w *dated) WriteHeader(status int) {
	w.Header().Set("Date", w.date)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *dated) Write(p []byte) (int, error) {
	w.Header().Set("Date", w.date)
	return w.ResponseWriter.Write(p)
}

func newGameday(t *testing.T) *gameday {
	t.Helper()
	g := &gameday{rig: newVirtualRig(t, wechatsim.PlatformWorld())}
	g.date = &dateShift{next: g.gave.handler(g.sim.Sim), now: g.sim.Now}
	g.sim.URL = g.serve(g.date)
	g.noon()
	g.file = "alerts:\n  rules:\n    - {kind: disk.low, off: true}\n" // of the machine that runs the test
	g.start(nil)
	g.declare()
	g.declarePlatform()
	g.buy()
	g.deliver()
	g.awaitShop()
	g.wechatPushes()
	g.robot = &robot{now: g.sim.Now}
	g.ask("POST", "/v1/channels", adminapi.ManifestChannel{URL: g.serve(g.robot) + "/cgi-bin/webhook/send?key=" + robotKey,
		ChannelBody: adminapi.ChannelBody{Name: "watch", Kind: "wecom", Language: "en", Severity: "warning", AllowPrivate: true}}, nil)
	return g
}

// wechatPushes has WeChat push what it owes from now on, each second.
func (g *gameday) wechatPushes() {
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(g.t.Context())
	wg.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				g.sim.Deliver(ctx)
			}
		}
	})
	g.t.Cleanup(func() { stop(); wg.Wait() })
}

// noon moves the clock to 12:00 in China.
func (g *gameday) noon() {
	now := g.sim.Now()
	g.sim.Advance(now.UTC().Truncate(24 * time.Hour).Add(28 * time.Hour).Sub(now))
}

// pass lets what the drill plays happen, and time go by.
func (g *gameday) pass(d drill, by time.Duration) {
	if d.play != nil {
		d.play(g)
	} else {
		g.call()
	}
	g.rest(by)
}

// rest lets time go by. Of a minute and more the middle is leapt over: everybody waits,
// and finds that it is later.
func (g *gameday) rest(d time.Duration) {
	const before, after = 5 * time.Second, 15 * time.Second // what was begun ends, and what is late is done
	end := g.sim.Now().Add(d)
	if d >= time.Minute {
		time.Sleep(before)
		for g.telling() {
			time.Sleep(promptly)
		}
		g.sim.Advance(end.Sub(g.sim.Now()) - after)
	}
	time.Sleep(end.Sub(g.sim.Now()))
}

// telling tells whether a message may be under way.
func (g *gameday) telling() bool {
	g.t.Helper()
	synctest.Wait()
	_, fresh := g.fact(g.sim.Now().Add(-promptly), func(adminapi.NoticeView) bool { return true })
	return fresh
}

// fact gives the newest notice of a kind about a subject that was written since.
func (g *gameday) fact(since time.Time, is func(adminapi.NoticeView) bool) (found adminapi.NoticeView, ok bool) {
	g.t.Helper()
	var all struct{ Items []adminapi.NoticeView }
	g.ask("GET", "/v1/notices?limit=50", nil, &all)
	for _, n := range all.Items {
		if n.At.After(since) && is(n) {
			return n, true
		}
	}
	return adminapi.NoticeView{}, false
}

// alert gives the newest alert of a kind.
func (g *gameday) alert(kind notice.Kind) adminapi.AlertView {
	g.t.Helper()
	var all struct{ Items []adminapi.AlertView }
	g.ask("GET", "/v1/alerts?limit=50", nil, &all)
	for _, a := range all.Items {
		if a.Kind == string(kind) {
			return a
		}
	}
	return adminapi.AlertView{}
}

// message gives the n-th message, which has five seconds from what it tells of.
func (g *gameday) message(d drill, n int, cause time.Time) (told time.Duration) {
	g.t.Helper()
	time.Sleep(cause.Add(promptly).Sub(g.sim.Now()))
	all := g.robot.inbox()
	if len(all) < n {
		g.t.Errorf("%s: message %d did not come within %v", d.fault, n, promptly)
		return 0
	}
	if told = all[n-1].at.Sub(cause); told > promptly {
		g.t.Errorf("%s: message %d came after %v, want %v", d.fault, n, told, promptly)
	}
	return told
}

// promptly is how long a message has from the moment at which the server knows.
const promptly = 5 * time.Second

// run injects a fault, and takes it away again.
func (g *gameday) run(d drill) (out result) {
	t := g.t
	t.Helper()
	out.drill = d
	g.robot.empty()
	out.subject = d.about(g)
	begin := g.sim.Now()
	d.inject(g)
	var fact adminapi.NoticeView
	detected := func() (ok bool) {
		fact, ok = g.fact(begin.Add(-time.Millisecond), func(n adminapi.NoticeView) bool { return n.Kind == string(d.kind) && n.Subject == out.subject })
		return ok
	}
	if d.unwritten {
		detected = func() bool {
			all := g.robot.inbox()
			if len(all) > 0 {
				fact.At = &all[0].at
			}
			return len(all) > 0
		}
	}
	for !detected() {
		if g.sim.Now().Sub(begin) > d.within {
			t.Errorf("%s: nobody noticed within %v: %v", d.fault, d.within, g.kinds())
			d.mend(g)
			return out
		}
		g.pass(d, d.step)
	}
	out.detected = fact.At.Sub(begin)
	out.told = g.message(d, 1, *fact.At)
	if a := g.alert(d.kind); !d.unwritten && (a.State != "open" || a.Since.Before(begin)) {
		t.Errorf("%s: the alert is %+v", d.fault, a)
	}
	_, said := g.examine(d.shop)
	out.doctor = d.finding(said)
	if out.doctor == "" {
		t.Errorf("%s: the doctor does not find %q in %q: %s", d.fault, d.says, d.check, said)
	}
	for range 3 {
		g.pass(d, d.step)
	}
	g.recover(&out)
	var texts strings.Builder
	for _, m := range g.robot.inbox() {
		texts.WriteString(m.text + "\n\n")
	}
	out.messages = len(g.robot.inbox())
	what := d.kind.Words().What.EN
	if out.messages != 2 || strings.Count(texts.String(), what) != 2 || strings.Count(texts.String(), "over") < 1 {
		t.Errorf("%s: told\n%s\nwant one message that %q, and one when it is over", d.fault, texts.String(), what)
	}
	return out
}

// recover takes the fault away, and waits for word of its end.
func (g *gameday) recover(out *result) {
	g.t.Helper()
	d, mended := out.drill, g.sim.Now()
	d.mend(g)
	var fact adminapi.NoticeView
	over := func() (ok bool) {
		fact, ok = g.fact(mended.Add(-time.Millisecond), func(n adminapi.NoticeView) bool { return n.Subject == out.subject && ends(d.kind, n) })
		return ok
	}
	for !over() {
		if g.sim.Now().Sub(mended) > d.back {
			g.t.Errorf("%s: it was not over within %v: %+v", d.fault, d.back, g.alert(d.kind))
			return
		}
		g.pass(drill{}, min(d.back/10, 50*time.Minute))
	}
	out.recovered, out.ended = fact.At.Sub(mended), g.message(d, 2, *fact.At)
}

// ends tells whether a notice says that an alert of a kind is over.
func ends(kind notice.Kind, n adminapi.NoticeView) bool {
	if n.Details["was"] == string(kind) {
		return true
	}
	switch notice.Kind(n.Kind) {
	case notice.GrantHealed:
		return kind == notice.GrantStopped || kind == notice.GrantNeedsOwner
	case notice.TicketBack:
		return kind == notice.TicketMissing
	}
	return false
}

// finding gives the doctor's cause, if its report holds it.
func (d drill) finding(report string) string {
	var v adminapi.ReportView
	if err := json.Unmarshal([]byte(report), &v); err != nil {
		return ""
	}
	for _, f := range v.Findings {
		if f.Check == d.check && f.Verdict != "ok" && strings.Contains(f.Cause.EN, d.says) {
			return f.Check + ": " + f.Cause.EN
		}
	}
	return ""
}

func selfGrant(g *gameday) string { return "grant:" + g.shopGrant(shopID).ID }

func subject(s string) func(*gameday) string { return func(*gameday) string { return s } }

// drills are the faults in the order in which they are injected.
func drills() []drill {
	return []drill{
		{fault: "a stranger refreshes the token", kind: notice.TokenStranger, about: selfGrant, shop: shopID, check: "stranger", says: "somebody else had WeChat make a token",
			within: 2 * time.Hour, back: 26 * time.Hour, step: 10 * time.Minute,
			inject: func(g *gameday) {
				g.call()
				g.pass(drill{}, 25*time.Minute)
				g.pass(drill{}, 25*time.Minute)
				g.call()
				g.must(g.sim.Stranger(wechattest.Shop, wechatsim.StrangerForced))
				time.Sleep(10 * time.Minute) // a token that dies at once may be one that WeChat replaced
			},
			mend: func(*gameday) {}},
		{fault: "the AppSecret of a shop is reset", kind: notice.GrantStopped, about: selfGrant, shop: shopID, check: "secret", says: "the AppSecret is wrong",
			within: 125 * time.Minute, back: 10 * time.Minute, step: 5 * time.Minute,
			inject: func(g *gameday) { _, err := g.sim.ResetSecret(wechattest.Shop); g.must(err) },
			mend: func(g *gameday) {
				g.must(g.sim.SetApp(wechattest.Shop, func(a *wechatsim.App) { a.Secret = wechattest.ShopSecret }))
				g.ask("POST", "/v1/grants/"+g.shopGrant(shopID).ID+"/start", nil, nil)
			}},
		{fault: "a shop's IP allowlist is without us", kind: notice.GrantStopped, about: selfGrant, shop: shopID, check: "address", says: "not in the shop's allowlist",
			within: 125 * time.Minute, back: 10 * time.Minute, step: 5 * time.Minute,
			inject: func(g *gameday) {
				g.must(g.sim.SetApp(wechattest.Shop, func(a *wechatsim.App) { a.IPAllowlist = []string{"198.51.100.0/24"} }))
			},
			mend: func(g *gameday) {
				g.must(g.sim.SetApp(wechattest.Shop, func(a *wechatsim.App) { a.IPAllowlist = nil }))
				g.ask("POST", "/v1/grants/"+g.shopGrant(shopID).ID+"/start", nil, nil)
			}},
		{fault: "tickets stop", kind: notice.TicketMissing, about: subject("app:" + platformID), shop: "", check: "ticket", says: "pushed no ticket",
			within: 45 * time.Minute, back: 15 * time.Minute, step: 2 * time.Minute,
			inject: func(g *gameday) {
				for g.sim.Now().Add(70 * time.Minute).After(*g.grant("component").AccessExpires) { // not to be renewed meanwhile
					g.pass(drill{}, 5*time.Minute)
				}
				_, err := g.sim.AddPushFault(wechatsim.PushFault{Kind: wechatsim.PushLose, Name: "component_verify_ticket", Count: -1})
				g.must(err)
			},
			mend: func(g *gameday) { g.sim.ClearPushFaults() }},
		{fault: "the push token is changed at WeChat", kind: notice.PushRefused, about: subject(""), shop: "", check: "push", says: "the Token at WeChat is another",
			within: 3 * time.Minute, back: 10 * time.Minute, step: 20 * time.Second,
			inject: func(g *gameday) { g.pushTokenAtWeChat("othertoken1") },
			play: func(g *gameday) {
				for range 4 {
					g.must(g.sim.PushShop(marketShop, "channels_ec_order_pay", []byte(`{"order_info":{"order_id":1}}`)))
				}
			},
			mend: func(g *gameday) { g.pushTokenHere("othertoken1") }},
		{fault: "a shop withdraws", kind: notice.GrantNeedsOwner, about: func(g *gameday) string { return "grant:" + g.grant("isv").ID }, shop: marketShop, check: "grant", says: "the shop's authorisation has ended",
			within: 2 * time.Minute, back: 5 * time.Minute, step: 20 * time.Second,
			inject: func(g *gameday) { g.must(g.sim.WithdrawGrant(wechatsim.DefaultComponent, marketShop)) },
			mend:   func(g *gameday) { g.buy() }},
		{fault: "a group of paths answers -1", kind: notice.EndpointErrors, about: subject("group:store"), shop: shopID, check: "shop", says: "WeChat is busy",
			within: 3 * time.Minute, back: 10 * time.Minute, step: 20 * time.Second,
			inject: func(g *gameday) {
				g.sim.MustFault(wechatsim.Fault{Path: "/channels/ec/basics/*", Kind: wechatsim.FaultErrcode, ErrCode: -1, Count: -1})
			},
			play: func(g *gameday) {
				for range 5 {
					g.callOnce()
				}
			},
			mend: func(g *gameday) { g.sim.ClearFaults() }},
		{fault: "WeChat hangs", kind: notice.WeChatAway, about: subject("wechat"), shop: "", check: "health", says: "WeChat does not answer",
			within: 3 * time.Minute, back: 10 * time.Minute, step: 20 * time.Second,
			inject: func(g *gameday) {
				g.sim.MustFault(wechatsim.Fault{Path: "/*", Kind: wechatsim.FaultHang, Count: -1})
				g.ask("POST", "/v1/grants/"+g.shopGrant(shopID).ID+"/kick", nil, nil)
			},
			mend: func(g *gameday) { g.sim.ClearFaults() }},
		{fault: "logins fail", kind: notice.LoginFailing, about: subject(""), shop: "", check: "secret", says: "the AppSecret is wrong",
			within: 3 * time.Minute, back: 10 * time.Minute, step: 20 * time.Second,
			inject: func(g *gameday) { _, err := g.sim.ResetSecret(wechattest.ServiceAccount); g.must(err) },
			play: func(g *gameday) {
				for range 4 {
					b := g.browser(phone)
					b.agree(b.open(g.base+"/login?shop="+shopID), wechattest.Owner)
				}
			},
			mend: func(g *gameday) {
				g.must(g.sim.SetApp(wechattest.ServiceAccount, func(a *wechatsim.App) { a.Secret = wechattest.ServiceSecret }))
			}},
		{fault: "tokens cannot be stored", kind: notice.StoreFailing, about: subject("store"), shop: "", check: "health", says: "tokens cannot be stored",
			within: time.Minute, back: 5 * time.Minute, step: 10 * time.Second,
			inject: func(g *gameday) {
				g.edit("PRAGMA busy_timeout = 5000; CREATE TRIGGER gameday BEFORE UPDATE OF lease_term ON grants BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END; UPDATE grants SET due_at = 1 WHERE id = '" + g.shopGrant(shopID).ID + "'")
				g.ask("POST", "/v1/grants/"+g.shopGrant(shopID).ID+"/kick", nil, nil)
			},
			mend: func(g *gameday) { g.edit("PRAGMA busy_timeout = 5000; DROP TRIGGER gameday") }},
		{fault: "nothing can be stored", kind: notice.StoreFailing, about: subject("store"), shop: "", check: "health", says: "tokens cannot be stored",
			within: time.Minute, back: 5 * time.Minute, step: 10 * time.Second, unwritten: true,
			inject: func(g *gameday) {
				g.edit("PRAGMA busy_timeout = 5000; CREATE TRIGGER gameday BEFORE UPDATE OF lease_term ON grants BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END; " +
					"CREATE TRIGGER gameday2 BEFORE INSERT ON held_conditions BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END; " +
					"CREATE TRIGGER gameday3 BEFORE INSERT ON notices BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END; UPDATE grants SET due_at = 1 WHERE id = '" + g.shopGrant(shopID).ID + "'")
				g.ask("POST", "/v1/grants/"+g.shopGrant(shopID).ID+"/kick", nil, nil)
			},
			mend: func(g *gameday) {
				g.edit("PRAGMA busy_timeout = 5000; DROP TRIGGER gameday; DROP TRIGGER gameday2; DROP TRIGGER gameday3")
			}},
		{fault: "a daily quota runs dry", kind: notice.QuotaLow, about: subject("quota:" + shopID + quotaPath), shop: shopID, check: "quota", says: "runs dry today",
			within: 20 * time.Minute, back: 5 * time.Minute, step: 20 * time.Second,
			inject: func(g *gameday) {
				for range 40 { // WeChat is asked only of paths that are called much
					g.callOnce()
				}
				g.must(g.sim.SetUsed(wechattest.Shop, quotaPath, 999_900))
			},
			mend: func(g *gameday) { g.must(g.sim.SetUsed(wechattest.Shop, quotaPath, 0)) }},
		{fault: "the clock is set wrong", kind: notice.ClockSkew, about: subject("clock"), shop: "", check: "clock", says: "the clock differs from WeChat's",
			within: 3 * time.Minute, back: 10 * time.Minute, step: 10 * time.Second,
			inject: func(g *gameday) { g.date.set(5 * time.Minute) },
			mend:   func(g *gameday) { g.date.set(0) }},
	}
}

// callOnce makes a call that is not held when WeChat is busy.
func (g *gameday) callOnce() {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, g.base+"/wx/"+shopID+"/channels/ec/basics/info/get", nil)
	g.must(err)
	req.Header.Set("Authorization", "Bearer "+g.key)
	req.Header.Set("X-Zhanggui-Wait", "0")
	g.do(g.http, req)
}

// pushTokenAtWeChat changes the token that pushes are signed with.
func (g *gameday) pushTokenAtWeChat(token string) {
	g.must(g.sim.SetApp(wechatsim.DefaultComponent, func(a *wechatsim.App) {
		p := *a.Push
		p.Token = token
		a.Push = &p
	}))
}

// pushTokenHere tells the server of the token.
func (g *gameday) pushTokenHere(token string) {
	g.apply(adminapi.Manifest{Apps: []adminapi.ManifestApp{{ID: platformID, Kind: "component", AppID: wechatsim.DefaultComponent, Secret: wechatsim.DefaultComponentSecret,
		CallbackHost: strings.TrimPrefix(g.root, "http://"), ManifestPush: adminapi.ManifestPush{PushToken: token, PushAESKey: pushAESKey},
		Services: []adminapi.ManifestService{{ID: serviceID, ServiceID: fmt.Sprint(wechatsim.DefaultService), Name: "订单管家"}}}}})
}

var updateGameDay = flag.Bool("gameday.update", false, "write docs/operate/gameday.md")

const gameDayPage = "../../docs/operate/gameday.md"

// TestGameDay injects faults one after the other. Each is detected, named, told once,
// and told again when it is over, within its time.
func TestGameDay(t *testing.T) { synctest.Test(t, playGameDay) }

func playGameDay(t *testing.T) {
	g := newGameday(t)
	var table strings.Builder
	table.WriteString(gameDayHead)
	for _, d := range drills() {
		table.WriteString(g.run(d).row())
		g.rest(notice.Aftermath) // or what came before would explain what comes
	}
	if len(g.robot.bad) > 0 {
		t.Errorf("the robot refused %v", g.robot.bad)
	}
	t.Log("\n" + table.String())
	if *updateGameDay && !t.Failed() {
		g.must(os.WriteFile(gameDayPage, []byte(gameDayWords+table.String()), 0o644))
	}
}

// TestThePageOfTheGameDayIsTheTests: every fault stands in the table with its kind and
// its times.
func TestThePageOfTheGameDayIsTheTests(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(gameDayPage)
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(string(page), gameDayWords+gameDayHead)
	rows := strings.Split(strings.TrimSuffix(rest, "\n"), "\n")
	if !ok || len(rows) != len(drills()) {
		t.Fatalf("%s has %d rows or other words, want %d; run go test ./internal/app -run TestGameDay -gameday.update", gameDayPage, len(rows), len(drills()))
	}
	for i, d := range drills() {
		if !strings.HasPrefix(rows[i], d.promise()) {
			t.Errorf("row %d is\n%s\nwant it to begin with\n%s", i+1, rows[i], d.promise())
		}
	}
}

const gameDayWords = `# Game day

A test starts the whole server with an emulated WeChat and a chat robot, and breaks one thing after the other. Each fault must be detected within its time,
named by the right alert and by the doctor, told once however often it is met, and told once more when it is over. A message leaves
within five seconds of the moment at which the server can know.

` + "```\ngo test ./internal/app -run TestGameDay -v                  prints the table\ngo test ./internal/app -run TestGameDay -gameday.update     writes this page\n```" + `

The test plays it in virtual time, with every loop of the server at its own pace, so the times are those of the server and not of the machine: from the fault until a server that nobody helps
knows, from there to the message in the chat, and the same for the end. Of every minute or more in which nothing happens all but twenty seconds are leapt over,
so what takes minutes may be found a minute late, and what takes a day most of an hour. A reset AppSecret or a wrong allowlist is met when the token is renewed, up to two hours later; calls go on until then.
Where nothing can be stored the message itself shows when the server knows: it is sent past the store, and written down when that is over.

`

const gameDayHead = `| fault | alert | detected within | over within | detected after | told after | messages | over after | told after | the doctor says |
|---|---|---|---|---|---|---|---|---|---|
`

// promise is the part of a row that stays the same.
func (d drill) promise() string {
	return fmt.Sprintf("| %s | `%s` | %s | %s |", d.fault, d.kind, short(d.within), short(d.back))
}

// row gives the row of the table.
func (r result) row() string {
	return fmt.Sprintf("%s %s | %.1f s | %d | %s | %.1f s | %s |\n", r.promise(), short(r.detected), r.told.Seconds(), r.messages, short(r.recovered), r.ended.Seconds(), r.doctor)
}

// short writes a time in whole seconds, without what is nothing.
func short(d time.Duration) string {
	text := max(d.Round(time.Second), time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
