package keeper

import (
	"context"
	"errors"
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

// roundTrip is a transport that answers by itself.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func overWire(t *testing.T, f roundTrip) WeChat {
	t.Helper()
	return WeChat{Client: func(access.App) (*wechat.Client, error) {
		return wechat.New(wechat.Config{Transport: f})
	}}
}

func says(status int, body string) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func TestOverTheWire(t *testing.T) {
	app := access.App{AppID: "wx00000000000000a1"}
	p := overWire(t, says(200, `{"access_token":"token-000001","expires_in":7200}`))
	ans, err := p.Stable(t.Context(), app, secret.FromString("app-secret"), false)
	if err != nil || ans.Access.RevealString() != "token-000001" || ans.ExpiresIn != 2*time.Hour {
		t.Errorf("stable: %+v, %v", ans, err)
	}
	p = overWire(t, says(200, `{"access_token":"token-000002","expires_in":7200,"refresh_token":"refresh-2",`+
		`"openid":"o_demo_owner_0001","scope":"snsapi_base"}`))
	ans, err = p.RefreshUser(t.Context(), app, secret.FromString("user-refresh"))
	if err != nil || ans.OpenID != "o_demo_owner_0001" || ans.Refresh.RevealString() != "refresh-2" {
		t.Errorf("refresh: %+v, %v", ans, err)
	}
}

func TestWireFailures(t *testing.T) {
	tests := []struct {
		name string
		f    roundTrip
		want reaction
	}{
		{"ip", says(200, `{"errcode":40164,"errmsg":"invalid ip 192.0.2.7, not in whitelist rid: 6350ba59-531186f6-55662d08"}`),
			reaction{do: stop, cause: "ip_not_listed"}},
		{"403", says(403, "<html>Forbidden</html>"), reaction{do: stop, cause: "ip_not_listed"}},
		{"502", says(502, "<html>Bad Gateway</html>"), reaction{do: again, cause: grant.CauseUnknown}},
		{"cut", says(200, `{"access_token":"tok`), reaction{do: again, cause: grant.CauseUnknown}},
		{"no life", says(200, `{"access_token":"token-000001","expires_in":0}`), reaction{do: again, cause: grant.CauseUnknown}},
		{"busy", says(200, `{"errcode":-1,"errmsg":"system error"}`), reaction{do: again, cause: "busy"}},
		{"lost", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
			reaction{do: again, cause: grant.CauseUnknown}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := overWire(t, tt.f).Stable(t.Context(), access.App{AppID: "wx00000000000000a1"}, secret.FromString("app-secret-1"), false)
			f, ok := errors.AsType[*Failure](err)
			if !ok {
				t.Fatalf("not a failure: %v", err)
			}
			if got := reactTo(grant.Self, f); got != tt.want {
				t.Errorf("%+v leads to %+v, want %+v", f, got, tt.want)
			}
			if strings.Contains(err.Error(), "app-secret-1") {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}

// TestProbeOverTheWire: only WeChat's own word about the token proves it dead.
func TestProbeOverTheWire(t *testing.T) {
	tests := []struct {
		name    string
		f       roundTrip
		dead    bool
		unclear bool
	}{
		{"fine", says(200, `{"errcode":0,"errmsg":"ok","info":{"nickname":"x"}}`), false, false},
		{"40001", says(200, `{"errcode":40001,"errmsg":"invalid credential"}`), true, false},
		{"40014", says(200, `{"errcode":40014,"errmsg":"invalid access_token"}`), true, false},
		{"42001", says(200, `{"errcode":42001,"errmsg":"access_token expired"}`), true, false},
		{"busy", says(200, `{"errcode":-1,"errmsg":"system error"}`), false, true},
		{"no right", says(200, `{"errcode":48001,"errmsg":"api unauthorized"}`), false, true},
		{"odd code", says(200, `{"errcode":99999,"errmsg":"?"}`), false, true},
		{"403", says(403, "<html>Forbidden</html>"), false, true},
		{"HTML", says(200, "<html>please log in</html>"), false, true},
		{"lost", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dead, err := overWire(t, tt.f).Probe(t.Context(), access.App{AppID: "wx00000000000000a1"}, secret.FromString("token-000001"))
			if dead != tt.dead || (err != nil) != tt.unclear {
				t.Errorf("dead %v, %v", dead, err)
			}
			if err != nil && strings.Contains(err.Error(), "token-000001") {
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

// TestProbeIsARead: GET of the shop's own basic facts, with the token.
func TestProbeIsARead(t *testing.T) {
	var got *http.Request
	p := overWire(t, func(r *http.Request) (*http.Response, error) { got = r; return says(200, `{"errcode":0}`)(r) })
	if _, err := p.Probe(t.Context(), access.App{}, secret.FromString("token-000001")); err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodGet || got.URL.Path != probePath || got.URL.Query().Get("access_token") != "token-000001" {
		t.Errorf("sent %s %s", got.Method, got.URL.Path)
	}
}

// TestNoClientSendsNothing: a wrong setting of an app is not an unknown
// outcome.
func TestNoClientSendsNothing(t *testing.T) {
	p := WeChat{Client: func(access.App) (*wechat.Client, error) { return nil, errors.New("egress is not an address") }}
	for _, call := range []func() (Answer, error){
		func() (Answer, error) { return p.Stable(context.Background(), access.App{}, secret.Value{}, false) },
		func() (Answer, error) { return p.RefreshUser(context.Background(), access.App{}, secret.Value{}) },
		func() (Answer, error) {
			_, err := p.Probe(context.Background(), access.App{}, secret.Value{})
			return Answer{}, err
		},
	} {
		_, err := call()
		if f := asFailure(err); f.Outcome != wechat.OutcomeNotSent {
			t.Errorf("outcome %s", f.Outcome)
		}
	}
}
