package follow

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	accessKey  = "wechat_authorizer_access_token:" + platform + ":" + account
	refreshKey = "wechat_authorizer_refresh_token:" + platform + ":" + account
)

func TestRedis(t *testing.T) {
	f := newFakeRedis(t)
	f.password = "the password"
	f.set(accessKey, "token-of-theirs", 5_400_000)
	f.set(refreshKey, `"refresh-of-theirs"`, -1)
	s, _ := newSet(t, Place{URL: f.url() + "/3", Secret: secretOf("the password")})
	for range 3 {
		if got, err := kept(t, s); err != nil || got != "token-of-theirs 1h30m0s refresh-of-theirs" {
			t.Fatalf("%s, %v", got, err)
		}
	}
	want := []string{"AUTH the password", "SELECT 3", "GET " + accessKey, "PTTL " + accessKey, "GET " + refreshKey}
	if diff := cmp.Diff(want, f.said[:5]); diff != "" || f.opened != 1 {
		t.Errorf("%d connections; said %s", f.opened, diff)
	}
	if v, left, err := s.Follow(t.Context(), "platform", account); err != nil || v.RevealString() != "token-of-theirs" || left != 90*time.Minute {
		t.Errorf("Follow: %v, %v", left, err)
	}
	if v, err := s.Refresh(t.Context(), "platform", account); err != nil || v.RevealString() != "refresh-of-theirs" {
		t.Errorf("Refresh: %v", err)
	}
}

// TestRedisValues: what SDKs make of a token, under keys of one's own.
func TestRedisValues(t *testing.T) {
	for name, c := range map[string]struct {
		value string
		ms    int64
		want  string // empty: none
	}{
		"plain":          {"token-of-theirs", 60_000, "token-of-theirs 1m0s refresh-1"},
		"no end":         {"token-of-theirs", -1, "token-of-theirs 1m0s refresh-1"},
		"a long life":    {"token-of-theirs", 1 << 62, "token-of-theirs 24h0m0s refresh-1"},
		"PHP":            {`s:15:"token-of-theirs";`, 1000, "token-of-theirs 1s refresh-1"},
		"an object":      {`{"access_token":"token-of-theirs","expires_in":7200}`, 1000, "token-of-theirs 1s refresh-1"},
		"a whole object": {`{"authorizerAccessToken":"token-of-theirs","authorizerRefreshToken":"refresh-2"}`, 1000, "token-of-theirs 1s refresh-2"},
		"Java":           {"\xac\xed\x00\x05t\x00\x0ftoken-of-theirs", 1000, ""},
		"nothing":        {"", 1000, ""},
		"another object": {`{"a":1}`, 1000, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeRedis(t)
			f.set("my:"+account+":at", c.value, c.ms)
			f.set("my:"+account+":rt", "refresh-1", -1)
			s, _ := newSet(t, Place{URL: f.url(), AccessKey: "my:{appid}:at", RefreshKey: "my:{appid}:rt"})
			got, err := kept(t, s)
			if got != c.want || (c.want == "") != errors.Is(err, ErrNone) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// TestRedisFails: each failure says what to look at, and only a failure of the whole
// source lets it rest.
func TestRedisFails(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fakeRedis)
		want   string
		rests  bool
	}{
		"no such key":    {func(f *fakeRedis) {}, "keeps no token", false},
		"another type":   {func(f *fakeRedis) { f.raw = "-WRONGTYPE Operation against a key\r\n" }, "keeps no token", false},
		"no password":    {func(f *fakeRedis) { f.password = "x" }, "NOAUTH", true},
		"cluster":        {func(f *fakeRedis) { f.raw = "-MOVED 3999 127.0.0.1:6381\r\n" }, "cluster", true},
		"odd error":      {func(f *fakeRedis) { f.raw = "-ERR token-of-theirs\r\n" }, "redis-cli", true},
		"HTTP":           {func(f *fakeRedis) { f.raw = "HTTP/1.1 400 Bad Request\r\n" }, "protocol", true},
		"a huge text":    {func(f *fakeRedis) { f.raw = "$999999999\r\n" }, "protocol", true},
		"a long line":    {func(f *fakeRedis) { f.raw = "+" + strings.Repeat("a", 8<<10) }, "protocol", true},
		"a text too far": {func(f *fakeRedis) { f.raw = "$1\r\nabc\r\n" }, "protocol", true},
		"not a number":   {func(f *fakeRedis) { f.raw = ":many\r\n" }, "protocol", true},
		"gone":           {func(f *fakeRedis) { f.Close() }, "connect", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeRedis(t)
			c.change(f)
			s, clock := newSet(t, Place{URL: f.url()})
			if _, err := kept(t, s); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			f.mu.Lock()
			before := len(f.said)
			f.mu.Unlock()
			_, err := kept(t, s)
			clock.move(rest)
			f.mu.Lock()
			asked := len(f.said) > before
			f.mu.Unlock()
			if err == nil || asked == c.rests && name != "gone" {
				t.Errorf("asked again at once: %v, %v", asked, err)
			}
			if s.guards["platform"].resting() != nil {
				t.Error("it still rests after its time")
			}
		})
	}
}

// TestRedisAgain: a connection that the other side ended is made anew.
func TestRedisAgain(t *testing.T) {
	f := newFakeRedis(t)
	f.set(accessKey, "token-of-theirs", 1000)
	s, _ := newSet(t, Place{URL: f.url()})
	if _, err := kept(t, s); err != nil {
		t.Fatal(err)
	}
	r := s.guards["platform"].source.(*redis)
	c := <-r.idle
	c.end()
	r.idle <- c
	if _, err := kept(t, s); err != nil || f.opened != 2 {
		t.Errorf("%d connections, %v", f.opened, err)
	}
}

// TestRedisSilence: a server that says nothing is not waited for longer than the
// caller does.
func TestRedisSilence(t *testing.T) {
	here, there := net.Pipe()
	t.Cleanup(func() { there.Close() })
	go func() {
		in := bufio.NewReader(there)
		for {
			if _, err := readCommand(in); err != nil {
				return
			}
		}
	}()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("enough"))
	defer cancel()
	c := newConn(here)
	if _, err := c.do(ctx, command{"GET", "a"}); err == nil || err.Error() != "enough" {
		t.Errorf("got %v", err)
	}
}

// Whatever a server says, no answer takes more memory than is allowed, and none is
// taken for a token that cannot be one.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", "-NOAUTH x\r\n", ":12\r\n", "$3\r\nabc\r\n", "$-1\r\n", "$-2\r\n", "\r\n", "$70000\r\n", "*1\r\n+a\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c := &conn{in: bufio.NewReader(strings.NewReader(in))}
		r, err := c.reply()
		if err == nil && len(r.text) > maxAnswer {
			t.Errorf("a text of %d bytes", len(r.text))
		}
		if k, err := keptAs(r.text, r.text, time.Minute); err == nil && (k.Access.IsZero() || strings.ContainsAny(k.Access.RevealString(), " \r\n\"{}")) {
			t.Errorf("%q is taken for a token", k.Access.RevealString())
		}
	})
}
