package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// phone is the user agent of WeChat's own browser.
const phone = wechatsim.WeChatUserAgent

// Ids of the demo's directory, ours.
const (
	serviceApp = "fuwuhao"
	websiteApp = "website"
	tenantID   = "lantian"
	shopID     = "lantian"
	clientID   = "erp"
	verifyName = "MP_verify_demo0000demo0000.txt"
	verifyBody = "demo0000demo0000"
)

// manifest is what an operator would apply.
func (s *stage) manifest() adminapi.Manifest {
	host := s.url.Host
	return adminapi.Manifest{
		Apps: []adminapi.ManifestApp{
			{ID: serviceApp, Kind: "service_account", AppID: wechatsim.DefaultServiceAccount, Secret: wechatsim.DefaultServiceSecret, Name: "蓝天文具服务号",
				CallbackHost: host, VerifyName: verifyName, VerifyBody: verifyBody},
			{ID: websiteApp, Kind: "website", AppID: wechatsim.DefaultWebsite, Secret: wechatsim.DefaultWebsiteSecret, Name: "蓝天文具管理后台", CallbackHost: host},
		},
		Tenants: []adminapi.ManifestTenant{{ID: tenantID, Name: "蓝天文具"}},
		Shops: []adminapi.ManifestShop{{ID: shopID, Tenant: tenantID, Name: "蓝天文具店", AppID: wechatsim.DefaultShop, Secret: wechatsim.DefaultShopSecret,
			RevokeOnWithdraw: true}},
		Clients: []adminapi.ManifestClient{{ID: clientID, Name: "ERP", Shops: []string{shopID}, Mode: "read"}},
	}
}

// register declares apps, tenant, shop and client, twice: the second time there
// must be nothing to do.
func (s *story) register(ctx context.Context) (string, error) {
	var first, second adminapi.Applied
	if err := s.ask(ctx, "POST", "/v1/apply", s.manifest(), &first); err != nil {
		return "", err
	}
	if err := s.ask(ctx, "POST", "/v1/apply", s.manifest(), &second); err != nil {
		return "", err
	}
	s.key = first.Keys[clientID]
	if s.key == "" || len(second.Changes) != 0 {
		return "", fmt.Errorf("client key shown: %t; changes of the second apply: %d, want none", s.key != "", len(second.Changes))
	}
	return fmt.Sprintf("%d changes applied, none the second time; secrets sealed on arrival", len(first.Changes)), nil
}

// proveDomain fetches the file as WeChat's checker does.
func (s *story) proveDomain(ctx context.Context) (string, error) {
	p, err := newBrowser(s.url, "WeChat domain checker").open(ctx, "/"+verifyName)
	if err != nil {
		return "", err
	}
	if p.Status != http.StatusOK || string(p.Body) != verifyBody {
		return "", fmt.Errorf("GET /%s: status %d, body %q", verifyName, p.Status, p.Body)
	}
	return fmt.Sprintf("GET /%s answered %q", verifyName, p.Body), nil
}

var fourDigits = regexp.MustCompile(`<strong>([0-9]{4})</strong>`)

// authorise walks the owner from the invitation to the confirmed role.
func (s *story) authorise(ctx context.Context) (string, error) {
	var inv adminapi.InvitationView
	if err := s.ask(ctx, "POST", "/v1/invitations", map[string]string{"tenant": tenantID, "role": "owner"}, &inv); err != nil {
		return "", err
	}
	consent, err := s.owner.open(ctx, inv.Link)
	if err != nil {
		return "", err
	}
	left, err := s.owner.submit(ctx, consent, "/i/", nil)
	if err != nil {
		return "", err
	}
	waiting, err := s.return_(ctx, s.owner, "owner", left.Location)
	if err != nil {
		return "", err
	}
	code := fourDigits.FindSubmatch(waiting.Body)
	if code == nil {
		return "", fmt.Errorf("after the login there is no page with four digits (status %d)", waiting.Status)
	}
	if err := s.ask(ctx, "POST", "/v1/invitations/"+inv.ID+"/confirm", map[string]string{"code": string(code[1])}, &inv); err != nil {
		return "", err
	}
	s.person = inv.Person
	g, err := s.grantOf(ctx, "user")
	if err != nil {
		return "", err
	}
	s.grants.owner = g.ID
	if g.State != "active" || g.Person != s.person {
		return "", fmt.Errorf("the owner's grant is %s", g.State)
	}
	return fmt.Sprintf("%s is %s of %s; grant %s is active; the four digits were confirmed by the demo itself", s.person, inv.Role, inv.Tenant, g.ID), nil
}

