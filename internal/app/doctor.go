package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/clock"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/quota"
	"github.com/zhanggui/zhanggui/internal/stranger"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat"
)

// connectDoctor makes what finds out why something does not work.
func (a *App) connectDoctor() {
	out := a.transport(egress.Options{AllowPrivate: true, Timeout: 3 * time.Second, Answer: 4 * time.Second})
	a.doctor = doctor.New(doctor.Options{
		Directory: a.store, Grants: a.store, Platforms: a.store, Notices: a.store,
		WeChat: doctorWeChat{a}, Web: doctorWeb{out}, Usage: doctorUsage{a}, Pushes: a.pushSeen, Strangers: doctorStrangers{a}, House: doctorHouse{a},
		Vault: a.keys(), Catalogue: a.catalogue, PublicURL: a.o.Config.PublicURL.URL(), Hosts: innerHosts(a.o.Config), Now: a.o.Now, Log: a.o.Log,
	})
}

// doctors gives the doctor to administrators and to pages.
type doctors struct{ *App }

// Examine implements adminapi.Doctor.
func (d doctors) Examine(ctx context.Context, shop string) (doctor.Report, error) {
	return d.doctor.Examine(ctx, shop)
}

// Explain implements adminapi.Doctor. Who asked is on record first, with how much was
// pasted and nothing of it.
func (d doctors) Explain(ctx context.Context, by audit.Actor, text, shop string) (doctor.Explanation, error) {
	if shop != "" { // looked for first: a shop that is not there must not reach the audit log
		if _, err := d.store.Shop(ctx, shop); err != nil {
			return doctor.Explanation{}, err
		}
	}
	e := audit.Entry{At: d.o.Now(), Actor: by, Action: "doctor.explain", Outcome: audit.Done, Details: map[string]string{"bytes": strconv.Itoa(len(text))}}
	if shop != "" {
		e.Subject = "shop:" + shop
	}
	if err := d.store.Append(ctx, e); err != nil {
		return doctor.Explanation{}, err
	}
	return d.doctor.Explain(ctx, text, shop, true)
}

// doctorWeChat asks WeChat what changes nothing there.
type doctorWeChat struct{ a *App }

// Secret implements doctor.WeChat: WeChat gives the token that it keeps anyway, and it
// is dropped here. The keeper's own tokens are of the same endpoint and stay alive.
func (w doctorWeChat) Secret(ctx context.Context, app access.App) error {
	value, err := w.a.keys().Open(app.Secret, vault.AppSecret(app.ID, app.SecretVersion))
	if err != nil {
		return err
	}
	return w.a.stable(ctx, app, value)
}

// Call implements doctor.WeChat.
func (w doctorWeChat) Call(ctx context.Context, shop, method, path string, in, out any) error {
	c := shopCaller{keeper: w.a.keeper, clients: w.a.clients, dir: w.a.store}
	return whyNoToken(c.Call(ctx, shop, method, path, in, out))
}

// CallPlatform implements doctor.WeChat.
func (w doctorWeChat) CallPlatform(ctx context.Context, app access.App, method, path string, in, out any) error {
	client, err := w.a.clients.For(app)
	if err != nil {
		return err
	}
	token, err := w.a.keeper.ComponentToken(ctx, app.ID)
	if err != nil {
		return whyNoToken(noToken(err))
	}
	r := wechat.Request{Path: path, Token: wechat.ComponentToken{Value: token.Value}}
	if method == http.MethodGet {
		r.Method = method
	}
	_, err = client.CallJSON(ctx, r, in, out)
	if e, ok := errors.AsType[*wechat.Error](err); ok && e.Class() == wechat.ClassRefreshToken {
		platformKeeper{w.a.keeper}.Refused(ctx, app.ID, token.Generation)
	}
	return err
}

