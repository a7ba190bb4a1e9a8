package secret_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

func TestScrubKeepsThePathAndDropsTheQuery(t *testing.T) {
	raw := "https://user:" + bait + "@api.weixin.qq.com/sns/userinfo?access_token=" + bait + "&lang=zh_CN#" + bait
	inner := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	err := fmt.Errorf("ask: %w", &url.Error{Op: "Get", URL: raw, Err: inner})

	got := secret.Scrub(err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if form := leaks(fmt.Sprintf(verb, got)); form != "" {
			t.Errorf("%s leaks as %s", verb, form)
		}
	}
	if want := `ask: Get "https://api.weixin.qq.com/sns/userinfo": dial tcp: connection refused`; got.Error() != want {
		t.Errorf("text = %s\nwant   %s", got, want)
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", got.Error()) {
		t.Errorf("%%q = %q", got)
	}
	if op, ok := errors.AsType[*net.OpError](got); !ok || op != inner {
		t.Error("the cause is lost")
	}
	if !errors.Is(got, syscall.ECONNREFUSED) {
		t.Error("errors.Is does not reach the cause")
	}
	if _, ok := errors.AsType[*url.Error](got); ok {
		t.Error("the *url.Error is still reachable")
	}
	if e, ok := errors.AsType[net.Error](got); ok && leaks(e.Error()) != "" {
		t.Error("a net.Error with the URL is still reachable")
	}
}

func TestScrubOfARealRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:1/p?q="+bait, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = http.DefaultClient.Do(req) //nolint:bodyclose // it fails
	if leaks(err.Error()) == "" {
		t.Fatal("the premise is gone: http.Client no longer prints the URL")
	}
	got := secret.Scrub(err)
	if leaks(got.Error()) != "" || !errors.Is(got, context.Canceled) {
		t.Errorf("got %v", got)
	}
}

func TestScrubWalksJoinedErrors(t *testing.T) {
	plain := errors.New("plain")
	err := errors.Join(plain,
		&url.Error{Op: "Get", URL: "https://a/x?s=" + bait, Err: errors.New("first")},
		&url.Error{Op: "Get", URL: "::" + bait, Err: &url.Error{Op: "parse", URL: "%zz" + bait, Err: plain}})
	got := secret.Scrub(err)
	if leaks(got.Error()) != "" {
		t.Errorf("leak: %v", got)
	}
	if !errors.Is(got, plain) || !strings.Contains(got.Error(), "https://a/x") {
		t.Errorf("got %v", got)
	}
}

func TestScrubMasksKnownValues(t *testing.T) {
	known := secret.FromString("a+b/c=\"秘密\"")
	s := known.RevealString()
	sentinel := errors.New("sentinel")
	for _, text := range []string{s, url.QueryEscape(s), url.PathEscape(s), fmt.Sprintf("%q", s)} {
		got := secret.Scrub(fmt.Errorf("said %s: %w", text, sentinel), known)
		if strings.Contains(got.Error(), text) || !strings.Contains(got.Error(), secret.Redacted) {
			t.Errorf("%s: %v", text, got)
		}
		if !errors.Is(got, sentinel) {
			t.Error("the clean cause is lost")
		}
	}
}

func TestScrubLeavesCleanErrorsAlone(t *testing.T) {
	plain := errors.New("plain")
	if secret.Scrub(nil) != nil {
		t.Error("nil became an error")
	}
	if got := secret.Scrub(plain, secret.Value{}, secret.FromString("pl")); got != plain {
		t.Errorf("got %v: short or empty values must not touch the text", got)
	}
}

func TestMaskSeesACutSecret(t *testing.T) {
	known := secret.FromString(bait)
	for n := 4; n <= len(bait); n++ {
		if got := secret.Mask("echo "+bait[:n], known); got != "echo "+secret.Redacted {
			t.Errorf("%d bytes: %q", n, got)
		}
	}
	if got := secret.Mask("echo "+bait[:3], known); got != "echo "+bait[:3] {
		t.Errorf("three bytes are no secret: %q", got)
	}
}

func TestURL(t *testing.T) {
	if got := secret.URL(nil); got != "" {
		t.Errorf("nil: %q", got)
	}
	u, err := url.Parse("https://u:p@h:8/a%2Fb?x=1#y")
	if err != nil {
		t.Fatal(err)
	}
	if got := secret.URL(u); got != "https://h:8/a%2Fb" {
		t.Errorf("got %q", got)
	}
}

func FuzzMask(f *testing.F) {
	f.Add("the token is abcd.", "abcd")
	f.Add("%41bcd", "Abcd")
	f.Add("", "")
	f.Add("[secret]", "[secret]")
	f.Fuzz(func(t *testing.T, text, s string) {
		got := secret.Mask(text, secret.FromString(s))
		if len(s) >= 4 && strings.Contains(got, s) && !strings.Contains(secret.Redacted, s) &&
			!overlaps(s) {
			t.Errorf("Mask(%q, %q) = %q", text, s, got)
		}
	})
}

// overlaps reports whether s could be formed anew by text around a
// placeholder, which no secret of ours does.
func overlaps(s string) bool {
	return strings.ContainsAny(s, "[]")
}
