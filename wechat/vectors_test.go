package wechat_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// loadVectors reads one file of samples. No file, an unknown field or an
// empty list is a failure: a test over nothing proves nothing.
func loadVectors[T any](t *testing.T, name string) []T {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	var list []T
	if err := dec.Decode(&list); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(list) == 0 {
		t.Fatalf("%s holds no vectors", name)
	}
	return list
}

// answerVectors are the samples of both files: of a login's and a shop's calls,
// and of a third-party platform's.
func answerVectors(t *testing.T) []answerVector {
	t.Helper()
	return append(loadVectors[answerVector](t, "answers.json"), loadVectors[answerVector](t, "platform_answers.json")...)
}

// exchangeVectors are the samples of both files.
func exchangeVectors(t *testing.T) []exchangeVector {
	t.Helper()
	return append(loadVectors[exchangeVector](t, "exchanges.json"), loadVectors[exchangeVector](t, "platform_exchanges.json")...)
}

func TestVectorNamesAreUnique(t *testing.T) {
	names := map[string][]string{}
	for _, v := range loadVectors[linkVector](t, "links.json") {
		names["links"] = append(names["links"], v.Name)
	}
	for _, v := range answerVectors(t) {
		names["answers"] = append(names["answers"], v.Name)
	}
	for _, v := range exchangeVectors(t) {
		names["exchanges"] = append(names["exchanges"], v.Name)
	}
	for file, list := range names {
		slices.Sort(list)
		if n := len(slices.Compact(slices.Clone(list))); n != len(list) {
			t.Errorf("%s: %d names for %d vectors", file, n, len(list))
		}
	}
}

type linkVector struct {
	Name                string `json:"name"`
	Door                string `json:"door"`
	AppKind             string `json:"app_kind"`
	AppID               string `json:"appid"`
	CallbackDomain      string `json:"callback_domain"`
	Loopback            bool   `json:"loopback"`
	RedirectURI         string `json:"redirect_uri"`
	Scope               string `json:"scope"`
	State               string `json:"state"`
	ForcePopup          bool   `json:"force_popup"`
	ForceSnapshot       bool   `json:"force_snapshot"`
	ConnectRedirect     bool   `json:"connect_redirect"`
	Lang                string `json:"lang"`
	ComponentAppID      string `json:"component_appid"`
	ComponentAuthorised bool   `json:"component_authorised"`
	URL                 string `json:"url"`
	Build               bool   `json:"build"`
	PageError           int    `json:"page_error"`
	PageText            string `json:"page_text"`
	Note                string `json:"note"`
}

// link builds the link from the vector's fields.
func (v *linkVector) link(c *wechat.Client) (string, error) {
	if v.Door == "qrconnect" {
		if v.Scope != string(wechat.ScopeLogin) {
			return "", errors.New("this door has one scope, the client cannot ask for another")
		}
		return c.QRConnectURL(wechat.QRConnectRequest{
			AppID: v.AppID, RedirectURI: v.RedirectURI, State: v.State, Lang: v.Lang, Loopback: v.Loopback,
		})
	}
	return c.AuthorizeURL(wechat.AuthorizeRequest{
		AppID: v.AppID, RedirectURI: v.RedirectURI, Scope: wechat.Scope(v.Scope), State: v.State,
		ForcePopup: v.ForcePopup, ForceSnapshot: v.ForceSnapshot, ComponentAppID: v.ComponentAppID,
		ConnectRedirect: v.ConnectRedirect, Loopback: v.Loopback,
	})
}

func TestLinkVectors(t *testing.T) {
	c := newClient(t, nil)
	for _, v := range loadVectors[linkVector](t, "links.json") {
		t.Run(v.Name, func(t *testing.T) {
			got, err := v.link(c)
			if v.Build {
				if err != nil || got != v.URL {
					t.Errorf("error %v\n got %s\nwant %s", err, got, v.URL)
				}
				return
			}
			if got == v.URL {
				t.Errorf("the client built a link that WeChat refuses with %d", v.PageError)
			}
			if err != nil && got != "" {
				t.Errorf("a link came with an error: %s", got)
			}
		})
	}
}

func TestPageErrorsOfVectorsHaveExplanations(t *testing.T) {
	for _, v := range loadVectors[linkVector](t, "links.json") {
		if v.PageError > 0 && wechat.Explain(wechat.KindAuthorizePage, v.PageError).Class == wechat.ClassUnknown {
			t.Errorf("%s: page error %d has no row", v.Name, v.PageError)
		}
	}
}

type answerVector struct {
	Name        string         `json:"name"`
	Endpoint    string         `json:"endpoint"`
	Status      int            `json:"status"`
	ContentType string         `json:"content_type"`
	Body        string         `json:"body"`
	BodyBase64  string         `json:"body_base64"`
	Want        map[string]any `json:"want"`
	Error       *answerError   `json:"error"`
	Note        string         `json:"note"`
}

