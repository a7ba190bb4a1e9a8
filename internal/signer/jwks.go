package signer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/zhanggui/zhanggui/internal/web"
)

// JWKSPath is where the set is published, below the public URL.
const JWKSPath = "/.well-known/jwks.json"

// cacheFor is how long others may keep the set; much less than a key is published
// before it signs.
const cacheFor = "3600"

// ServeHTTP answers with the set of public keys, for [JWKSPath].
func (s *Signer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	web.Machine(s.serveJWKS).ServeHTTP(w, r)
}

func (s *Signer) serveJWKS(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return &web.Error{
			Status: http.StatusMethodNotAllowed, Code: "method-not-allowed",
			EN: "The keys can only be read.", ZH: "签名公钥只能读取。", NextEN: "Send GET.", NextZH: "请使用 GET。",
		}
	}
	now := s.o.Now()
	if err := s.look(r.Context(), now, ES256, RS256); err != nil {
		s.o.Log.Warn("the set of keys is as it was: they could not be read", "error", err)
	}
	body, err := s.ring.Load().set(now)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	h := w.Header()
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", "public, max-age="+cacheFor)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}

// errNoKeys is a state that lasts as long as the database is away.
var errNoKeys = &web.Error{
	Status: http.StatusServiceUnavailable, Code: "no-signing-keys", RetryAfter: 10 * time.Second,
	EN: "The keys cannot be read right now.", ZH: "暂时无法读取签名密钥。",
	NextEN: "Try again in a few seconds.", NextZH: "请几秒后重试。",
}

// set is the JWK set of what is published at now.
func (r *ring) set(now time.Time) ([]byte, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range r.keys {
		if now.Before(k.PublishedUntil) {
			set.Keys = append(set.Keys, k.public())
		}
	}
	if len(set.Keys) == 0 {
		return nil, errNoKeys
	}
	return json.Marshal(set)
}
