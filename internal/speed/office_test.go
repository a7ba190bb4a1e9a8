package speed

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/signer"
	"github.com/zhanggui/zhanggui/internal/store/sqlite"
	"github.com/zhanggui/zhanggui/internal/vault"
)

// officeHost is the protected host.
const officeHost = "erp.localhost:9001"

const officeSettings = `
trusted_proxies: [127.0.0.1/32]
protected:
  - host: erp.localhost:9001
    shop: lantian
    role: viewer
    routes:
      - {path: /admin, role: owner}
      - {path: /static, public: true}
`

// hmacMain is the process of the handler that verifies an HMAC in a cookie: net/http,
// and nothing else.
func hmacMain() error {
	var wechat string
	if err := lines.Decode(&wechat); err != nil {
		return err
	}
	key := []byte("0123456789abcdef0123456789abcdef")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("session")
		if err != nil {
			http.Error(w, "no session", http.StatusUnauthorized)
			return
		}
		user, ok := verified(key, c.Value, time.Now())
		if !ok {
			http.Error(w, "no session", http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Auth-User", user)
		w.WriteHeader(http.StatusAccepted)
	})
	go http.Serve(l, mux) //nolint:errcheck // ends with the process
	text := "p_00000000000000000001|" + strconv.FormatInt(time.Now().Add(24*time.Hour).Unix(), 10)
	cookie := "session=" + base64.RawURLEncoding.EncodeToString([]byte(text)) + "." + base64.RawURLEncoding.EncodeToString(sum(key, text))
	if err := tell(way{Address: l.Addr().String(), Key: cookie}); err != nil {
		return err
	}
	return answerParent()
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// verified gives whose cookie it is.
func verified(key []byte, value string, now time.Time) (user string, ok bool) {
	text, mac, _ := strings.Cut(value, ".")
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", false
	}
	got, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(got, sum(key, string(plain))) {
		return "", false
	}
	user, until, _ := strings.Cut(string(plain), "|")
	at, err := strconv.ParseInt(until, 10, 64)
	return user, err == nil && now.Unix() < at
}

// officeMain is the process of the whole server with one protected host, and one
// person who is in there.
func officeMain() (err error) {
	var wechat string
	if err := lines.Decode(&wechat); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "zg")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	run := func(work func(ctx context.Context, address, data string) error) error {
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		address, data, err := startServer(ctx, dir, "http://"+wechat, officeSettings, ended)
		if err != nil {
			stop()
			return err
		}
		err = work(ctx, address, data)
		stop()
		return errors.Join(err, <-ended)
	}
	if err := run(func(ctx context.Context, _, data string) error {
		_, err := declare(ctx, data)
		return err
	}); err != nil {
		return err
	}
	token, err := comeIn(context.Background(), filepath.Join(dir, "data", app.DatabaseFile))
	if err != nil {
		return err
	}
	return run(func(_ context.Context, address, _ string) error {
		if err := tell(way{Address: address, Key: "zg_child=" + token}); err != nil {
			return err
		}
		return answerParent()
	})
}

// comeIn writes what a login and a hand-off leave in the store, while no server has it
// open, and gives the token.
func comeIn(ctx context.Context, path string) (_ string, err error) {
	s, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	const person = "p_00000000000000000001"
	now := time.Now()
	inv := access.Invitation{
		ID: "i_1", TokenHash: access.HashKey("i"), TenantID: shop, Role: access.Owner, InvitedBy: "operator",
		CreatedAt: now, ExpiresAt: now.Add(time.Hour), State: access.InvitationOpen,
	}
	if err := s.CreateInvitation(ctx, inv); err != nil {
		return "", err
	}
	apps, err := s.Apps(ctx)
	if err != nil || len(apps) == 0 {
		return "", errors.Join(errors.New("there is no app"), err)
	}
	parent := access.Session{
		ID: "s_1", TokenHash: access.HashKey("s"), PersonID: person, App: apps[0].ID, Door: access.DoorWeChat,
		CreatedAt: now, SeenAt: now, ProvedAt: now, ExpiresAt: now.Add(24 * time.Hour), IdleLimit: 12 * time.Hour,
	}
	if err := s.Login(ctx, grant.Effects{At: now, Login: &grant.Login{
		NewPerson: person, Identity: access.Identity{App: apps[0].ID, OpenID: "o_demo_owner_0001", PersonID: person, SeenAt: now},
		Session: parent, Take: &grant.Take{InvitationID: inv.ID, PersonID: person, Code: "1234"},
	}}); err != nil {
		return "", err
	}
	if _, err := s.ConfirmInvitation(ctx, inv.ID, "1234", now, grant.Effects{At: now}); err != nil {
		return "", err
	}
	token, hash := access.NewKey(access.SessionPrefix)
	child := access.Session{ID: "s_2", TokenHash: hash, Parent: parent.ID, Host: officeHost, CreatedAt: now, SeenAt: now}
	return token.RevealString(), s.StartSession(ctx, child)
}

// testSigner is a signer on a new store.
func testSigner(tb testing.TB) *signer.Signer {
	tb.Helper()
	kek, err := vault.FileKEK(filepath.Join(tb.TempDir(), "master.key"), true)
	if err != nil {
		tb.Fatal(err)
	}
	v, _, err := vault.Create(tb.Context(), kek)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "z.db"), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return signer.New(signer.Options{Store: s, Vault: v, Now: time.Now})
}
