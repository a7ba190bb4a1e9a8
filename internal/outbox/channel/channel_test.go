package channel_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox/channel"
	"github.com/zhanggui/zhanggui/internal/webhook"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	runbook = "https://docs.example.com/runbooks/grant.stopped.md"
	console = "https://zhanggui.example.com/shops/lantian"
	again   = "https://zhanggui.example.com/login?shop=lantian"
)

// rig is a channel with its double.
type rig struct {
	clock        *clock
	spec         channel.Spec
	roots        *x509.CertPool
	way          egress.Options
	place        channel.Place
	installation string
	seen         func(t *testing.T) []seen
	// answer has the double answer otherwise; nil for mail.
	answer func(func(http.ResponseWriter, *http.Request))
}

func (r *rig) channel(t *testing.T) channel.Channel {
	t.Helper()
	o := r.way
	o.RootCAs = r.roots
	transport := egress.NewTransport(o)
	t.Cleanup(transport.CloseIdleConnections)
	c, err := channel.New(r.spec, channel.Options{Transport: transport, Dialer: egress.NewDialer(o), RootCAs: r.roots, Now: r.clock.now,
		Place: func(context.Context, notice.Message) channel.Place { return r.place }, Installation: r.installation})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// robots make a rig of each kind that is posted to.
var robots = map[access.ChannelKind]func(t *testing.T) *rig{
	access.WeCom: func(t *testing.T) *rig {
		c := newClock()
		return robot(access.WeCom, c, newWeCom(t, c), "/cgi-bin/webhook/send?key="+robotKey, "")
	},
	access.DingTalk: func(t *testing.T) *rig {
		c := newClock()
		return robot(access.DingTalk, c, newDingTalk(t, c), "/robot/send?access_token="+robotKey, robotSecret)
	},
	access.Feishu: func(t *testing.T) *rig {
		c := newClock()
		return robot(access.Feishu, c, newFeishu(t, c), "/open-apis/bot/v2/hook/"+robotKey, robotSecret)
	},
	access.Slack: func(t *testing.T) *rig {
		c := newClock()
		return robot(access.Slack, c, newSlack(t, c), "/services/T000/B000/"+robotKey, "")
	},
	access.Alertmanager: func(t *testing.T) *rig {
		c := newClock()
		d, _ := newAlertmanager(t, c)
		return robot(access.Alertmanager, c, d, "", robotSecret)
	},
}

func robot(kind access.ChannelKind, c *clock, d *double, path, key string) *rig {
	return &rig{
		clock: c, roots: d.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, way: egress.Options{AllowPrivate: true},
		spec:  channel.Spec{Name: "test", Kind: kind, Language: channel.Both, URL: secret.FromString(d.URL + path), Secret: secret.FromString(key)},
		place: channel.Place{Shop: "蓝天店", Tenant: "蓝天集团", Console: console, Again: again},
		seen:  func(*testing.T) []seen { return d.messages() }, answer: d.answer,
	}
}

// mailRig is mail with a mailbox that speaks TLS in one of its ways.
func mailRig(t *testing.T, security string) (*rig, *mailbox) {
	b := newMailbox(t, security == access.MailImplicit, security == access.MailStartTLS)
	return &rig{
		clock: newClock(), roots: b.roots.TLSClientConfig.RootCAs, way: egress.Options{AllowPrivate: true},
		spec: channel.Spec{Name: "test", Kind: access.Email, Language: channel.Both, Secret: secret.FromString(mailPassword), Mail: access.Mail{
			Host: "127.0.0.1", Port: b.addr.Port, TLS: security, User: "alerts", From: "Zhanggui <alerts@example.com>", To: []string{"ops@example.com", "owner@example.com"}}},
		place: channel.Place{Shop: "蓝天店", Tenant: "蓝天集团", Console: console, Again: again},
		seen: func(t *testing.T) (all []seen) {
			for _, l := range b.read() {
				_, s := l.view(t)
				all = append(all, s)
			}
			return all
		},
	}, b
}

// all are the robots, and mail.
func all(t *testing.T) map[access.ChannelKind]*rig {
	rigs := map[access.ChannelKind]*rig{}
	for kind, make := range robots {
		rigs[kind] = make(t)
	}
	rigs[access.Email], _ = mailRig(t, access.MailStartTLS)
	return rigs
}

func message(c *clock) notice.Message {
	return notice.Message{
		ID: "n_7_1767340800000", Phase: notice.Raised, Severity: notice.Critical, Alert: 7, About: notice.GrantStopped, Count: 3,
		Notice:   notice.Notice{At: c.now(), Kind: notice.GrantStopped, Subject: "grant:g_demo", Details: map[string]string{"errcode": "40125", "shop": "lantian"}},
		Subjects: []string{"grant:g_demo"}, Since: c.now().Add(-time.Hour), Shop: "lantian", Tenant: "sky", Runbook: runbook,
	}
}

// TestEveryChannelSaysIt: how much it matters, what, what next, about whom, how often,
// since when, and where to look.
func TestEveryChannelSaysIt(t *testing.T) {
	w := notice.GrantStopped.Words()
	for kind, r := range all(t) {
		t.Run(string(kind), func(t *testing.T) {
			c := r.channel(t)
			if out := c.Send(t.Context(), message(r.clock)); out.Verdict != webhook.Taken || c.Name() != "test" {
				t.Fatalf("%s: outcome %+v", c.Name(), out)
			}
			got := r.seen(t)
			if len(got) != 1 {
				t.Fatalf("%d messages", len(got))
			}
			for _, want := range []string{"【严重】", "[critical]", w.What.ZH, w.What.EN, w.Next.ZH, w.Next.EN, "蓝天店", "lantian", "蓝天集团", "grant:g", "40125", "3",
				"2026-01-02 15:00:00 UTC+8", "2026-01-02 07:00:00 UTC"} {
				if !strings.Contains(unescaped(got[0].text), unescaped(want)) {
					t.Errorf("it does not say %q:\n%s", want, got[0].text)
				}
			}
			for _, want := range []string{runbook, console, again} {
				if !slices.Contains(got[0].links, want) {
					t.Errorf("no link to %s among %q", want, got[0].links)
				}
			}
			if len(got[0].mentions)+len(got[0].markup) > 0 {
				t.Errorf("mentions %q, markup %q", got[0].mentions, got[0].markup)
			}
		})
	}
}

// unescaped takes full-width twins for what they stand for.
func unescaped(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			return r - '！' + '!'
		}
		return r
	}, s)
}