// whyNoToken hands on the words for a token that is not there.
func whyNoToken(err error) error {
	if _, ok := errors.AsType[*wechat.Error](err); ok {
		return err // what WeChat said is more than our words about it
	}
	e, ok := web.Said(err)
	if !ok {
		return err
	}
	return &doctor.NoToken{ErrCode: e.ErrCode,
		Cause: notice.Text{EN: clause(e.EN), ZH: clause(e.ZH)}, Next: notice.Text{EN: clause(e.NextEN), ZH: clause(e.NextZH)}}
}

// clause is a sentence without its full stop.
func clause(s string) string { return strings.TrimRight(s, ".。") }

// doctorWeb fetches our own URLs.
type doctorWeb struct{ way http.RoundTripper }

// maxOwnPage is how much of our own answers is read.
const maxOwnPage = 64 << 10

// Get implements doctor.Web.
func (w doctorWeb) Get(ctx context.Context, url string) (doctor.Page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return doctor.Page{}, err
	}
	resp, err := w.way.RoundTrip(r)
	if err != nil {
		return doctor.Page{}, err
	}
	defer resp.Body.Close()
	p := doctor.Page{Status: resp.StatusCode}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		leaf := resp.TLS.PeerCertificates[0]
		p.CertEnd, p.Issuer = leaf.NotAfter, leaf.Issuer.CommonName
	}
	p.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxOwnPage))
	return p, err
}

// doctorUsage tells what programs call.
type doctorUsage struct{ a *App }

// Quotas implements doctor.Usage.
func (u doctorUsage) Quotas(shop string) ([]quota.State, bool) {
	if u.a.quotas == nil {
		return nil, false
	}
	return u.a.quotas.book.Shop(shop, u.a.o.Now()), true
}

// PathsAt implements doctor.Usage.
func (u doctorUsage) PathsAt(ctx context.Context, client, shop string, since time.Time) ([]string, error) {
	return u.a.store.PathsAt(ctx, client, shop, since)
}

// Unset implements doctor.Usage.
func (u doctorUsage) Unset(shop string) []doctor.SetRefusal { return u.a.unset.of(shop) }

// doctorStrangers tells of tokens that died before their end.
type doctorStrangers struct{ a *App }

// Suspicion implements doctor.Strangers.
func (s doctorStrangers) Suspicion(ctx context.Context, grantID string) (doctor.Suspicion, error) {
	e, _, err := s.a.strangers.Evidence(ctx, grantID)
	return suspicionOf(e, s.a.o.Now()), err
}

// Suspected implements doctor.Strangers.
func (s doctorStrangers) Suspected(ctx context.Context) ([]doctor.Suspicion, error) {
	all, err := s.a.strangers.Suspected(ctx)
	now := s.a.o.Now()
	out := make([]doctor.Suspicion, len(all))
	for i, e := range all {
		out[i] = suspicionOf(e, now)
	}
	return out, err
}

// suspicionOf is what the strongest record of the last day says.
func suspicionOf(e stranger.Evidence, now time.Time) doctor.Suspicion {
	s := doctor.Suspicion{Shop: e.ShopID, Deaths: e.Deaths, Last: e.Last}
	r, _ := e.Accuses(now) // of one guess, too, of which no human is told yet
	switch r.Level {
	case stranger.Proven:
		s.Proven = true
	case stranger.Likely:
		s.Guess = guessOf(e.Words(now))
	default:
		return s
	}
	s.QuietFrom, s.QuietTo, s.MadeFrom, s.MadeTo = r.QuietFrom, r.QuietTo, r.MadeFrom, r.MadeTo
	return s
}

// guessOf is the first that a report guesses at.
func guessOf(r stranger.Report) notice.Text {
	if len(r.Guess) == 0 {
		return notice.Text{}
	}
	return notice.Text{EN: clause(r.Guess[0].EN), ZH: clause(r.Guess[0].ZH)}
}

// doctorHouse tells of the machine.
type doctorHouse struct{ a *App }

