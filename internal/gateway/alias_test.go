package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
)

var maker = alias.New(func(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, []byte(purpose))
	h.Write(data)
	return h.Sum(nil)
})

func withAliases(c *Config) { c.Aliases = maker }

// aliasOf is an alias for a shop, as its client was given it.
func (r *rig) aliasOf(key, shop string) string {
	text, _ := maker.Make(alias.Name{Kind: alias.Shop, KeyHash: string(access.HashKey(key)), ID: shop}, r.clock())
	return text.RevealString()
}

// refusal is an error in WeChat's shape.
type refusal struct {
	ErrCode *int   `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

func (r *rig) refused(t *testing.T, method, url string) (int, refusal, http.Header) {
	t.Helper()
	a := r.do(t, method, "", url, "")
	var got refusal
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.ErrCode == nil {
		t.Fatalf("%s %s: %d %q is no error of WeChat's", method, url, a.StatusCode, a.body)
	}
	return a.StatusCode, got, a.Header
}

// TestAnAliasIsReplaced: WeChat gets the shop's token and nothing of the alias.
func TestAnAliasIsReplaced(t *testing.T) {
	var got *http.Request
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		got = req
		body, _ := io.ReadAll(req.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok","sent":"`+string(body)+`"}`)
	}, withAliases)
	text := r.aliasOf(writeKey, "lantian")
	for _, query := range []string{"?access_token=" + text, "?debug=1&access_token=" + text, "?access_token=" + text + "&debug=1"} {
		a := r.do(t, http.MethodPost, "", readPath+query, "hello")
		if a.StatusCode != http.StatusOK || !strings.Contains(a.body, `"sent":"hello"`) {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		if q := got.URL.Query(); got.URL.Path != readPath || q.Get(tokenKey) != tokenOf(0).RevealString() || len(q[tokenKey]) != 1 {
			t.Errorf("WeChat got %s", got.URL)
		}
		if strings.Contains(got.URL.String(), text) || got.Header.Get("Authorization") != "" {
			t.Error("the alias was passed on")
		}
	}
	r.clean(t)
	if strings.Contains(r.log.String(), text) || !strings.Contains(r.log.String(), RootPattern) {
		t.Errorf("the log: %s", r.log.String())
	}
}

// TestAliasesAreAdmittedAsKeysAre: the same rules, in WeChat's shape.
func TestAliasesAreAdmittedAsKeysAre(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("WeChat was asked") }, withAliases)
	platform, _ := maker.Make(alias.Name{Kind: alias.Platform, KeyHash: string(access.HashKey(writeKey)), ID: "platform"}, r.clock())
	good := r.aliasOf(writeKey, "lantian")
	for name, tt := range map[string]struct {
		method, url string
		want        int
		cause       string
	}{
		"none":                    {"GET", readPath, 41001, "alias-missing"},
		"an empty one":            {"GET", readPath + "?access_token=", 41001, "alias-missing"},
		"a real token":            {"GET", readPath + "?access_token=" + tokenOf(0).RevealString(), 40001, "alias-unknown"},
		"a client key":            {"GET", readPath + "?access_token=" + writeKey, 40001, "alias-unknown"},
		"two":                     {"GET", readPath + "?access_token=" + good + "&access_token=" + good, 40001, "alias-unknown"},
		"another spelling":        {"GET", readPath + "?access_token=" + good + "&component_access_token=x", 40001, "alias-unknown"},
		"a client that ended":     {"GET", readPath + "?access_token=" + r.aliasOf(endedKey, "lantian"), 40001, "key-unknown"},
		"a client that never was": {"GET", readPath + "?access_token=" + r.aliasOf("zgc_NOBODY", "lantian"), 40001, "key-unknown"},
		"another's shop":          {"GET", readPath + "?access_token=" + r.aliasOf(writeKey, "baiyun"), 48001, "shop-not-held"},
		"no shop":                 {"GET", readPath + "?access_token=" + r.aliasOf(writeKey, "nowhere"), 48001, "shop-not-held"},
		"a platform's":            {"GET", readPath + "?access_token=" + platform.RevealString(), 48001, "alias-of-platform"},
		"a closed path":           {"POST", "/cgi-bin/openapi/rid/get?access_token=" + good, 48001, "path-closed"},
		"a key that reads":        {"POST", writePath + "?access_token=" + r.aliasOf(readKey, "lantian"), 48001, "read-only"},
		"another method":          {"PUT", readPath + "?access_token=" + good, 43002, "method"},
		"an untidy path":          {"GET", "/cgi-bin//x?access_token=" + good, 40066, "target"},
		"an encoded path":         {"GET", "/channels/ec/order%2Fget?access_token=" + good, 40066, "target"},
		"dots":                    {"GET", "/cgi-bin/../sns/userinfo?access_token=" + good, 40066, "target"},
		"an odd query":            {"GET", readPath + "?a;b&access_token=" + good, 40066, "target"},
	} {
		t.Run(name, func(t *testing.T) {
			status, got, header := r.refused(t, tt.method, tt.url)
			if status != http.StatusOK || *got.ErrCode != tt.want || header.Get(headerCause) != tt.cause {
				t.Errorf("%d, errcode %d, cause %s: %s", status, *got.ErrCode, header.Get(headerCause), got.ErrMsg)
			}
			if !strings.Contains(got.ErrMsg, " rid: ") || header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%q, %v", got.ErrMsg, header)
			}
			r.clean(t, got.ErrMsg)
		})
	}
}

