package webhook_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/zhanggui/zhanggui/internal/webhook"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

var hookSecret = webhook.SecretPrefix + base64.StdEncoding.EncodeToString([]byte("an obviously fake key of 32 byte"))

// TestTwoSignatures: while a secret is being replaced, who knows the old one and
// who knows the new one both verify the same message.
func TestTwoSignatures(t *testing.T) {
	var heads []http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heads = append(heads, r.Header) }))
	t.Cleanup(srv.Close)
	older, newer := secret.FromString(hookSecret), webhook.NewSecret()
	m := webhook.Message{ID: "ev_7", Body: []byte(`{"id":"ev_7"}`), URL: srv.URL}
	for _, s := range []secret.Value{newer, older} {
		key, err := webhook.ParseSecret(s)
		if err != nil {
			t.Fatal(err)
		}
		m.Keys = append(m.Keys, key)
	}
	if out := webhook.NewPoster(http.DefaultTransport, time.Now).Post(t.Context(), m); out.Verdict != webhook.Taken {
		t.Fatalf("outcome %+v", out)
	}
	for _, s := range []secret.Value{newer, older} {
		v, err := standardwebhooks.NewWebhook(s.RevealString())
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(m.Body, heads[0]); err != nil {
			t.Errorf("a signature does not verify: %v", err)
		}
	}
	stranger, err := standardwebhooks.NewWebhook(webhook.NewSecret().RevealString())
	if err != nil {
		t.Fatal(err)
	}
	if stranger.Verify(m.Body, heads[0]) == nil {
		t.Error("it verifies with a secret that nobody signed with")
	}
}

func TestJitter(t *testing.T) {
	for range 1000 {
		if got := webhook.Jitter(time.Minute); got < 54*time.Second || got > 66*time.Second {
			t.Fatalf("a minute became %v", got)
		}
	}
	if got := webhook.Jitter(0); got != 0 {
		t.Errorf("nothing became %v", got)
	}
}

func FuzzParseSecret(f *testing.F) {
	for _, text := range []string{hookSecret, "whsec_", "whsec_AAAA", "", "AAAA", hookSecret + "=", "whsec_" + strings.Repeat("A", 88)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := webhook.ParseSecret(secret.FromString(text))
		if err != nil {
			if len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Error("the error repeats the secret")
			}
			return
		}
		v, err := standardwebhooks.NewWebhook(text)
		if err != nil {
			t.Fatalf("taken here and refused elsewhere: %v", err)
		}
		if n := len(key.Reveal()); n < 24 || n > 64 {
			t.Errorf("a key of %d bytes", n)
		}
		if v == nil {
			t.Error("no verifier")
		}
	})
}

func TestParseSecret(t *testing.T) {
	for text, ok := range map[string]bool{
		hookSecret: true, strings.TrimPrefix(hookSecret, "whsec_"): false, "whsec_c2hvcnQ=": false, "whsec_" + strings.Repeat("A", 88): false, "whsec_!": false, "": false,
	} {
		if _, err := webhook.ParseSecret(secret.FromString(text)); (err == nil) != ok {
			t.Errorf("a secret of %d bytes: %v", len(text), err)
		}
	}
}

// TestNameOf: the name is kept in databases, so it is held to the letter.
func TestNameOf(t *testing.T) {
	u, err := url.Parse("https://hooks.example/T0/SECRET?k=1")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := webhook.NameOf("webhook", u), "webhook:hooks.example:ad22a81d"; got != want {
		t.Errorf("named %q, want %q", got, want)
	}
	if again := webhook.NameOf("url", u.JoinPath("more")); again == "url:hooks.example:ad22a81d" {
		t.Error("two URLs of a host have one name")
	}
}
