package zhanggui_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// made is an answer with a new client's key.
const made = `{"changes":[],"keys":{"erp":"zgc_NEWNEWNEWNEWNEWNEWNEWNEW22"}}`

// answered is an answer as it comes over the wire; one with an error ends with it.
func answered(status int, kind, body string, torn error) *http.Response {
	var r io.Reader = strings.NewReader(body)
	if torn != nil {
		r = io.MultiReader(strings.NewReader(body[:len(body)/2]), failing{torn})
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(r)}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestLostAnswersOfCreates: what makes something is sent once more when its answer is
// lost, as the same request with the same key, and never else.
func TestLostAnswersOfCreates(t *testing.T) {
	for name, c := range map[string]struct {
		first func() (*http.Response, error)
		sent  int
		works bool
	}{
		"it works":  {func() (*http.Response, error) { return answered(200, "application/json", made, nil), nil }, 1, true},
		"no answer": {func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, 2, true},
		"half an answer": {func() (*http.Response, error) {
			return answered(200, "application/json", made, io.ErrUnexpectedEOF), nil
		}, 2, true},
		"a proxy's page": {func() (*http.Response, error) { return answered(200, "text/html", "<html>", nil), nil }, 2, true},
		"a refusal": {func() (*http.Response, error) {
			return answered(409, "application/problem+json", `{"title":"Conflict","code":"exists"}`, nil), nil
		}, 1, false},
		"a failure": {func() (*http.Response, error) {
			return answered(500, "application/problem+json", `{"title":"x","code":"internal"}`, nil), nil
		}, 1, false},
		"nothing was there": {func() (*http.Response, error) { return nil, &net.OpError{Op: "dial", Err: errors.New("refused")} }, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			var keys, bodies []string
			a, err := zhanggui.NewAdmin("https://zhanggui.example.com", secret.FromString(adminKey), zhanggui.WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				keys, bodies = append(keys, r.Header.Get("Idempotency-Key")), append(bodies, string(b))
				if len(keys) == 1 {
					return c.first()
				}
				return answered(200, "application/json", made, nil), nil
			})))
			if err != nil {
				t.Fatal(err)
			}
			key, err := a.CreateClient(t.Context(), zhanggui.NewClient{ID: "erp", Shops: []string{"lantian"}, Mode: "read"})
			if len(keys) != c.sent || (err == nil) != c.works || c.works && !strings.HasPrefix(key.RevealString(), "zgc_NEW") {
				t.Errorf("sent %d times, %v; want %d", len(keys), err, c.sent)
			}
			if len(keys[0]) < 20 || keys[0] != keys[len(keys)-1] || bodies[0] != bodies[len(bodies)-1] {
				t.Errorf("keys %q, bodies %q: want one request", keys, bodies)
			}
			_, _ = a.CreateClient(t.Context(), zhanggui.NewClient{ID: "erp"})
			if keys[len(keys)-1] == keys[0] {
				t.Error("another client is made with the same key")
			}
		})
	}
}

// TestGivenUpCreates: nobody waits for the answer any more, so nothing is sent again.
func TestGivenUpCreates(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	a, err := zhanggui.NewAdmin("https://zhanggui.example.com", secret.FromString(adminKey), zhanggui.WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		sent++
		cancel()
		return nil, r.Context().Err()
	})))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.CreateTenant(ctx, zhanggui.Tenant{ID: "lantian"}); !errors.Is(err, context.Canceled) || sent != 1 {
		t.Errorf("sent %d times, %v", sent, err)
	}
}
