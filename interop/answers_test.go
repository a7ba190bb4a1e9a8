package interop_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
)

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

// Every vector is a situation that the emulator can be driven into, or one
// that it cannot be, with the reason.
func TestAnswerVectorsInTheEmulator(t *testing.T) {
	seen := map[string]bool{}
	driven := 0
	for _, v := range loadVectors[answerVector](t, "answers.json") {
		seen[v.Name] = true
		drive, ok := situations[v.Name]
		why, not := beyondTheEmulator[v.Name]
		if ok == not {
			t.Errorf("%q must be in exactly one of situations and beyondTheEmulator (%s)", v.Name, why)
			continue
		}
		if ok {
			driven++
			t.Run(v.Name, func(t *testing.T) { v.compare(t, drive(newBench(t, wechatsim.PlatformWorld(), vectorSwitches()))) })
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(situations)), slices.Collect(maps.Keys(beyondTheEmulator))) {
		if !seen[name] {
			t.Errorf("no vector is called %q", name)
		}
	}
	t.Logf("%d situations driven, %d beyond the emulator", driven, len(beyondTheEmulator))
}

// compare holds one answer of the emulator to the vector: status, content
// type, members with their types, and what the client makes of it.
func (v *answerVector) compare(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != v.Status {
		t.Fatalf("HTTP %d, want %d: %s", w.Code, v.Status, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != v.ContentType && !v.looseType(got) {
		t.Errorf("content type %q, want %q", got, v.ContentType)
	}
	// What an edge writes under another status is nobody's contract.
	if diff := cmp.Diff(shape(v.bytes(t)), shape(w.Body.Bytes())); diff != "" && v.Status == http.StatusOK {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	err := v.read(t, w)
	switch {
	case v.Error == nil && err != nil:
		t.Errorf("the client refuses the answer: %v", err)
	case v.Error != nil:
		v.compareError(t, err)
	}
}

// looseType allows what WeChat itself does: a JSON answer outside /sns/ is
// labelled as JSON or as plain text.
func (v *answerVector) looseType(got string) bool {
	kinds := []string{"text/plain", "application/json; encoding=utf-8"}
	return !strings.HasPrefix(v.Endpoint, "/sns/") && slices.Contains(kinds, got) && slices.Contains(kinds, v.ContentType)
}

// shape maps the members of a JSON object to their types. The text itself
// stands for what is no JSON, cut before its first variable part.
func shape(body []byte) map[string]string {
	clean := slices.DeleteFunc(slices.Clone(body), func(b byte) bool { return b < ' ' })
	var members map[string]any
	if json.Unmarshal(clean, &members) != nil {
		text := string(clean)
		if at := strings.Index(text, `"errmsg":"`); at >= 0 {
			text = text[:at]
		}
		if at := strings.Index(text, `"access_token":"`); at >= 0 {
			text = text[:at]
		}
		return map[string]string{"(no JSON)": text}
	}
	out := map[string]string{}
	for key, value := range members {
		out[key] = typeName(value)
	}
	return out
}

// read gives the emulator's bytes to the client.
func (v *answerVector) read(t *testing.T, w *httptest.ResponseRecorder) error {
	t.Helper()
	c, err := wechat.New(wechat.Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		res := w.Result()
		res.Request = r
		return res, nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	s := secret.FromString("any")
	openid, err := newBench(t, nil, nil).OpenID(personOf(v.Name), wechatsim.DefaultServiceAccount)
	if err != nil {
		t.Fatal(err)
	}
	switch v.Endpoint {
	case "/sns/oauth2/access_token":
		_, err = c.ExchangeCode(t.Context(), wechatsim.DefaultServiceAccount, s, s)
	case "/sns/oauth2/refresh_token":
		_, err = c.RefreshUser(t.Context(), wechatsim.DefaultServiceAccount, wechat.UserRefreshToken{Value: s})
	case "/sns/userinfo":
		_, err = c.UserInfo(t.Context(), wechat.UserToken{Value: s}, openid, "")
	case "/sns/auth":
		err = c.CheckUser(t.Context(), wechat.UserToken{Value: s}, openid)
	case "/cgi-bin/stable_token":
		_, err = c.StableToken(t.Context(), wechatsim.DefaultShop, s, false)
	case "/cgi-bin/component/api_component_token":
		_, err = c.ComponentToken(t.Context(), component, s, wechat.Ticket{Value: s})
	case "/cgi-bin/component/api_authorizer_token":
		_, err = c.RefreshAuthorizer(t.Context(), wechat.ComponentToken{Value: s}, component, marketShop, wechat.AuthorizerRefreshToken{Value: s})
	case "/wxa/servicemarket/service/login_auth":
		_, err = c.ServiceLogin(t.Context(), wechat.ComponentToken{Value: s}, wechat.MarketCode{Value: s})
	default:
		_, err = c.CallJSON(t.Context(), wechat.Request{Path: v.Endpoint, Token: wechat.ShopToken{Value: s}}, nil, nil)
	}
	return err
}

// personOf is who plays in a situation; the control characters are quirk's.
func personOf(name string) string {
	if strings.Contains(name, "control characters") {
		return "quirk"
	}
	return "owner"
}

// compareError holds what the client reports to the vector. A request id is
// compared by being there: where the vector has none, WeChat may send one.
func (v *answerVector) compareError(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok {
		t.Fatalf("the client reports %v, want errcode %d", err, v.Error.Code)
	}
	got := answerError{Code: e.Code, Class: e.Class().String(), RID: e.RID, Outcome: wechat.OutcomeOf(err).String(),
		Malformed: errors.Is(err, wechat.ErrMalformed)}
	if e.HTTPStatus != http.StatusOK {
		got.HTTPStatus = e.HTTPStatus
	}
	if ip := e.IP(); ip.IsValid() {
		got.IP = ip.String()
	}
	want := *v.Error
	if want.RID == "" || got.RID != "" {
		want.RID = got.RID
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the client reports (-want +got):\n%s\n%v", diff, err)
	}
	if e.Code == 40164 { // the one text that a page shows word by word
		text, _, _ := strings.Cut(e.Message, " rid:")
		if !strings.Contains(v.Body, text+" rid:") {
			t.Errorf("the text is %q, the vector has %s", text, v.Body)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
