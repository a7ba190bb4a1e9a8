package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

var (
	agency    = access.App{ID: "agency", AppID: "wx00000000000000c1"}
	platform1 = secret.FromString("component-token-1")
)

const authorizer = "wx00000000000000b1"

// sent is what a request to WeChat carried.
type sent struct {
	path, token string
	body        map[string]any
}

// answering answers by path, and remembers what was sent.
func answering(answers map[string]string, requests *[]sent) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		s := sent{path: r.URL.Path, token: r.URL.Query().Get("access_token")}
		if r.Body != nil {
			text, err := io.ReadAll(r.Body)
			if err != nil || json.Unmarshal(text, &s.body) != nil {
				return nil, errors.New("no JSON was sent")
			}
		}
		*requests = append(*requests, s)
		key := r.URL.Path
		if offset, ok := s.body["offset"]; ok {
			key = fmt.Sprint(key, "#", offset)
		}
		answer, ok := answers[key]
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
		return says(200, answer)(r)
	}
}

func TestComponentOverTheWire(t *testing.T) {
	var requests []sent
	p := overWire(t, answering(map[string]string{
		"/cgi-bin/component/api_component_token": `{"component_access_token":"token-000001","expires_in":7200}`,
		"/cgi-bin/component/api_authorizer_token": `{"authorizer_access_token":"token-000002","expires_in":7200,` +
			`"authorizer_refresh_token":"user-refresh-2"}`,
		componentProbePath: `{"ip_list":["192.0.2.1"]}`,
	}, &requests))
	ans, err := p.Component(t.Context(), agency, secret.FromString("app-secret"), secret.FromString("ticket-1"))
	if err != nil || ans.Access.RevealString() != "token-000001" || ans.ExpiresIn != 2*time.Hour || !ans.Refresh.IsZero() {
		t.Errorf("platform: %+v, %v", ans, err)
	}
	ans, err = p.RefreshAuthorizer(t.Context(), agency, platform1, authorizer, secret.FromString("user-refresh-1"))
	if err != nil || ans.Access.RevealString() != "token-000002" || ans.Refresh.RevealString() != "user-refresh-2" || ans.ExpiresIn != 2*time.Hour {
		t.Errorf("account: %+v, %v", ans, err)
	}
	if dead, err := p.ProbeComponent(t.Context(), agency, platform1); dead || err != nil {
		t.Errorf("probe: dead %v, %v", dead, err)
	}
	if len(requests) != 3 {
		t.Fatalf("%d requests", len(requests))
	}
	if b := requests[0].body; requests[0].token != "" || b["component_appid"] != agency.AppID || b["component_verify_ticket"] != "ticket-1" {
		t.Errorf("for the platform's token went %v", b)
	}
	if b := requests[1].body; requests[1].token != "component-token-1" || b["authorizer_appid"] != authorizer || b["authorizer_refresh_token"] != "user-refresh-1" {
		t.Errorf("for the account's token went %v", b)
	}
	if requests[2].path != componentProbePath || requests[2].token != "component-token-1" {
		t.Errorf("the probe went to %s", requests[2].path)
	}
	if _, err = p.RefreshAuthorizer(t.Context(), agency, platform1, authorizer, secret.Value{}); err == nil || len(requests) != 3 {
		t.Errorf("an empty refresh token was sent (%v)", err)
	}
}