// Health implements doctor.House.
func (h doctorHouse) Health(context.Context) []doctor.Trouble {
	var all []doctor.Trouble
	say := func(since time.Time, en, zh string) {
		all = append(all, doctor.Trouble{What: notice.Text{EN: en, ZH: zh}, Since: since})
	}
	k := h.a.keeper.Health()
	if !k.StoreDownSince.IsZero() {
		say(k.StoreDownSince, "tokens cannot be stored", "令牌无法写入存储")
	}
	if since := k.HeldSince; !since.IsZero() {
		say(since, "WeChat cannot be reached: "+k.PlatformCause, "无法连接微信："+k.PlatformCause)
	} else if since := k.PlatformDownSince; !since.IsZero() {
		say(since, "WeChat does not answer: "+k.PlatformCause, "微信无应答："+k.PlatformCause)
	}
	if h.a.whole() {
		if lost := h.a.heads.lost.Load(); lost != nil {
			say(time.Time{}, *lost, "审计日志的签名头有缺失，请运行 zhanggui audit verify")
		}
	}
	if percent, ok := h.a.grants.Progress(); !ok {
		say(time.Time{}, fmt.Sprintf("grants are being compared with the audit log: %d %%", percent), fmt.Sprintf("正在将授权与审计日志比对：%d %%", percent))
	}
	return all
}

// Clock implements doctor.House.
func (h doctorHouse) Clock() doctor.Clock {
	e := h.a.clock.Skew()
	behind := h.a.clock.Behind()
	return doctor.Clock{Behind: behind, Stopped: behind > clock.BackLimit, Skew: e.Ours, Within: e.Bound, Samples: e.Samples, Wrong: e.Wrong()}
}

// Disk implements doctor.House.
func (h doctorHouse) Disk() (doctor.Disk, error) {
	free, total, err := diskOf(h.a.o.Config.Data)
	return doctor.Disk{Free: free, Total: total}, err
}

// Database implements doctor.House.
func (h doctorHouse) Database(ctx context.Context) (doctor.Database, error) {
	db := doctor.Database{Kind: "postgres", Bytes: -1, WAL: -1}
	if h.a.replica == nil {
		path := filepath.Join(h.a.o.Config.Data, DatabaseFile)
		db.Kind, db.Bytes, db.WAL = "sqlite", sizeOf(path), sizeOf(path+"-wal")
	} else {
		db.Problem, _ = h.a.replica.troubles()
	}
	began := time.Now() // how long it takes is no matter of the server's clock, which may be wrong
	_, err := h.a.store.Revision(ctx)
	db.Took = time.Since(began)
	return db, err
}

// sizeOf is the size of a file, -1 if there is none.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// Keys implements doctor.House.
func (h doctorHouse) Keys() doctor.Keys {
	m := h.a.o.Config.MasterKey
	k := doctor.Keys{Kept: h.a.vault.Keys()}
	switch {
	case m.Env != "":
		k.Where = "env"
	case len(m.Command) > 0:
		k.Where = "command"
	default:
		k.Where = "file"
		path := m.File
		if path == "" {
			path = filepath.Join(h.a.o.Config.Data, MasterKeyFile)
		}
		if info, err := os.Stat(path); err == nil {
			k.Since, k.Open = info.ModTime(), info.Mode().Perm()&0o077 != 0
		}
	}
	return k
}

// Unopened implements doctor.House.
func (h doctorHouse) Unopened() []string { return h.a.made.sealed() }

// Channels implements doctor.House. Those of a tenant are its own.
func (h doctorHouse) Channels(ctx context.Context) ([]string, error) {
	var names []string
	for _, w := range h.a.o.Config.Webhooks {
		names = append(names, "webhook "+w.URL.Host())
	}
	all, _, err := channels{h.a}.DeclaredChannels(ctx)
	for _, c := range all {
		if c.TenantID == "" {
			names = append(names, c.Name)
		}
	}
	return names, err
}