type answerError struct {
	Code       int    `json:"code"`
	Class      string `json:"class"`
	RID        string `json:"rid"`
	Outcome    string `json:"outcome"`
	Malformed  bool   `json:"malformed"`
	IP         string `json:"ip"`
	HTTPStatus int    `json:"http_status"`
}

// bytes returns the exact body.
func (v *answerVector) bytes(t *testing.T) []byte {
	t.Helper()
	if v.BodyBase64 == "" {
		return []byte(v.Body)
	}
	b, err := base64.StdEncoding.DecodeString(v.BodyBase64)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnswerVectors(t *testing.T) {
	for _, v := range answerVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			if (v.Want == nil) == (v.Error == nil) {
				t.Fatal("a vector has exactly one of want and error")
			}
			c := newClient(t, answering(v.Status, v.ContentType, bytes.NewReader(v.bytes(t))))
			got, err := ask(t, c, v.Endpoint)
			if v.Error == nil {
				if diff := cmp.Diff(v.Want, got); err != nil || diff != "" {
					t.Errorf("error %v, fields (-want +got):\n%s", err, diff)
				}
				return
			}
			if diff := cmp.Diff(v.Error, describe(t, err)); diff != "" {
				t.Errorf("error (-want +got):\n%s\n%v", diff, err)
			}
			noBait(t, err.Error())
		})
	}
}

// describe puts an error into the words of the vectors.
func describe(t *testing.T, err error) *answerError {
	t.Helper()
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok {
		t.Fatalf("the error is %T: %v", err, err)
	}
	got := &answerError{
		Code: e.Code, Class: e.Class().String(), RID: e.RID, Outcome: wechat.OutcomeOf(err).String(),
		Malformed: errors.Is(err, wechat.ErrMalformed),
	}
	if e.HTTPStatus != http.StatusOK {
		got.HTTPStatus = e.HTTPStatus
	}
	if ip := e.IP(); ip.IsValid() {
		got.IP = ip.String()
	}
	return got
}

// The streamed call must see the same errcodes as the typed ones, without
// reading the body to its end.
func TestAnswerVectorsByStreaming(t *testing.T) {
	for _, v := range answerVectors(t) {
		body := v.bytes(t)
		head, r := wechat.Peek(bytes.NewReader(body), 0)
		if v.Error != nil && head.Code != v.Error.Code {
			t.Errorf("%s: Peek sees %d, want %d", v.Name, head.Code, v.Error.Code)
		}
		if v.Error == nil && head.Code != 0 {
			t.Errorf("%s: Peek sees %d in a success", v.Name, head.Code)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: the body came out changed (%v)", v.Name, err)
		}
	}
}

type exchangeVector struct {
	Name      string            `json:"name"`
	Method    string            `json:"method"`
	Path      string            `json:"path"`
	Query     []string          `json:"query"`
	Body      map[string]string `json:"body"`
	Constants map[string]string `json:"constants"`
	Token     string            `json:"token"`
	Answer    map[string]string `json:"answer"`
	Optional  map[string]string `json:"optional"`
	Note      string            `json:"note"`
}

// samples are members whose value matters.
var samples = map[string]any{
	"openid":  openID,
	"appid":   appID,
	"ip_list": []string{"203.0.113.7"},
	"data":    map[string]any{"appid": appID, "service_id": 5},
	"authorization_info": map[string]any{
		"authorizer_appid": appID, "authorizer_access_token": "sample-access", "expires_in": 7,
	},
}

// sample returns a value of a type of the vectors.
func sample(t *testing.T, key, kind string) any {
	t.Helper()
	if value, ok := samples[key]; ok {
		return value
	}
	switch kind {
	case "string":
		return "sample-" + key
	case "number":
		if key == "errcode" {
			return 0
		}
		return 7
	case "id":
		return json.Number("18446744073709551615")
	case "bool":
		return false
	case "object":
		return map[string]any{}
	case "array":
		return []string{}
	}
	t.Fatalf("type %q is not one of the vectors", kind)
	return nil
}

// answer returns a success, without one member if its name is given.
func (v *exchangeVector) answer(t *testing.T, without string) []byte {
	t.Helper()
	members := map[string]any{}
	for key, kind := range v.Answer {
		if key != without {
			members[key] = sample(t, key, kind)
		}
	}
	b, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// send makes the client send the vector's request, by the typed method if
// there is one, and returns what was sent.
func (v *exchangeVector) send(t *testing.T, without string) (*http.Request, []byte, error) {
	t.Helper()
	var seen *http.Request
	var body []byte
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		seen = r
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		return answering(200, "text/plain", bytes.NewReader(v.answer(t, without)))(r)
	}))
	if typed(v.Path) {
		_, err := ask(t, c, v.Path)
		return seen, body, err
	}
	var in any
	if v.Body != nil {
		in = v.requestBody(t)
	}
	req := wechat.Request{Method: v.Method, Path: v.Path, Token: v.token(t)}
	_, err := c.CallJSON(t.Context(), req, in, new(map[string]any))
	return seen, body, err
}

