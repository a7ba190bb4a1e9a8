package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// Paths at WeChat that the story counts.
const exchangePath = "/sns/oauth2/access_token"

// begin opens the login in a clean WeChat browser and gives the link to WeChat.
func (s *story) begin(ctx context.Context) (*browser, string, error) {
	b := newBrowser(s.url, phone)
	left, err := b.open(ctx, "/login?shop="+shopID)
	if err != nil {
		return nil, "", err
	}
	if !strings.HasPrefix(left.Location, s.simURL.String()+"/connect/oauth2/authorize?") {
		return nil, "", fmt.Errorf("the login did not lead to WeChat (status %d)", left.Status)
	}
	return b, left.Location, nil
}

// turnedAway checks that a callback got nobody in and asked WeChat for no token.
func (s *story) turnedAway(ctx context.Context, b *browser, callback string, exchanges int) (int, error) {
	last := s.lastSeq()
	p, err := b.open(ctx, callback)
	if err != nil {
		return 0, err
	}
	if p.Status < 400 {
		return p.Status, fmt.Errorf("the callback was answered with %d at %s", p.Status, p.URL.Path)
	}
	if n := len(s.sim.LedgerSince(last, exchangePath)); n != exchanges {
		return p.Status, fmt.Errorf("WeChat was asked for a token %d times, want %d", n, exchanges)
	}
	home, err := b.open(ctx, "/")
	if err != nil {
		return p.Status, err
	}
	if home.has("蓝天文具店") {
		return p.Status, errors.New("the browser is logged in all the same")
	}
	return p.Status, nil
}

// refusal plays both ways in which a person says no: WeChat tells nobody, or
// comes back without a code.
func (s *story) refusal(ctx context.Context) (string, error) {
	if err := s.refusals("none"); err != nil {
		return "", err
	}
	_, link, err := s.begin(ctx)
	if err != nil {
		return "", err
	}
	if callback, err := s.sim.Visit(ctx, "customer", link, wechatsim.Refuse); !errors.Is(err, wechatsim.ErrNoCallback) {
		return "", fmt.Errorf("a refusal led to a callback (%t) or failed: %w", callback != "", err)
	}
	if err := s.refusals("state_only"); err != nil {
		return "", err
	}
	b, link, err := s.begin(ctx)
	if err != nil {
		return "", err
	}
	callback, err := s.sim.Visit(ctx, "customer", link, wechatsim.Refuse)
	if err != nil {
		return "", err
	}
	status, err := s.turnedAway(ctx, b, callback, 0)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("with a callback: status %d and no token asked for; without one: nothing waits for it", status), nil
}

// refusals chooses what WeChat does when a person refuses.
func (s *story) refusals(how string) error {
	return s.sim.SetSwitches(func(sw *wechatsim.Switches) { sw.RefusalCallback = how })
}

// reusedCode brings a code that was used into a login of another browser.
func (s *story) reusedCode(ctx context.Context) (string, error) {
	used := s.code
	b, link, err := s.begin(ctx)
	if err != nil {
		return "", err
	}
	callback, err := s.callbackWith(link, used)
	if err != nil {
		return "", err
	}
	status, err := s.turnedAway(ctx, b, callback, 0)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("status %d; WeChat was not asked again", status), nil
}

// callbackWith is the callback of the login that link began, with a chosen code.
func (s *story) callbackWith(link, code string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", err
	}
	q := u.Query()
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), nil
}

// foreignState brings a callback that one browser began into another one, as
// login CSRF does.
func (s *story) foreignState(ctx context.Context) (string, error) {
	_, link, err := s.begin(ctx)
	if err != nil {
		return "", err
	}
	callback, err := s.sim.Visit(ctx, "owner", link, wechatsim.Agree)
	if err != nil {
		return "", err
	}
	status, err := s.turnedAway(ctx, newBrowser(s.url, phone), callback, 0)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("status %d and no token asked for", status), nil
}

// snapshot plays a visitor of WeChat's snapshot page, who is nobody.
func (s *story) snapshot(ctx context.Context) (string, error) {
	b, link, err := s.begin(ctx)
	if err != nil {
		return "", err
	}
	callback, err := s.sim.Visit(ctx, "guest", link, wechatsim.Agree)
	if err != nil {
		return "", err
	}
	var before, after struct{ Items []struct{ ID string } }
	if err := s.ask(ctx, "GET", "/v1/sessions", nil, &before); err != nil {
		return "", err
	}
	status, err := s.turnedAway(ctx, b, callback, 1)
	if err != nil {
		return "", err
	}
	if err := s.ask(ctx, "GET", "/v1/sessions", nil, &after); err != nil {
		return "", err
	}
	if len(before.Items) != len(after.Items) {
		return "", errors.New("a snapshot user got a session")
	}
	return fmt.Sprintf("status %d; no person, no session, no grant was made", status), nil
}

// sessionsEnded checks that the owner is logged in nowhere any more.
func (s *story) sessionsEnded(ctx context.Context) error {
	var all struct{ Items []adminapi.SessionView }
	if err := s.ask(ctx, "GET", "/v1/sessions?person="+s.person, nil, &all); err != nil {
		return err
	}
	if len(all.Items) < 2 {
		return fmt.Errorf("only %d sessions of the owner are known", len(all.Items))
	}
	for _, v := range all.Items {
		if v.Live {
			return fmt.Errorf("session %s is still live", v.ID)
		}
	}
	return nil
}

// revoke has the owner withdraw, which ends the shop's grant too in this
// manifest. That takes a fresh proof of who they are.
func (s *story) revoke(ctx context.Context) (string, error) {
	left, err := s.owner.open(ctx, "/login?prove=1&rd=/withdraw")
	if err != nil {
		return "", err
	}
	asked, err := s.return_(ctx, s.owner, "owner", left.Location)
	if err != nil {
		return "", err
	}
	if _, err := s.owner.submit(ctx, asked, "/withdraw", nil); err != nil {
		return "", err
	}
	last := s.lastSeq()
	status, _, answer, err := s.gatewayCall(ctx, "/channels/ec/basics/info/get", "")
	if err != nil {
		return "", err
	}
	if status != http.StatusForbidden {
		return "", fmt.Errorf("a call after the withdrawal was answered with %d: %s", status, answer)
	}
	if n := len(s.sim.LedgerSince(last)); n != 0 {
		return "", fmt.Errorf("WeChat was asked %d times after the withdrawal", n)
	}
	if err := s.sessionsEnded(ctx); err != nil {
		return "", err
	}
	for _, kind := range []string{"self", "user"} {
		g, err := s.grantOf(ctx, kind)
		if err != nil {
			return "", err
		}
		if g.State != "revoked" || g.AccessExpires != nil {
			return "", fmt.Errorf("the %s grant is %s and keeps tokens: %t", kind, g.State, g.AccessExpires != nil)
		}
	}
	return fmt.Sprintf("the owner withdrew; both grants are revoked, tokens deleted, calls answered with %d, sessions ended", status), nil
}
