package signer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// The algorithms (RFC 7518, section 3.1).
const (
	ES256 = string(jose.ES256) // assertions: quick to sign
	RS256 = string(jose.RS256) // OpenID Connect: every program can verify it
)

// typeJWT is the usual type in a header.
const typeJWT = "JWT"

// MaxLife is how long what is signed may be valid.
const MaxLife = 24 * time.Hour

// Store keeps the keys.
type Store interface {
	SigningKeys(ctx context.Context) ([]access.SigningKey, error)
	// AddSigningKey keeps a key that follows the one called before. It answers
	// [access.ErrStale] when another one follows that by now.
	AddSigningKey(ctx context.Context, k access.SigningKey, before string, e ...audit.Entry) error
	// ReplaceSigningKeys ends the publication of all others, too.
	ReplaceSigningKeys(ctx context.Context, k access.SigningKey, before string, now time.Time, e ...audit.Entry) error
}

// Sealer seals private halves.
type Sealer interface {
	Seal(v secret.Value, cell vault.Cell) ([]byte, error)
	Open(sealed []byte, cell vault.Cell) (secret.Value, error)
}

// Options are what a Signer is made of. All but Log must be set.
type Options struct {
	Store Store
	Vault Sealer
	Now   func() time.Time
	Log   *slog.Logger // nil: discards
}

// Signer signs. Make it with [New]; it is safe for concurrent use.
type Signer struct {
	o      Options
	ring   atomic.Pointer[ring]
	mu     sync.Mutex // held while keys are read or made
	readAt time.Time  // when they were read last
}

// New makes a Signer. It reads nothing yet.
func New(o Options) *Signer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Signer{o: o}
	s.ring.Store(&ring{})
	return s
}

// errLife says that claims live too long, or do not say until when.
var errLife = fmt.Errorf("claims must have an exp that is at most %v ahead: their key is published no longer", MaxLife)

// Sign gives a JWT of these claims, whose header names its key and the type "JWT".
// alg is [ES256] or [RS256]. The claims must say in exp when they are over, at most
// [MaxLife] from now.
func (s *Signer) Sign(ctx context.Context, alg string, claims any) (string, error) {
	return s.SignAs(ctx, alg, typeJWT, claims)
}

// SignAs is Sign with another type in the header, such as "logout+jwt", so that one
// kind of token is not taken for another.
func (s *Signer) SignAs(ctx context.Context, alg, typ string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("signer: encode claims: %w", err)
	}
	now := s.o.Now()
	if err := checkLife(payload, now); err != nil {
		return "", fmt.Errorf("signer: %w", err)
	}
	k, err := s.current(ctx, alg, now)
	if err != nil {
		return "", fmt.Errorf("signer: %w", err)
	}
	token, err := k.sign(typ, payload)
	if err != nil {
		return "", fmt.Errorf("signer: sign with %s: %w", k.ID, err)
	}
	return token, nil
}

func checkLife(payload []byte, now time.Time) error {
	var life struct {
		Exp int64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &life); err != nil || life.Exp == 0 || time.Unix(life.Exp, 0).After(now.Add(MaxLife)) {
		return errLife
	}
	return nil
}

// current gives the key that signs now. Without one in memory, it looks for one, and
// makes it.
func (s *Signer) current(ctx context.Context, alg string, now time.Time) (*key, error) {
	if k := s.ring.Load().signs(alg, now); k != nil {
		return k, nil
	}
	if err := s.ensure(ctx, now, alg); err != nil {
		return nil, err
	}
	if k := s.ring.Load().signs(alg, now); k != nil {
		return k, nil
	}
	return nil, errors.New("there is no key that signs, and none could be made; see the log")
}

// ErrNotOurs says that a token was not signed by a key that is published now, or is
// no token.
var ErrNotOurs = errors.New("signer: no key of ours that is still published signed this")

// Verify reads the claims of a token that one of our keys signed, whatever its claims
// say, also of when it is over. typ is the type that its header must name. Any other
// token is [ErrNotOurs].
func (s *Signer) Verify(ctx context.Context, token, typ string, claims any) error {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil || len(jws.Signatures) != 1 || jws.Signatures[0].Header.ExtraHeaders[jose.HeaderType] != typ {
		return ErrNotOurs
	}
	header := jws.Signatures[0].Header
	now := s.o.Now()
	k := s.ring.Load().published(header.KeyID, now)
	if k == nil {
		if err := s.look(ctx, now); err != nil {
			return fmt.Errorf("signer: %w", err)
		}
		k = s.ring.Load().published(header.KeyID, now)
	}
	if k == nil || k.Alg != header.Algorithm {
		return ErrNotOurs
	}
	payload, err := jws.Verify(k.public())
	if err != nil || json.Unmarshal(payload, claims) != nil {
		return ErrNotOurs
	}
	return nil
}

// readEvery is how often the rows are read: another replica may have made keys.
const readEvery = time.Minute

// Run makes the next key of every algorithm in use in time, until ctx ends.
func (s *Signer) Run(ctx context.Context) {
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	for {
		if err := s.ensure(ctx, s.o.Now()); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("keys that sign could not be looked after; those in memory go on", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