// hostile are names as somebody might choose them.
var hostile = map[string]string{
	"mention all":     "蓝天@all",
	"mention wecom":   "蓝天<@all><@o_demo_owner_0001>",
	"mention feishu":  `蓝天<at user_id="all">所有人</at><at id=all></at>`,
	"mention slack":   "蓝天<!channel><!here|here><@U000><!subteam^S000>",
	"mention ding":    "蓝天@13800000000 @所有人",
	"link":            "蓝天[点此领奖](https://evil.example/x)",
	"slack link":      "蓝天<https://evil.example/x|登录>",
	"bare link":       "蓝天 https://evil.example/x",
	"image":           "蓝天![x](https://evil.example/x.png)",
	"script":          `蓝天<script>alert(1)</script><img src=x onerror=alert(1)>`,
	"html attribute":  `蓝天"><a href="https://evil.example/x">x</a>`,
	"bold":            "蓝天**重要** _x_ `code` ~~x~~",
	"heading":         "蓝天\n# 标题\n> 引用\n- x",
	"mail header":     "蓝天\r\nBcc: thief@evil.example\r\n\r\nbody",
	"bidi":            "蓝天\u202eevil\u202c\u2066x\u2069\u200f",
	"invisible":       "蓝\u200b天\ufeff\u2060\U000e0041",
	"control":         "蓝天\x00\x1b[31mred\x07\u2028line",
	"entity":          "蓝天&lt;!channel&gt;&#64;all",
	"colour":          `蓝天<font color="warning">x</font>`,
	"broken UTF-8":    "蓝天\xff\xfe<@all\xff>",
	"template":        "蓝天{{.}}${x}%s%n",
	"long":            "蓝天" + strings.Repeat("长<@all>", 3000),
	"json":            `蓝天","msgtype":"text","at":{"isAtAll":true},"x":"`,
	"wecom backslash": `蓝天\<@all\>`,
}

