package follow

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	platform = "wx00000000000000c1"
	account  = "wx00000000000000a1"
)

// oneApp is a directory with one platform.
type oneApp struct{ asked int }

func (d *oneApp) App(_ context.Context, id string) (access.App, error) {
	d.asked++
	if id != "platform" {
		return access.App{}, access.ErrNotFound
	}
	return access.App{ID: id, AppID: platform}, nil
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newSet(t *testing.T, p Place) (*Set, *clock) {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	p.App, p.AllowPrivate = "platform", true
	s, err := New(&oneApp{}, c.Now, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, c
}

// kept asks for an account and gives access token, life and refresh token in one
// text.
func kept(t *testing.T, s *Set) (string, error) {
	t.Helper()
	k, err := s.read(t.Context(), "platform", account)
	if err != nil {
		for _, word := range []string{"password", "bearer", "token-of", "127.0.0.1", account} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("the error holds %q: %v", word, err)
			}
		}
		return "", err
	}
	return fmt.Sprintf("%s %v %s", k.Access.RevealString(), k.Left, k.Refresh.RevealString()), nil
}

// fakeRedis speaks the protocol as far as we do, in its own words.
type fakeRedis struct {
	net.Listener
	mu       sync.Mutex
	keys     map[string]string
	lives    map[string]int64 // milliseconds
	password string           // "" asks for none
	raw      string           // said instead of any answer
	said     []string         // commands
	opened   int
}

func newFakeRedis(t *testing.T) *fakeRedis {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeRedis{Listener: l, keys: map[string]string{}, lives: map[string]int64{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return f
}

func (f *fakeRedis) serve(c net.Conn) {
	defer c.Close()
	f.mu.Lock()
	f.opened++
	f.mu.Unlock()
	in, open := bufio.NewReader(c), false
	for {
		words, err := readCommand(in)
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, f.answer(words, &open)); err != nil {
			return
		}
	}
}

// readCommand reads a list of texts.
func readCommand(in *bufio.Reader) ([]string, error) {
	var n int
	if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
		return nil, err
	}
	words := make([]string, n)
	for i := range words {
		var size int
		if _, err := fmt.Fscanf(in, "$%d\r\n", &size); err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(in, b); err != nil || string(b[size:]) != "\r\n" {
			return nil, errors.Join(err, errors.New("no end of a text"))
		}
		words[i] = string(b[:size])
	}
	return words, nil
}

func (f *fakeRedis) answer(words []string, open *bool) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, strings.Join(words, " "))
	switch {
	case f.raw != "":
		return f.raw
	case words[0] == "AUTH" && words[len(words)-1] != f.password:
		return "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
	case words[0] == "AUTH":
		*open = true
		return "+OK\r\n"
	case f.password != "" && !*open:
		return "-NOAUTH Authentication required.\r\n"
	case words[0] == "SELECT":
		return "+OK\r\n"
	case words[0] == "PTTL":
		return ":" + strconv.FormatInt(f.lives[words[1]], 10) + "\r\n"
	}
	v, ok := f.keys[words[1]]
	if !ok {
		return "$-1\r\n"
	}
	return fmt.Sprintf("$%d\r\n%s\r\n", len(v), v)
}

func (f *fakeRedis) set(key, value string, ms int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[key], f.lives[key] = value, ms
}

func (f *fakeRedis) url() string { return "redis://" + f.Addr().String() }

func secretOf(text string) secret.Value { return secret.FromString(text) }