// return_ lets a person agree at WeChat and brings their browser back.
func (s *story) return_(ctx context.Context, b *browser, person, link string) (page, error) {
	callback, err := s.sim.Visit(ctx, person, link, wechatsim.Agree)
	if err != nil {
		return page{}, fmt.Errorf("at WeChat: %w", err)
	}
	if u, err := url.Parse(callback); err == nil {
		s.code = u.Query().Get("code")
	}
	return b.open(ctx, callback)
}

// sealed looks for every secret and token of the run in the bytes of every file
// that the server wrote.
func (s *story) sealed(ctx context.Context) (string, error) {
	if err := s.until(ctx, "the shop's first token", func() (bool, error) {
		g, err := s.grantOf(ctx, "self")
		s.grants.shop = g.ID
		return g.Generation > 0, err
	}); err != nil {
		return "", err
	}
	secrets, err := s.secrets(ctx)
	if err != nil {
		return "", err
	}
	files, size := 0, 0
	err = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files, size = files+1, size+len(b)
		for name, secret := range secrets {
			if bytes.Contains(b, []byte(secret)) {
				return fmt.Errorf("%s stands in the clear in %s", name, filepath.Base(path))
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("none of %d secrets, tokens, codes and keys is in the %d bytes of the server's %d files", len(secrets), size, files), nil
}

// secrets is everything of this run that must not be readable: what the world
// began with, what was sent to WeChat since, the shop's token, and our own keys.
func (s *story) secrets(ctx context.Context) (map[string]string, error) {
	token, err := s.stableToken(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]string{
		"the service account's AppSecret": wechatsim.DefaultServiceSecret,
		"the website's AppSecret":         wechatsim.DefaultWebsiteSecret,
		"the shop's AppSecret":            wechatsim.DefaultShopSecret,
		"the shop's token":                token,
		"the client's key":                s.key,
	}
	for _, e := range s.sim.Ledger() {
		q, err := url.ParseQuery(e.RawQuery)
		if err != nil {
			return nil, err
		}
		for _, name := range []string{"access_token", "refresh_token", "code", "state"} {
			if v := q.Get(name); v != "" {
				all[fmt.Sprintf("%s of request %d (%s)", name, e.Seq, e.Path)] = v
			}
		}
	}
	return all, nil
}

// stableToken asks the emulator what the server asked it: in normal mode every
// asker is given the same token.
func (s *story) stableToken(ctx context.Context) (string, error) {
	body, err := json.Marshal(map[string]any{"grant_type": "client_credential", "appid": wechatsim.DefaultShop, "secret": wechatsim.DefaultShopSecret})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.simURL.JoinPath("/cgi-bin/stable_token").String(), bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", err
	}
	if answer.Token == "" {
		return "", errors.New("the emulator gave no token to compare with")
	}
	return answer.Token, nil
}

// refreshed moves the clock to the token's last minutes and waits.
func (s *story) refreshed(ctx context.Context) (string, error) {
	before, err := s.grantOf(ctx, "self")
	if err != nil {
		return "", err
	}
	last := s.lastSeq()
	s.sim.Advance(before.AccessExpires.Sub(s.sim.Now()) - 4*time.Minute)
	var after adminapi.GrantView
	err = s.until(ctx, "a token of a later generation", func() (bool, error) {
		after, err = s.grantOf(ctx, "self")
		return after.Generation > before.Generation && after.AccessExpires.After(*before.AccessExpires), err
	})
	if err != nil {
		return "", err
	}
	asked := len(s.sim.LedgerSince(last, "/cgi-bin/stable_token"))
	if asked != 1 {
		return "", fmt.Errorf("the emulator saw %d requests for a token, want 1", asked)
	}
	return fmt.Sprintf("generation %d → %d with one request; the token lives until %s", before.Generation, after.Generation, after.AccessExpires.Format("15:04:05Z")), nil
}

func (s *story) lastSeq() int64 {
	l := s.sim.Ledger()
	if len(l) == 0 {
		return 0
	}
	return l[len(l)-1].Seq
}

// until waits for something that the keeper does by itself.
func (s *story) until(ctx context.Context, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not come: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// gatewayCall is a program's call with its key.
func (s *story) gatewayCall(ctx context.Context, path, body string) (int, http.Header, []byte, error) {
	method, in := http.MethodGet, io.Reader(nil)
	if body != "" {
		method, in = http.MethodPost, strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url.JoinPath("wx", shopID).String()+path, in)
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, resp.Header, answer, err
}

// call reads the shop's name and products, once with a token that WeChat ended
// early.
func (s *story) call(ctx context.Context) (string, error) {
	_, _, answer, err := s.gatewayCall(ctx, "/channels/ec/basics/info/get", "")
	if err != nil {
		return "", err
	}
	var basics struct{ Info struct{ Nickname string } }
	if err := json.Unmarshal(answer, &basics); err != nil || basics.Info.Nickname == "" {
		return "", fmt.Errorf("the shop's basics were not answered: %s", answer)
	}
	if s.sim.KillTokens(wechatsim.DefaultShop, "stable") == 0 {
		return "", errors.New("the emulator had no token to end")
	}
	_, header, answer, err := s.gatewayCall(ctx, "/channels/ec/product/list/get", `{"page_size":5}`)
	if err != nil {
		return "", err
	}
	var list struct {
		IDs []json.RawMessage `json:"product_ids"`
	}
	if err := json.Unmarshal(answer, &list); err != nil || len(list.IDs) != 5 || header.Get("X-Zhanggui-Attempt") != "2" {
		return "", fmt.Errorf("products after the token died: attempt %s: %s", header.Get("X-Zhanggui-Attempt"), answer)
	}
	if status, _, _, err := s.gatewayCall(ctx, "/cgi-bin/openapi/rid/get", `{"rid":"x"}`); err != nil || status != http.StatusForbidden {
		return "", fmt.Errorf("a closed path was answered with %d (%w)", status, err)
	}
	return fmt.Sprintf("%s, %d products; a token that died early was replaced and the call repeated once; closed paths are refused", basics.Info.Nickname, len(list.IDs)), nil
}

// silent opens the server in a clean WeChat browser.
func (s *story) silent(ctx context.Context) (string, error) {
	before, err := s.grantOf(ctx, "user")
	if err != nil {
		return "", err
	}
	clean := newBrowser(s.url, phone)
	left, err := clean.open(ctx, "/login?shop="+shopID)
	if err != nil {
		return "", err
	}
	shop, err := s.return_(ctx, clean, "owner", left.Location)
	if err != nil {
		return "", err
	}
	if shop.URL.RawQuery != "" || shop.Status != http.StatusOK || !shop.has("蓝天文具店") {
		return "", fmt.Errorf("the owner is not in: status %d at %s", shop.Status, shop.URL.Path)
	}
	g, err := s.grantOf(ctx, "user")
	if err != nil {
		return "", err
	}
	if g.ID != s.grants.owner || g.Generation <= before.Generation {
		return "", fmt.Errorf("the login did not renew the kept pair: generation %d", g.Generation)
	}
	pc, err := newBrowser(s.url, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0 Safari/537.36").open(ctx, "/login")
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(pc.Location, s.simURL.String()+"/connect/qrconnect?") {
		return "", errors.New("a PC was not sent to the QR page")
	}
	return fmt.Sprintf("a clean browser in WeChat is in without a tap, at %s; the kept pair is generation %d now; a PC gets the QR page", shop.URL.Path, g.Generation), nil
}

// verify has the log compared with its signed heads, from files alone.
func (s *story) verify(ctx context.Context) (string, error) {
	if err := s.app.SignHead(ctx); err != nil {
		return "", err
	}
	report, err := app.VerifyAudit(ctx, app.AuditFiles{Data: filepath.Join(s.dir, dataDir)})
	if err != nil {
		return "", err
	}
	if first, bad := report.First(); bad {
		return "", errors.New(first.String())
	}
	if report.Entries < 8 || report.Heads == 0 {
		return "", fmt.Errorf("only %d entries and %d signed heads", report.Entries, report.Heads)
	}
	return fmt.Sprintf("%d entries agree with %d signed heads, offline", report.Entries, report.Heads), nil
}