// TestHostileNamesArriveAsText runs the same names through every channel, as the name
// of a shop, of a tenant and as a detail.
func TestHostileNamesArriveAsText(t *testing.T) {
	for kind, r := range all(t) {
		c := r.channel(t)
		for what, name := range hostile {
			t.Run(string(kind)+"/"+what, func(t *testing.T) {
				r.clock.pass(time.Minute)
				m := message(r.clock)
				m.Notice.Details = map[string]string{"name": name, name: "x"}
				m.Subjects = []string{"shop:" + name}
				r.place.Shop, r.place.Tenant = name, name
				if out := c.Send(t.Context(), m); out.Verdict != webhook.Taken {
					t.Fatalf("outcome %+v", out)
				}
				got := r.seen(t)
				wantText(t, got[len(got)-1])
			})
		}
	}
}

// wantText wants a message with nothing live in it but links of ours.
func wantText(t *testing.T, s seen) {
	t.Helper()
	if len(s.mentions) > 0 || len(s.markup) > 0 {
		t.Errorf("mentions %q, markup %q in\n%s", s.mentions, s.markup, s.text)
	}
	for _, l := range s.links {
		if l != runbook && l != console && l != again {
			t.Errorf("a link to %s in\n%s", l, s.text)
		}
	}
	if !utf8.ValidString(s.text) || strings.ContainsFunc(s.text, func(r rune) bool {
		return r != '\n' && r != '\r' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
	}) {
		t.Errorf("control or direction characters in %q", s.text)
	}
	if !strings.Contains(s.text, "蓝天") {
		t.Errorf("the name is not there:\n%s", s.text)
	}
}

// TestALongMessageIsCut: it fits, says that it was cut, and says what matters.
func TestALongMessageIsCut(t *testing.T) {
	for kind, r := range all(t) {
		if kind == access.Email || kind == access.Alertmanager || kind == access.Slack {
			continue // facts are bounded, and these take as many
		}
		t.Run(string(kind), func(t *testing.T) {
			c, m := r.channel(t), message(r.clock)
			for i := range 50 {
				m.Notice.Details[fmt.Sprintf("detail%02d", i)] = strings.Repeat("很长", 400)
			}
			m.Runbook = "https://docs.example.com/" + strings.Repeat("a", 900)
			r.place.Console = "https://zhanggui.example.com/" + strings.Repeat("b", 900)
			if out := c.Send(t.Context(), m); out.Verdict != webhook.Taken {
				t.Fatalf("outcome %+v", out)
			}
			text := r.seen(t)[0].text
			if !strings.Contains(text, notice.GrantStopped.Words().What.ZH) {
				t.Errorf("it does not say what happened:\n%s", text)
			}
			if kind == access.WeCom && !strings.Contains(text, "内容过长") {
				t.Errorf("it does not say that it was cut:\n%s", text)
			}
		})
	}
}

