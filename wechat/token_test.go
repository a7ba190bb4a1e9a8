package wechat_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

func TestTokensAndGrantsDoNotPrint(t *testing.T) {
	v := secret.FromString("bait-token")
	for _, x := range []any{
		wechat.UserToken{Value: v}, wechat.UserRefreshToken{Value: v}, wechat.ShopToken{Value: v}, wechat.ComponentToken{Value: v},
		wechat.ShopGrant{Token: wechat.ShopToken{Value: v}},
		&wechat.UserGrant{AccessToken: wechat.UserToken{Value: v}, RefreshToken: wechat.UserRefreshToken{Value: v}},
		wechat.Request{Token: wechat.ShopToken{Value: v}, Secrets: []secret.Value{v}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%q"} {
			noBait(t, fmt.Sprintf(verb, x))
		}
		b, _ := json.Marshal(x)
		noBait(t, string(b))
	}
}

// The one-shot GET carries a body that is none. Neither HTTP/1.1 nor HTTP/2 may
// show it.
func TestAOneShotGetLooksLikeAnyOther(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n, err := io.Copy(io.Discard, r.Body); n != 0 || err != nil || r.ContentLength > 0 || len(r.TransferEncoding) != 0 {
				t.Errorf("%s: %d bytes, length %d, encoding %v, %v", r.Proto, n, r.ContentLength, r.TransferEncoding, err)
			}
			if (r.ProtoMajor == 2) != h2 {
				t.Errorf("spoke %s", r.Proto)
			}
			if r.Host == "" || r.Header.Get("Content-Type") != "" {
				t.Errorf("host %q, header %v", r.Host, r.Header)
			}
			io.WriteString(w, grantBody)
		}))
		s.EnableHTTP2 = h2
		s.StartTLS()
		c, err := wechat.New(wechat.Config{Transport: s.Client().Transport, Hosts: wechat.Hosts{API: []string{s.URL}}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			g, err := c.ExchangeCode(t.Context(), appID, secret.FromString(appSecret), secret.FromString(loginCode))
			if err != nil || g.OpenID != openID || !strings.HasPrefix(g.AccessToken.RevealString(), "A-") {
				t.Errorf("h2 %v: %v", h2, err)
			}
		}
		s.Close()
	}
}