func TestAnAliasEnds(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("WeChat was asked") }, withAliases)
	text := r.aliasOf(writeKey, "lantian")
	r.advance(alias.Life)
	if _, got, _ := r.refused(t, "GET", readPath+"?access_token="+text); *got.ErrCode != 42001 {
		t.Errorf("errcode %d", *got.ErrCode)
	}
}

// TestARevokedKeyEndsItsAliases: within the second that everything else takes.
func TestARevokedKeyEndsItsAliases(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"errcode":0}`) }, withAliases)
	url := readPath + "?access_token=" + r.aliasOf(writeKey, "lantian")
	if a := r.do(t, "GET", "", url, ""); a.StatusCode != http.StatusOK || a.Header.Get(headerErrcode) != "0" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	r.store.with(func(s *fakeStore) {
		c := s.clients[string(access.HashKey(writeKey))]
		c.RevokedAt = r.clock()
		s.clients[string(access.HashKey(writeKey))] = c
	})
	r.advance(time.Second)
	if _, got, _ := r.refused(t, "GET", url); *got.ErrCode != 40001 {
		t.Errorf("errcode %d", *got.ErrCode)
	}
}

// TestWhatIsUnknownIsNoBusyAnswer: SDKs repeat -1, so it stands only where nothing
// was sent.
func TestWhatIsUnknownIsNoBusyAnswer(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, withAliases)
	url := writePath + "?access_token=" + r.aliasOf(writeKey, "lantian")
	if status, got, _ := r.refused(t, "POST", url); status != http.StatusBadGateway || *got.ErrCode != -502 {
		t.Errorf("cut: %d, errcode %d", status, *got.ErrCode)
	}
	r.tokens.err = &TokenError{Reason: ErrNotYet, RetryAfter: 3 * time.Second}
	status, got, header := r.refused(t, "POST", url)
	if status != http.StatusOK || *got.ErrCode != -1 || header.Get("Retry-After") != "3" {
		t.Errorf("no token: %d, errcode %d, %v", status, *got.ErrCode, header)
	}
}

// TestWhoLeavesIsNotToldToRepeat: a caller may close its half of the connection and
// still read. Its call was cut off, and WeChat may have carried it out.
func TestWhoLeavesIsNotToldToRepeat(t *testing.T) {
	arrived := make(chan struct{})
	r := newRig(t, func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		close(arrived)
		<-req.Context().Done()
	}, withAliases)
	conn := dial(t, r, "POST "+writePath+"?access_token="+r.aliasOf(writeKey, "lantian")+" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	<-arrived
	_ = conn.CloseWrite()
	got, _ := io.ReadAll(conn)
	if s := string(got); !strings.HasPrefix(s, "HTTP/1.1 499 ") || !strings.Contains(s, `"errcode":-499,`) || !strings.Contains(s, "may have been carried out") {
		t.Errorf("%s", s)
	}
}

func TestWithoutAliasesNoneIsGood(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) { t.Error("WeChat was asked") })
	if _, got, _ := r.refused(t, "GET", readPath+"?access_token="+r.aliasOf(writeKey, "lantian")); *got.ErrCode != 40001 {
		t.Errorf("errcode %d", *got.ErrCode)
	}
}

// FuzzAliasIn: whatever a query looks like, what is taken for the alias is the one
// token in it, and nothing of it is left for WeChat.
func FuzzAliasIn(f *testing.F) {
	for _, raw := range []string{"access_token=zgt_A", "a=1&access_token=zgt_A&b=2", "access_token=zgt_A&Access-Token=x", "access_token=%7Agt", "&&access_token=a&", "access_token"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		text, err := aliasIn(raw)
		if err != nil {
			return
		}
		values, parseErr := url.ParseQuery(raw)
		if got := values[tokenKey]; parseErr == nil && (len(got) != 1 || got[0] != text) {
			t.Errorf("%q: took %q, others read %q", raw, text, got)
		}
		left, err := rebuildQuery(raw)
		if err != nil {
			return
		}
		for key := range must(url.ParseQuery(left)) {
			if isTokenKey(key) {
				t.Errorf("%q: %q is left", raw, left)
			}
		}
	})
}

func must(v url.Values, err error) url.Values {
	if err != nil {
		panic(err)
	}
	return v
}