// TestAnErrorInAGoodAnswerIsRead: the status is 200 all along.
func TestAnErrorInAGoodAnswerIsRead(t *testing.T) {
	body := func(text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	odd := webhook.Outcome{Verdict: webhook.Later, Reason: "answer not understood"}
	for _, c := range []struct {
		kind   access.ChannelKind
		answer string
		want   webhook.Outcome
	}{
		{access.WeCom, `{"errcode":93000,"errmsg":"invalid webhook url, hint: secret"}`, webhook.Outcome{Verdict: webhook.Later, Reason: "answered errcode 93000"}},
		{access.WeCom, `{"errcode":45009,"errmsg":"api freq out of limit"}`, webhook.Outcome{Verdict: webhook.Later, Reason: "answered errcode 45009", After: time.Minute}},
		{access.WeCom, `{"errcode":0,"errmsg":"ok"}`, webhook.Outcome{}},
		{access.WeCom, `{"errmsg":"ok"}`, odd},
		{access.WeCom, `{"errcode":"0"}`, odd},
		{access.WeCom, `<html>a proxy</html>`, odd},
		{access.WeCom, ``, odd},
		{access.DingTalk, `{"errcode":310000,"errmsg":"sign not match"}`, webhook.Outcome{Verdict: webhook.Later, Reason: "answered errcode 310000"}},
		{access.DingTalk, `{"errcode":130101,"errmsg":"send too fast"}`, webhook.Outcome{Verdict: webhook.Later, Reason: "answered errcode 130101", After: 10 * time.Minute}},
		{access.DingTalk, `{"status":1111,"wait":5,"source":"x5","punish":"deny"}`, odd},
		{access.Feishu, `{"code":19021,"msg":"sign match fail"}`, webhook.Outcome{Verdict: webhook.Later, Reason: "answered code 19021"}},
		{access.Feishu, `{"code":11232,"msg":"frequency limited"}`, webhook.Outcome{Verdict: webhook.Later, Reason: "answered code 11232", After: time.Minute}},
		{access.Feishu, `{"code":0,"msg":"success","data":{}}`, webhook.Outcome{}},
		{access.Feishu, `[]`, odd},
	} {
		t.Run(string(c.kind)+" "+c.answer, func(t *testing.T) {
			r := robots[c.kind](t)
			r.answer(body(c.answer))
			if got := r.channel(t).Send(t.Context(), message(r.clock)); !cmp.Equal(got, c.want) {
				t.Errorf("outcome %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestWrongKeysAreRefused: the doubles do check, so the tests that pass say something.
func TestWrongKeysAreRefused(t *testing.T) {
	for kind, reason := range map[access.ChannelKind]string{
		access.WeCom: "answered errcode 93000", access.DingTalk: "answered errcode 310000", access.Feishu: "answered code 19021",
		access.Slack: "answered 404", access.Alertmanager: "answered 400",
	} {
		t.Run(string(kind), func(t *testing.T) {
			r := robots[kind](t)
			r.spec.Secret = secret.FromString("SEC000another")
			if kind == access.WeCom || kind == access.Slack {
				r.spec.URL = secret.FromString(strings.Replace(r.spec.URL.RevealString(), robotKey, "another", 1))
			}
			want(t, r.channel(t).Send(t.Context(), message(r.clock)), reason)
		})
	}
	for _, kind := range []access.ChannelKind{access.DingTalk, access.Feishu} {
		t.Run(string(kind)+" with a clock that is wrong", func(t *testing.T) {
			r := robots[kind](t)
			c := r.channel(t)
			late := *r
			late.clock = newClock()
			late.clock.pass(2 * time.Hour)
			want(t, c.Send(t.Context(), message(r.clock)), "")
			if out := late.channel(t).Send(t.Context(), message(r.clock)); out.Verdict != webhook.Later {
				t.Errorf("a signature of two hours from now was taken: %+v", out)
			}
		})
	}
}

func want(t *testing.T, got webhook.Outcome, reason string) {
	t.Helper()
	verdict := webhook.Later
	if reason == "" {
		verdict = webhook.Taken
	}
	if got.Verdict != verdict || got.Reason != reason {
		t.Errorf("outcome %+v, want reason %q", got, reason)
	}
}

// TestEveryChannelGuardsItsWayOut: what hangs is cut, what is ill is tried later, and
// nothing inside is reached, by a redirect or otherwise.
func TestEveryChannelGuardsItsWayOut(t *testing.T) {
	for kind, make := range robots {
		t.Run(string(kind), func(t *testing.T) {
			r := make(t)
			c := r.channel(t)
			r.answer(func(_ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				panic(http.ErrAbortHandler) // an answer may still arrive while the other end says goodbye
			})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			want(t, c.Send(ctx, message(r.clock)), "no answer in time")
			r.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
			want(t, c.Send(t.Context(), message(r.clock)), "answered 500")
			for _, to := range []string{"http://169.254.169.254/latest/meta-data/", "https://127.0.0.1/admin"} {
				r.answer(func(w http.ResponseWriter, req *http.Request) {
					http.Redirect(w, req, to, http.StatusTemporaryRedirect)
				})
				want(t, c.Send(t.Context(), message(r.clock)), "redirected")
			}
			r.answer(nil)
			r.clock.pass(time.Minute)
			want(t, c.Send(t.Context(), message(r.clock)), "")
			r.way.AllowPrivate = false
			want(t, r.channel(t).Send(t.Context(), message(r.clock)), "address refused")
			r.way.AllowPrivate = true
			r.spec.URL = secret.FromString("http://169.254.169.254/latest/meta-data/")
			want(t, r.channel(t).Send(t.Context(), message(r.clock)), "address refused")
		})
	}
}

// TestRatesAreKept: whoever asks how long to wait, and waits so long, is never told
// off.
func TestRatesAreKept(t *testing.T) {
	for kind, least := range map[access.ChannelKind]time.Duration{
		access.WeCom: 9 * time.Minute, access.DingTalk: 9 * time.Minute, access.Feishu: time.Minute, access.Slack: 199 * time.Second, access.Alertmanager: 0,
	} {
		t.Run(string(kind), func(t *testing.T) {
			r := robots[kind](t)
			c, begin := r.channel(t), r.clock.now()
			for i := range 200 {
				r.clock.pass(c.(interface{ Wait() time.Duration }).Wait())
				if out := c.Send(t.Context(), message(r.clock)); out.Verdict != webhook.Taken {
					t.Fatalf("message %d: %+v", i, out)
				}
			}
			if took := r.clock.now().Sub(begin); took < least || took > least+time.Minute+time.Second {
				t.Errorf("200 messages took %v, want about %v", took, least)
			}
		})
	}
	for name, text := range map[string]string{"seconds": "2147483647", "date": "Fri, 31 Dec 9999 23:59:59 GMT"} {
		t.Run("a place that wants quiet for ever, in "+name, func(t *testing.T) {
			r := robots[access.Slack](t)
			r.answer(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", text)
				w.WriteHeader(http.StatusTooManyRequests)
			})
			c := r.channel(t)
			want(t, c.Send(t.Context(), message(r.clock)), "answered 429")
			if w := c.(interface{ Wait() time.Duration }).Wait(); w != time.Hour {
				t.Errorf("it waits %v, want an hour", w)
			}
		})
	}
	t.Run("a robot that others use too", func(t *testing.T) {
		r := robots[access.DingTalk](t)
		a, b := r.channel(t), r.channel(t)
		for range 20 {
			want(t, a.Send(t.Context(), message(r.clock)), "")
		}
		want(t, b.Send(t.Context(), message(r.clock)), "answered errcode 130101")
		if w := b.(interface{ Wait() time.Duration }).Wait(); w != 10*time.Minute {
			t.Errorf("it waits %v, as long as the robot is shut out is ten minutes", w)
		}
	})
}

// TestRecoveryResolvesInAlertmanager: the labels are the same, and the end is past.
func TestRecoveryResolvesInAlertmanager(t *testing.T) {
	c := newClock()
	d, kept := newAlertmanager(t, c)
	r := robot(access.Alertmanager, c, d, "/prefix", robotSecret)
	d.Config.Handler = http.StripPrefix("/prefix", d.Config.Handler)
	am, m := r.channel(t), message(c)
	want(t, am.Send(t.Context(), m), "")
	c.pass(time.Hour)
	m.Phase, m.Count, m.ID, m.Notice.At = notice.Grown, 30, "n_8_1", c.now()
	m.Shop, m.Tenant = "", "" // it is about shops of others too, by now
	want(t, am.Send(t.Context(), m), "")
	if all := kept(); len(all) != 1 || !all[0].ends.After(c.now().Add(24*time.Hour)) || !all[0].starts.Equal(m.Since) {
		t.Fatalf("alerts %+v", all)
	}
	m.Phase, m.ID, m.Notice = notice.Over, "n_9_1", notice.Notice{At: c.now(), Kind: notice.GrantHealed, Subject: "grant:g_demo"}
	want(t, am.Send(t.Context(), m), "")
	if all := kept(); len(all) != 1 || all[0].ends.After(c.now()) {
		t.Errorf("alerts %+v, want one that is over", all)
	}
	event := notice.Message{ID: "n_10_1", Notice: notice.Notice{At: c.now(), Kind: notice.NewOwner, Subject: "tenant:sky"}}
	want(t, am.Send(t.Context(), event), "")
	if all := kept(); len(all) != 2 || all[1].ends.Sub(c.now()) != time.Hour {
		t.Errorf("alerts %+v, want an event of an hour beside it", all)
	}
}

// TestWhatIsSentWithoutTheStoreIsOneAlert in Alertmanager, whichever server sends it, and
// over with what the store owes when it is back.
func TestWhatIsSentWithoutTheStoreIsOneAlert(t *testing.T) {
	c := newClock()
	d, kept := newAlertmanager(t, c)
	r := robot(access.Alertmanager, c, d, "", robotSecret)
	am := r.channel(t)
	m := notice.Message{Notice: notice.Notice{At: c.now(), Kind: notice.StoreFailing, Subject: "store"}, Phase: notice.Raised, Severity: notice.Critical,
		About: notice.StoreFailing, Count: 1, Since: c.now().Add(-15 * time.Second), Subjects: []string{"store"}}
	for _, server := range []string{"counter-1", "counter-2"} {
		m.ID, m.Direct = "direct_"+server, server
		want(t, am.Send(t.Context(), m), "")
	}
	if all := kept(); len(all) != 1 || !all[0].ends.After(c.now().Add(24*time.Hour)) || !all[0].starts.Equal(m.Since) {
		t.Fatalf("alerts %+v", all)
	}
	c.pass(time.Hour)
	m.ID, m.Alert, m.Direct, m.Phase, m.Notice = "n_9_1", 8, "", notice.Over, notice.OverOf(m.Notice, c.now())
	want(t, am.Send(t.Context(), m), "")
	if all := kept(); len(all) != 1 || all[0].ends.After(c.now()) {
		t.Errorf("alerts %+v, want one that is over", all)
	}
}

// TestTheServerIsNamed by a message that it sent without the store.
func TestTheServerIsNamed(t *testing.T) {
	r := robots[access.WeCom](t)
	m := message(r.clock)
	m.Notice, m.About, m.Direct = notice.Notice{At: r.clock.now(), Kind: notice.StoreFailing, Subject: "store"}, notice.StoreFailing, "counter-1 (r_1)"
	r.spec.Language = channel.Both
	want(t, r.channel(t).Send(t.Context(), m), "")
	for _, part := range []string{notice.StoreFailing.Words().What.ZH, "未经存储", notice.StoreFailing.Words().What.EN, "Sent without the store", "counter-1"} {
		if text := r.seen(t)[0].text; !strings.Contains(text, part) {
			t.Errorf("it does not say %q:\n%s", part, text)
		}
	}
}

// TestInstallationsShareAnAlertmanager: alerts with one number are two, and the end of
// one is not the end of the other.
func TestInstallationsShareAnAlertmanager(t *testing.T) {
	c := newClock()
	d, kept := newAlertmanager(t, c)
	r, m := robot(access.Alertmanager, c, d, "", robotSecret), message(c)
	for _, name := range []string{"a.example.com", "b.example.com/shops"} {
		r.installation = name
		want(t, r.channel(t).Send(t.Context(), m), "")
	}
	c.pass(time.Minute)
	m.Phase, m.Notice = notice.Over, notice.Notice{At: c.now(), Kind: notice.GrantHealed, Subject: "grant:g_demo"}
	want(t, r.channel(t).Send(t.Context(), m), "")
	open := slices.DeleteFunc(kept(), func(a managed) bool { return !a.ends.After(c.now()) })
	if len(open) != 1 || !strings.Contains(open[0].labels, `"installation":"a.example.com"`) {
		t.Errorf("open are %+v, want that of a.example.com alone", open)
	}
}

// TestOverSaysSo in the words of what is over.
func TestOverSaysSo(t *testing.T) {
	r := robots[access.WeCom](t)
	m := message(r.clock)
	m.Phase, m.Notice.Kind = notice.Over, notice.GrantHealed
	r.spec.Language = channel.Chinese
	want(t, r.channel(t).Send(t.Context(), m), "")
	got := r.seen(t)[0]
	if !strings.Contains(got.text, "【已恢复】"+notice.GrantStopped.Words().What.ZH) || slices.Contains(got.links, again) || strings.Contains(got.text, "Shop") {
		t.Errorf("links %q in\n%s", got.links, got.text)
	}
	r.spec.Language = channel.English
	m.About, m.Notice.Kind, m.Notice.Details = notice.AlertOver, notice.AlertOver, map[string]string{"was": "push.refused"}
	want(t, r.channel(t).Send(t.Context(), m), "")
	if text := r.seen(t)[1].text; !strings.Contains(text, "[over] "+notice.PushRefused.Words().What.EN) || strings.Contains(text, "【") {
		t.Errorf("it says\n%s", text)
	}
}

func TestMail(t *testing.T) {
	for _, security := range []string{access.MailImplicit, access.MailStartTLS} {
		t.Run(security, func(t *testing.T) {
			r, b := mailRig(t, security)
			c := r.channel(t)
			want(t, c.Send(t.Context(), message(r.clock)), "")
			l := b.read()[0]
			head, _ := l.view(t)
			if l.from != "alerts@example.com" || !slices.Equal(l.to, []string{"ops@example.com", "owner@example.com"}) ||
				head.Get("Message-Id") != "<n_7_1767340800000@example.com>" || head.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("from %s to %s with %v", l.from, l.to, head)
			}
			b.refuse = &smtp.SMTPError{Code: 451, Message: "not now, said with a secret"}
			want(t, c.Send(t.Context(), message(r.clock)), "answered 451")
			r.spec.Secret = secret.FromString("another")
			want(t, r.channel(t).Send(t.Context(), message(r.clock)), "answered 535")
			r.roots = x509.NewCertPool()
			want(t, r.channel(t).Send(t.Context(), message(r.clock)), "certificate refused")
			r.way.AllowPrivate = false
			want(t, r.channel(t).Send(t.Context(), message(r.clock)), "address refused")
		})
	}
}

// TestMailNeedsTLS: a server that lost its STARTTLS, or somebody between, gets neither
// the password nor the message.
func TestMailNeedsTLS(t *testing.T) {
	r, b := mailRig(t, access.MailPlain)
	r.spec.Mail.TLS = access.MailStartTLS
	if out := r.channel(t).Send(t.Context(), message(r.clock)); out.Verdict != webhook.Later {
		t.Errorf("outcome %+v", out)
	}
	if b.mu.Lock(); len(b.logins)+len(b.letters) > 0 {
		t.Errorf("logins %q, letters %d", b.logins, len(b.letters))
	}
	b.mu.Unlock()
	r.spec.Mail.TLS, r.spec.Mail.Host = access.MailPlain, "mail.example.com"
	if _, err := channel.New(r.spec, channel.Options{}); err == nil {
		t.Error("mail to elsewhere without TLS is made")
	}
}

// TestAMailServerThatNeverStops costs a little memory, not what it has to say.
func TestAMailServerThatNeverStops(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var said atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		chunk := bytes.Repeat([]byte("220-welcome "), 10_000)
		for err = nil; err == nil && said.Load() < 64<<20; {
			var n int
			n, err = conn.Write(chunk)
			said.Add(int64(n))
		}
	})
	r, _ := mailRig(t, access.MailStartTLS)
	r.spec.Mail.Port = listener.Addr().(*net.TCPAddr).Port
	want(t, r.channel(t).Send(t.Context(), message(r.clock)), "no answer")
	_ = listener.Close()
	wg.Wait()
	if n := said.Load(); n >= 64<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

func TestUnknownKind(t *testing.T) {
	if _, err := channel.New(channel.Spec{Kind: "pager"}, channel.Options{}); err == nil || !strings.Contains(err.Error(), "write wecom") {
		t.Errorf("error %v", err)
	}
}
