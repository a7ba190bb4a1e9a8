package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Claims is what an assertion says of the reader.
type Claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Shop     string `json:"shop"`
	Role     string `json:"role"`
	Door     string `json:"door"`
	Expires  int64  `json:"exp"` // Unix seconds
	Issued   int64  `json:"iat"`
}

// clockSlack is how far the clocks of the two machines may be apart.
const clockSlack = 30 * time.Second

// Verifier checks assertions with the keys that the server publishes. It fetches
// them when it meets one that it does not know, at most every ten seconds. It is
// safe for concurrent use.
type Verifier struct {
	issuer, origin string
	now            func() time.Time
	mu             sync.Mutex
	keys           map[string]*ecdsa.PublicKey
	fetched        time.Time
}

// NewVerifier trusts the server at issuer, for people who are to come to origin.
func NewVerifier(issuer, origin string) *Verifier {
	return &Verifier{issuer: strings.TrimRight(issuer, "/"), origin: origin, now: time.Now}
}

// Verify reads a compact JWT. Everything that it gives was signed by the server,
// for this origin, less than two minutes ago.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Claims{}, errors.New("there is no assertion; open this page through the proxy")
	}
	var head struct{ Alg, Kid string }
	if err := decode(parts[0], &head); err != nil || head.Alg != "ES256" {
		return Claims{}, errors.New("the assertion is not signed with ES256")
	}
	key, err := v.key(ctx, head.Kid)
	if err != nil {
		return Claims{}, err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return Claims{}, errors.New("the assertion's signature is no ES256 signature")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return Claims{}, errors.New("the assertion was not signed by the server")
	}
	var c Claims
	if err := decode(parts[1], &c); err != nil {
		return Claims{}, err
	}
	return c, v.fits(c)
}

// fits tells whether what was signed is meant for here and now.
func (v *Verifier) fits(c Claims) error {
	now := v.now()
	switch {
	case c.Issuer != v.issuer:
		return errors.New("the assertion is another server's")
	case c.Audience != v.origin:
		return errors.New("the assertion is for another host")
	case now.After(time.Unix(c.Expires, 0).Add(clockSlack)), now.Before(time.Unix(c.Issued, 0).Add(-clockSlack)):
		return errors.New("the assertion is too old, or the clocks differ")
	}
	return nil
}

// key gives a published key, and looks anew for one that is not known.
func (v *Verifier) key(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if k := v.keys[id]; k != nil {
		return k, nil
	}
	if v.now().Sub(v.fetched) < 10*time.Second {
		return nil, errors.New("the assertion is signed with a key that is not published")
	}
	v.fetched = v.now()
	keys, err := v.fetch(ctx)
	if err != nil {
		return nil, err
	}
	v.keys = keys
	if k := v.keys[id]; k != nil {
		return k, nil
	}
	return nil, errors.New("the assertion is signed with a key that is not published")
}

// maxKeys bounds what is read of the published keys.
const maxKeys = 64 << 10

func (v *Verifier) fetch(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.issuer+"/.well-known/jwks.json", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch the server's keys: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch the server's keys: %s", resp.Status)
	}
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X, Y string }
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxKeys)).Decode(&set); err != nil {
		return nil, fmt.Errorf("read the server's keys: %w", err)
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, k := range set.Keys {
		if k.Kty != "EC" || k.Crv != "P-256" {
			continue
		}
		if key, err := point(k.X, k.Y); err == nil {
			keys[k.Kid] = key
		}
	}
	return keys, nil
}

// point makes a public key of its two coordinates.
func point(x, y string) (*ecdsa.PublicKey, error) {
	raw := []byte{4}
	for _, s := range []string{x, y} {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil || len(b) != 32 {
			return nil, errors.New("a key's coordinate is not 32 bytes")
		}
		raw = append(raw, b...)
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
}

func decode(part string, v any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return errors.New("the assertion is not base64url")
	}
	if json.Unmarshal(b, v) != nil {
		return errors.New("the assertion is not JSON")
	}
	return nil
}