// TestFindRefreshOverTheWire: which of WeChat's two words about an account counts.
// That it is not authorised must be said twice, and by a list without holes.
func TestFindRefreshOverTheWire(t *testing.T) {
	const (
		info   = "/cgi-bin/component/api_get_authorizer_info"
		list   = "/cgi-bin/component/api_get_authorizer_list#0"
		second = "/cgi-bin/component/api_get_authorizer_list#2"
	)
	const (
		named   = `{"authorizer_info":{"store_info":{}},"authorization_info":{"authorizer_appid":"wx00000000000000b1","authorizer_refresh_token":"user-refresh-2"}}`
		unnamed = `{"authorizer_info":{"store_info":{}},"authorization_info":{}}`
		denied  = `{"errcode":61003,"errmsg":"component is not authorized by this account"}`
		others  = `{"total_count":2,"list":[{"authorizer_appid":"wx00000000000000b2","refresh_token":"x"},{"authorizer_appid":"wx00000000000000b3","refresh_token":"y"}]}`
		more    = `{"total_count":3,"list":[{"authorizer_appid":"wx00000000000000b2","refresh_token":"x"},{"authorizer_appid":"wx00000000000000b3","refresh_token":"y"}]}`
		rest    = `{"total_count":3,"list":[{"authorizer_appid":"wx00000000000000b1","refresh_token":"user-refresh-3","auth_time":1700000000}]}`
		bare    = `{"total_count":1,"list":[{"authorizer_appid":"wx00000000000000b1"}]}`
		holes   = `{"total_count":1,"list":[{"refresh_token":"x"}]}`
		nobody  = `{"total_count":0,"list":[]}`
		busy    = `{"errcode":-1,"errmsg":"system error"}`
	)
	tests := []struct {
		name       string
		answers    map[string]string
		refresh    string
		authorised bool
		cause      string
		requests   int
	}{
		{"the account names it", map[string]string{info: named}, "user-refresh-2", true, "", 1},
		{"the list names it", map[string]string{info: unnamed, list: more, second: rest}, "user-refresh-3", true, "", 3},
		{"nobody names it", map[string]string{info: unnamed, list: bare}, "", true, "", 2},
		{"not in the list, but known", map[string]string{info: unnamed, list: others}, "", true, "", 2},
		{"denied, and in the list", map[string]string{info: denied, list: more, second: rest}, "user-refresh-3", true, "", 3},
		{"denied, and in the list without it", map[string]string{info: denied, list: bare}, "", true, "", 2},
		{"denied twice", map[string]string{info: denied, list: others}, "", false, "", 2},
		{"denied, and the list is empty", map[string]string{info: denied, list: nobody}, "", false, "", 2},
		{"denied, and the list has holes", map[string]string{info: denied, list: holes}, "", false, grant.CauseMalformed, 2},
		{"denied, and the list is lost", map[string]string{info: denied}, "", false, grant.CauseUnknown, 2},
		{"denied, and the second page is lost", map[string]string{info: denied, list: more}, "", false, grant.CauseUnknown, 3},
		{"denied, and the list is busy", map[string]string{info: denied, list: busy}, "", false, "busy", 2},
		{"busy", map[string]string{info: busy, list: rest}, "", false, "busy", 1},
		{"nothing", nil, "", false, grant.CauseUnknown, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var requests []sent
			p := overWire(t, answering(tt.answers, &requests))
			refresh, authorised, err := p.FindRefresh(t.Context(), agency, platform1, authorizer)
			cause := ""
			if err != nil {
				cause = reactTo(grant.ISV, asFailure(err)).cause
			}
			if refresh.RevealString() != tt.refresh || authorised != tt.authorised || cause != tt.cause || len(requests) != tt.requests {
				t.Errorf("refresh token %v, authorised %v, %q after %d requests (%v)", !refresh.IsZero(), authorised, cause, len(requests), err)
			}
			for _, s := range requests {
				if s.token != "component-token-1" || s.body["component_appid"] != agency.AppID {
					t.Errorf("%s went without the platform", s.path)
				}
			}
			if err != nil && strings.Contains(err.Error(), "component-token-1") {
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

// TestComponentProbeOverTheWire: only WeChat's own word about the token proves it
// dead.
func TestComponentProbeOverTheWire(t *testing.T) {
	for body, want := range map[string]struct{ dead, unclear bool }{
		`{"errcode":40001,"errmsg":"invalid credential"}`:   {true, false},
		`{"errcode":42001,"errmsg":"access_token expired"}`: {true, false},
		`{"errcode":-1,"errmsg":"system error"}`:            {false, true},
		`{"errcode":48001,"errmsg":"api unauthorized"}`:     {false, true},
		`<html>please log in</html>`:                        {false, true},
	} {
		dead, err := overWire(t, says(200, body)).ProbeComponent(t.Context(), agency, platform1)
		if dead != want.dead || (err != nil) != want.unclear {
			t.Errorf("%s: dead %v, %v", body, dead, err)
		}
	}
}

// TestNoClientForPlatform: a wrong setting of the platform is not an unknown
// outcome.
func TestNoClientForPlatform(t *testing.T) {
	p := WeChat{Client: func(access.App) (*wechat.Client, error) { return nil, errors.New("egress is not an address") }}
	ctx, none := context.Background(), secret.Value{}
	for name, call := range map[string]func() error{
		"component": func() error { _, err := p.Component(ctx, agency, none, none); return err },
		"refresh":   func() error { _, err := p.RefreshAuthorizer(ctx, agency, none, authorizer, none); return err },
		"find":      func() error { _, _, err := p.FindRefresh(ctx, agency, none, authorizer); return err },
		"probe":     func() error { _, err := p.ProbeComponent(ctx, agency, none); return err },
	} {
		if f := asFailure(call()); f.Outcome != wechat.OutcomeNotSent {
			t.Errorf("%s: outcome %s", name, f.Outcome)
		}
	}
}
