package shop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

var update = flag.Bool("update", false, "write requests and results into testdata/calls anew")

const token = "bait-shop-token-8Xw"

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is what a transport gives back.
func answer(r *http.Request, status int, kind, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

// direct returns a client that calls WeChat by rt with a token.
func direct(t *testing.T, rt roundTrip) *shop.Client {
	t.Helper()
	return shop.New(wire(t, rt), tokens)
}

func wire(t *testing.T, rt roundTrip) *wechat.Client {
	t.Helper()
	c, err := wechat.New(wechat.Config{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var tokens = shop.TokenFunc(func(context.Context) (wechat.ShopToken, error) {
	return wechat.ShopToken{Value: secret.FromString(token)}, nil
})

// answering is a client whose calls all get the same answers, in turn; the last
// one goes on.
func answering(t *testing.T, bodies ...string) *shop.Client {
	t.Helper()
	return direct(t, func(r *http.Request) (*http.Response, error) {
		body := bodies[0]
		if len(bodies) > 1 {
			bodies = bodies[1:]
		}
		return answer(r, 200, "application/json; encoding=utf-8", body), nil
	})
}

// call is one call of the API as a test makes it.
type call = func(context.Context, *shop.Client) (any, error)

// nothing is a call that returns an error only.
func nothing(f func(context.Context, *shop.Client) error) call {
	return func(ctx context.Context, c *shop.Client) (any, error) { return nil, f(ctx, c) }
}

// record is a file of testdata/calls: what is sent, what WeChat answers, what
// comes out. Answers are written by hand from WeChat's pages.
type record struct {
	Request request         `json:"request"`
	Answer  json.RawMessage `json:"answer"`
	Result  json.RawMessage `json:"result,omitempty"`
}

// request is what reached the wire. Body keeps the order of its members.
type request struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Query  string          `json:"query,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// families are the tables of all calls; each family's test file has one.
var families = []map[string]call{
	basics, products, discounts, stocks, orders, phones, afterSales, complaints, deliveries, addresses, freights, warehouses, coupons, money,
	categories, brands, uploads,
}

// TestCalls compares what each call sends and understands with its file. A file
// without a call and a call without a file are errors.
func TestCalls(t *testing.T) {
	all := map[string]call{}
	for _, family := range families {
		for name, f := range family {
			if all[name] != nil {
				t.Fatalf("two calls are named %s", name)
			}
			all[name] = f
		}
	}
	files, err := filepath.Glob("testdata/calls/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if all[strings.TrimSuffix(filepath.Base(file), ".json")] == nil {
			t.Errorf("%s belongs to no call", file)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) { playCall(t, name, all[name]) })
	}
}

func playCall(t *testing.T, name string, f call) {
	file := filepath.Join("testdata/calls", name+".json")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want, got record
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	got.Answer = want.Answer
	strict := &strictDoer{t: t, answer: want.Answer}
	strict.Client = wire(t, func(r *http.Request) (*http.Response, error) {
		got.Request = seen(t, r)
		return answer(r, 200, "text/plain", string(want.Answer)), nil
	})
	result, err := f(t.Context(), shop.New(strict, tokens))
	if err != nil {
		t.Fatal(err)
	}
	if result != nil {
		got.Result = encode(t, result)
	}
	if *update {
		writeRecord(t, file, got)
		return
	}
	if diff := cmp.Diff(pretty(t, want), pretty(t, got)); diff != "" {
		t.Errorf("%s (-file +seen):\n%s", file, diff)
	}
}

// seen writes down a request, and checks what all requests have in common.
func seen(t *testing.T, r *http.Request) request {
	t.Helper()
	query, ok := strings.CutPrefix(r.URL.RawQuery, "access_token="+token)
	if !ok {
		t.Errorf("no token in %s", r.URL.RawQuery)
	}
	got := request{Method: r.Method, Path: r.URL.Path, Query: strings.TrimPrefix(query, "&")}
	if r.Body == nil {
		return got
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	switch kind := r.Header.Get("Content-Type"); {
	case kind == "application/json" && json.Valid(body):
		got.Body = body
	case strings.HasPrefix(kind, "multipart/form-data"):
		got.Body = encode(t, parts(t, kind, body))
	case len(body) > 0:
		t.Errorf("a body of %q: %s", kind, body)
	}
	return got
}

// encode writes JSON as a request would be: without HTML escapes.
func encode(t *testing.T, v any) json.RawMessage {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

func pretty(t *testing.T, r record) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, encode(t, r), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

func writeRecord(t *testing.T, file string, r record) {
	t.Helper()
	if err := os.WriteFile(file, []byte(pretty(t, r)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// strictDoer fails the test when an answer has a member that the call's type
// does not name: the answers in testdata are what the types are made for.
type strictDoer struct {
	*wechat.Client
	t      *testing.T
	answer json.RawMessage
}

func (s *strictDoer) CallJSON(ctx context.Context, r wechat.Request, in, out any) (wechat.Meta, error) {
	meta, err := s.Client.CallJSON(ctx, r, in, out)
	if err != nil {
		return meta, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(s.answer, &members); err != nil {
		return meta, err
	}
	delete(members, "errcode")
	delete(members, "errmsg")
	d := json.NewDecoder(bytes.NewReader(encode(s.t, members)))
	d.DisallowUnknownFields()
	if err := d.Decode(reflect.New(reflect.TypeOf(out).Elem()).Interface()); err != nil {
		s.t.Errorf("the answer of %s: %v", r.Path, err)
	}
	return meta, nil
}

// at is a moment in tests.
func at(text string) shop.Time {
	var t shop.Time
	if err := json.Unmarshal(fmt.Appendf(nil, "%q", text), &t); err != nil || t.IsZero() {
		panic(text)
	}
	return t
}