func (v *exchangeVector) requestBody(t *testing.T) map[string]any {
	t.Helper()
	in := map[string]any{}
	for key, kind := range v.Body {
		in[key] = sample(t, key, kind)
	}
	return in
}

func (v *exchangeVector) token(t *testing.T) wechat.Token {
	t.Helper()
	value := secret.FromString(shopToken)
	switch v.Token {
	case "user":
		return wechat.UserToken{Value: value}
	case "shop":
		return wechat.ShopToken{Value: value}
	case "component":
		return wechat.ComponentToken{Value: value}
	case "":
		return nil
	}
	t.Fatalf("token %q is not one of the vectors", v.Token)
	return nil
}

// typed reports whether a path has a method of its own.
func typed(path string) bool {
	if _, ok := platformCalls[path]; ok {
		return true
	}
	return slices.Contains([]string{
		"/sns/oauth2/access_token", "/sns/oauth2/refresh_token", "/sns/userinfo", "/sns/auth", "/cgi-bin/stable_token",
		"/sns/jscode2session", "/sns/component/jscode2session",
	}, path)
}

func TestExchangeVectors(t *testing.T) {
	for _, v := range exchangeVectors(t) {
		if len(v.Query) > 1 && !typed(v.Path) {
			continue // requests that other packages build; the shape is for the emulator
		}
		t.Run(v.Name, func(t *testing.T) {
			r, body, err := v.send(t, "")
			if err != nil {
				t.Fatal(err)
			}
			if r.Method != v.Method || r.URL.Path != v.Path || r.URL.Host != "api.weixin.qq.com" {
				t.Errorf("sent %s %s%s", r.Method, r.URL.Host, r.URL.Path)
			}
			if diff := cmp.Diff(v.Query, queryKeys(r.URL.RawQuery)); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
			checkBody(t, v, body)
			for key, want := range v.Constants {
				if got := r.URL.Query().Get(key); len(v.Body) == 0 && got != want {
					t.Errorf("%s = %q, want %q", key, got, want)
				}
			}
		})
	}
}

// queryKeys returns the keys in the order of the query.
func queryKeys(raw string) []string {
	keys := []string{}
	for part := range strings.SplitSeq(raw, "&") {
		if key, _, _ := strings.Cut(part, "="); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// checkBody compares the members of a JSON body with the vector.
func checkBody(t *testing.T, v exchangeVector, body []byte) {
	t.Helper()
	if len(v.Body) == 0 {
		if len(body) != 0 {
			t.Errorf("a body was sent: %s", body)
		}
		return
	}
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("body %s: %v", body, err)
	}
	got := map[string]string{}
	for key, value := range members {
		got[key] = typeName(value)
		if want, ok := v.Constants[key]; ok && value != want {
			t.Errorf("%s = %v, want %s", key, value, want)
		}
	}
	want := maps.Clone(v.Body)
	for key, kind := range want {
		if kind == "id" {
			want[key] = "number"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func typeName(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case map[string]any:
		return "object"
	case []any:
		return "array"
	}
	return "null"
}

// dispensable are members that an answer may lack, at every call or, with the
// name of a vector in front, at one.
var dispensable = []string{
	"scope", "sex", "province", "city", "country", "nickname", "headimgurl", "privilege", "errmsg",
	"mini_program_login session_key", "component_mini_program_login session_key", // nobody reads it
	"authorizer_token authorizer_refresh_token", "authorizer_info authorization_info",
	"market_login errcode", "market_login appid", "market_login openid",
	"market_login order_id", "market_login sku_id", "market_login spec_id", "market_check_auth errcode",
	"market_buyer errcode", "market_buyer buyer", "market_buyers errcode", "market_buyers buyer_list",
	"market_orders order_list",
}

// What becomes a credential or an identity must be there.
func TestTypedCallsNeedTheirMembers(t *testing.T) {
	for _, v := range exchangeVectors(t) {
		if !typed(v.Path) {
			continue
		}
		for key := range v.Answer {
			_, _, err := v.send(t, key)
			if slices.Contains(dispensable, key) || slices.Contains(dispensable, v.Name+" "+key) {
				if err != nil {
					t.Errorf("%s without %s: %v", v.Name, key, err)
				}
				continue
			}
			if !errors.Is(err, wechat.ErrMalformed) || wechat.OutcomeOf(err) != wechat.OutcomeUnknown {
				t.Errorf("%s without %s: error %v, outcome %v", v.Name, key, err, wechat.OutcomeOf(err))
			}
		}
	}
}
