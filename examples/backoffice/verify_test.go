package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const origin = "https://erp.example.com"

// server publishes keys as Zhanggui does, and signs with them.
type server struct {
	*httptest.Server
	t       *testing.T
	keys    map[string]*ecdsa.PrivateKey
	body    string // in place of the keys, if it is set
	status  int
	fetched atomic.Int64
}

func newServer(t *testing.T, ids ...string) *server {
	t.Helper()
	s := &server{t: t, keys: map[string]*ecdsa.PrivateKey{}, status: http.StatusOK}
	for _, id := range ids {
		s.add(id)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.publish))
	t.Cleanup(s.Close)
	return s
}

func (s *server) add(id string) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keys[id] = k
}

func (s *server) publish(w http.ResponseWriter, r *http.Request) {
	s.fetched.Add(1)
	w.WriteHeader(s.status)
	if s.body != "" {
		fmt.Fprint(w, s.body)
		return
	}
	if r.URL.Path != "/.well-known/jwks.json" {
		return
	}
	all := []map[string]string{{"kty": "RSA", "kid": "other", "n": "AQAB"}, {"kty": "EC", "crv": "P-256", "kid": "short", "x": "AA", "y": "AA"}}
	for id, k := range s.keys {
		point, err := k.PublicKey.Bytes()
		if err != nil {
			s.t.Error(err)
			return
		}
		all = append(all, map[string]string{"kty": "EC", "crv": "P-256", "kid": id, "x": encode(point[1:33]), "y": encode(point[33:])})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": all})
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes an assertion.
func (s *server) sign(head map[string]string, c Claims) string {
	s.t.Helper()
	h, err := json.Marshal(head)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := json.Marshal(c)
	if err != nil {
		s.t.Fatal(err)
	}
	signed := encode(h) + "." + encode(b)
	sum := sha256.Sum256([]byte(signed))
	key := s.keys[head["kid"]]
	if key == nil {
		key = s.keys["k1"]
	}
	r, v, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return signed + "." + encode(signature)
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func (s *server) claims() Claims {
	return Claims{Issuer: s.URL, Audience: origin, Subject: "u_1", Shop: "lantian", Role: "owner", Door: "wechat", Issued: noon.Unix(), Expires: noon.Add(2 * time.Minute).Unix()}
}

func (s *server) verifier() *Verifier {
	v := NewVerifier(s.URL+"/", origin)
	v.now = func() time.Time { return noon }
	return v
}

var goodHead = map[string]string{"alg": "ES256", "kid": "k1", "typ": "JWT"}

func TestVerify(t *testing.T) {
	s := newServer(t, "k1")
	v := s.verifier()
	for range 3 {
		c, err := v.Verify(t.Context(), s.sign(goodHead, s.claims()))
		if err != nil || c != s.claims() {
			t.Fatalf("%+v, %v", c, err)
		}
	}
	if n := s.fetched.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestVerifyRefuses(t *testing.T) {
	s := newServer(t, "k1")
	good := s.sign(goodHead, s.claims())
	parts := strings.Split(good, ".")
	changed := func(f func(*Claims)) string {
		c := s.claims()
		f(&c)
		return s.sign(goodHead, c)
	}
	for name, c := range map[string]struct{ token, want string }{
		"nothing":          {"", "there is no assertion"},
		"two parts":        {parts[0] + "." + parts[1], "there is no assertion"},
		"no signature":     {parts[0] + "." + parts[1] + ".", "no ES256 signature"},
		"short signature":  {parts[0] + "." + parts[1] + ".AAAA", "no ES256 signature"},
		"alg none":         {s.sign(map[string]string{"alg": "none", "kid": "k1"}, s.claims()), "not signed with ES256"},
		"alg HS256":        {s.sign(map[string]string{"alg": "HS256", "kid": "k1"}, s.claims()), "not signed with ES256"},
		"head of nothing":  {"!." + parts[1] + "." + parts[2], "not signed with ES256"},
		"changed claims":   {parts[0] + "." + encode([]byte(`{}`)) + "." + parts[2], "not signed by the server"},
		"unknown key":      {s.sign(map[string]string{"alg": "ES256", "kid": "gone"}, s.claims()), "not published"},
		"key of odd form":  {s.sign(map[string]string{"alg": "ES256", "kid": "short"}, s.claims()), "not published"},
		"another server":   {changed(func(c *Claims) { c.Issuer = "https://other.example.com" }), "another server's"},
		"another host":     {changed(func(c *Claims) { c.Audience = "https://bi.example.com" }), "for another host"},
		"no host":          {changed(func(c *Claims) { c.Audience = "" }), "for another host"},
		"old":              {changed(func(c *Claims) { c.Issued, c.Expires = noon.Unix()-300, noon.Unix()-180 }), "too old"},
		"of a later clock": {changed(func(c *Claims) { c.Issued, c.Expires = noon.Unix()+600, noon.Unix()+720 }), "too old"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.verifier().Verify(t.Context(), c.token)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestKeysChange: a new key is fetched when it is met, but not for every made-up name.
func TestKeysChange(t *testing.T) {
	s := newServer(t, "k1")
	v := s.verifier()
	now := noon
	v.now = func() time.Time { return now }
	if _, err := v.Verify(t.Context(), s.sign(goodHead, s.claims())); err != nil {
		t.Fatal(err)
	}
	s.add("k2")
	next := s.sign(map[string]string{"alg": "ES256", "kid": "k2"}, s.claims())
	if _, err := v.Verify(t.Context(), next); err == nil || s.fetched.Load() != 1 {
		t.Errorf("keys were fetched again at once: %v, %d times", err, s.fetched.Load())
	}
	now = now.Add(11 * time.Second)
	if _, err := v.Verify(t.Context(), next); err != nil {
		t.Errorf("the new key is not known: %v", err)
	}
	if _, err := v.Verify(t.Context(), s.sign(goodHead, s.claims())); err != nil {
		t.Errorf("the old key is gone: %v", err)
	}
}

func TestKeysThatCannotBeRead(t *testing.T) {
	for name, change := range map[string]func(*server){
		"an error": func(s *server) { s.status = http.StatusBadGateway },
		"no JSON":  func(s *server) { s.body = "<html>" },
		"endless":  func(s *server) { s.body = `{"keys":[` + strings.Repeat(`{},`, maxKeys) },
		"away":     func(s *server) { s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, "k1")
			token := s.sign(goodHead, s.claims())
			change(s)
			if _, err := s.verifier().Verify(t.Context(), token); err == nil {
				t.Error("it was believed")
			}
		})
	}
}

// FuzzVerify: whatever comes, it is believed only if it was signed.
func FuzzVerify(f *testing.F) {
	for _, s := range []string{"", "..", "e30.e30.", "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIn0.e30.AAAA", "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(s)
	}
	v := NewVerifier("http://127.0.0.1:1", origin)
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	v.keys = map[string]*ecdsa.PublicKey{"k1": &k.PublicKey}
	v.fetched = time.Now().Add(time.Hour) // nothing is fetched meanwhile
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := v.Verify(t.Context(), token); err == nil {
			t.Errorf("%q is believed: %+v", token, c)
		}
	})
}
