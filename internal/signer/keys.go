package signer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// rsaBits is the size of keys for RS256. Signing with 3072 bits costs three times as
// much, and these keys sign for a month.
const rsaBits = 2048

// key is one that opened.
type key struct {
	access.SigningKey
	private crypto.Signer
	jwt     jose.Signer // for the usual type; making one costs as much as signing
}

func (k *key) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.ID, Algorithm: k.Alg, Use: "sig"}
}

func (k *key) sign(typ string, payload []byte) (string, error) {
	signer := k.jwt
	if typ != typeJWT {
		var err error
		if signer, err = joseSigner(k.SigningKey, k.private, typ); err != nil {
			return "", err
		}
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

func joseSigner(row access.SigningKey, private crypto.Signer, typ string) (jose.Signer, error) {
	with := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(row.Alg), Key: jose.JSONWebKey{Key: private, KeyID: row.ID}}
	return jose.NewSigner(with, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
}

// generate makes a private key.
func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("no keys are made for %q; ask for %s or %s", alg, ES256, RS256)
}

// thumbprint is a key's id. It says which public key belongs to it.
func thumbprint(private crypto.Signer) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// make gives a new key and its row.
func (s *Signer) make(alg string, now, from time.Time) (access.SigningKey, error) {
	private, err := generate(alg)
	if err != nil {
		return access.SigningKey{}, err
	}
	id, err := thumbprint(private)
	if err != nil {
		return access.SigningKey{}, err
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return access.SigningKey{}, err
	}
	defer clear(plain)
	sealed, err := s.o.Vault.Seal(secret.New(plain), vault.SigningKey(id))
	if err != nil {
		return access.SigningKey{}, err
	}
	until := from.Add(signsFor)
	return access.SigningKey{ID: id, Alg: alg, Private: sealed, MadeAt: now, SignsFrom: from, SignsUntil: until, PublishedUntil: until.Add(keptBeyond)}, nil
}

var errOtherKey = errors.New("the private key is another one than its row says; restore the row from a backup")

// open gives the key of a row.
func (s *Signer) open(row access.SigningKey) (*key, error) {
	value, err := s.o.Vault.Open(row.Private, vault.SigningKey(row.ID))
	if err != nil {
		return nil, err
	}
	plain := value.Reveal()
	defer clear(plain)
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, errOtherKey // its own words could hold a piece of the key
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errOtherKey
	}
	if id, err := thumbprint(private); err != nil || id != row.ID || algorithm(private) != row.Alg {
		return nil, errOtherKey
	}
	jwt, err := joseSigner(row, private, typeJWT)
	if err != nil {
		return nil, err
	}
	return &key{SigningKey: row, private: private, jwt: jwt}, nil
}

func algorithm(private crypto.Signer) string {
	switch k := private.(type) {
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() {
			return ES256
		}
	case *rsa.PrivateKey:
		return RS256
	}
	return ""
}

// read takes over what the rows are now. What was opened before is not opened again.
func (s *Signer) read(ctx context.Context) (*ring, error) {
	rows, err := s.o.Store.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	before, now := s.ring.Load(), &ring{newest: map[string]string{}}
	for _, row := range rows {
		now.newest[row.Alg] = row.ID // they come in order
		k, err := s.take(before, row)
		if err != nil {
			s.o.Log.Error("a key that signs cannot be opened and is left out", "key", row.ID, "error", err)
			continue
		}
		now.keys = append(now.keys, k)
	}
	s.ring.Store(now)
	return now, nil
}

// take gives the key of a row, the opened one if it is known.
func (s *Signer) take(known *ring, row access.SigningKey) (*key, error) {
	for _, k := range known.keys {
		if k.ID == row.ID && k.Alg == row.Alg {
			return &key{SigningKey: row, private: k.private, jwt: k.jwt}, nil
		}
	}
	return s.open(row)
}

// attempts is how often a replica tries to make a key that others make, too.
const attempts = 5

// ensure reads the keys and makes those that are due, of the algorithms in use and
// of those that are asked for.
func (s *Signer) ensure(ctx context.Context, now time.Time, algs ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ensureLocked(ctx, now, algs)
}

// look is ensure for what strangers can ask for as often as they like: what was read
// just now counts.
func (s *Signer) look(ctx context.Context, now time.Time, algs ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.ring.Load().newest
	if since := now.Sub(s.readAt); since >= 0 && since < lookEvery && !slices.ContainsFunc(algs, func(alg string) bool { return known[alg] == "" }) {
		return nil
	}
	return s.ensureLocked(ctx, now, algs)
}

// lookEvery is how often strangers have the rows read.
const lookEvery = time.Second

func (s *Signer) ensureLocked(ctx context.Context, now time.Time, algs []string) error {
	r, err := s.read(ctx)
	if err != nil {
		return err
	}
	s.readAt = now
	for _, alg := range append(algs, r.algorithms()...) {
		if err := s.ensureOne(ctx, now, alg); err != nil {
			return err
		}
	}
	return nil
}

func (s *Signer) ensureOne(ctx context.Context, now time.Time, alg string) error {
	for range attempts {
		r := s.ring.Load()
		from, due := r.next(alg, now)
		if !due {
			return nil
		}
		row, err := s.make(alg, now, from)
		if err != nil {
			return fmt.Errorf("make a key for %s: %w", alg, err)
		}
		by := audit.Actor{Kind: audit.ActorSystem}
		err = s.o.Store.AddSigningKey(ctx, row, r.newest[alg], created("signing.create", row, by))
		if err != nil && !errors.Is(err, access.ErrStale) { // another replica was first
			return fmt.Errorf("keep the key: %w", err)
		}
		if _, err := s.read(ctx); err != nil {
			return err
		}
	}
	return errors.New("other replicas make keys all the time; look for one whose clock is wrong")
}

// Kept gives the keys without their private halves, by algorithm and time.
func (s *Signer) Kept(ctx context.Context) ([]access.SigningKey, error) {
	rows, err := s.o.Store.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("signer: read the keys: %w", err)
	}
	for i := range rows {
		rows[i].Private = nil
	}
	return rows, nil
}

// Replace ends all keys of an algorithm at once and makes one that signs from now
// on: for the day on which a private key may be in other hands. What they signed is
// worth nothing from then on.
func (s *Signer) Replace(ctx context.Context, alg string, by audit.Actor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	for range attempts {
		r, err := s.read(ctx)
		if err != nil {
			return fmt.Errorf("signer: %w", err)
		}
		row, err := s.make(alg, now, now)
		if err != nil {
			return fmt.Errorf("signer: make a key for %s: %w", alg, err)
		}
		err = s.o.Store.ReplaceSigningKeys(ctx, row, r.newest[alg], now, created("signing.replace", row, by))
		if err == nil {
			_, err = s.read(ctx)
		}
		if !errors.Is(err, access.ErrStale) {
			return err
		}
	}
	return errors.New("signer: other replicas make keys all the time; try again")
}

func created(action string, k access.SigningKey, by audit.Actor) audit.Entry {
	return audit.Entry{
		At: k.MadeAt, Actor: by, Action: action, Subject: "signing_key:" + k.ID, Outcome: audit.Done,
		Details: map[string]string{"alg": k.Alg, "from": k.SignsFrom.UTC().Format(time.RFC3339), "until": k.SignsUntil.UTC().Format(time.RFC3339)},
	}
}
