package access

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Mode is what a client may do in its shops.
type Mode string

// The modes.
const (
	Read  Mode = "read"
	Write Mode = "write" // reading included
)

// Client is a program that calls us with a key of its own.
type Client struct {
	ID        string // ours, a slug
	Name      string
	KeyHash   []byte // SHA-256 of the key
	KeyHint   string // first characters of the key, to tell keys apart in lists
	Mode      Mode
	Shops     []string // shop ids, sorted
	Rights    Rights
	MadeBy    string // "person:…", "admin:…" or "operator"; empty when nobody wrote it down
	CreatedAt time.Time
	ExpiresAt time.Time // zero: no end
	RevokedAt time.Time // zero while live
	UsedAt    time.Time // when the key was used last, to a minute; zero: never, or nobody wrote it down
	Next      NextKey   // counts beside the key, while a rotation lasts
}

// Used gives the hint of the key that has this hash, for the audit log; empty while
// the client has only one.
func (c Client) Used(hash []byte) string {
	switch {
	case len(c.Next.Hash) == 0:
		return ""
	case bytes.Equal(hash, c.Next.Hash):
		return c.Next.Hint
	}
	return c.KeyHint
}

// Live tells whether the client's key counts at now.
func (c Client) Live(now time.Time) bool {
	return c.RevokedAt.IsZero() && (c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt))
}

// Holds tells whether the client may use the shop at all.
func (c Client) Holds(shop string) bool { return slices.Contains(c.Shops, shop) }

// Administrator is somebody who runs this server: of the provider's staff. They
// sign in with a key, or through the company.
type Administrator struct {
	ID        string
	Name      string
	Kind      StaffKind // empty is StaffAdmin
	Subject   string    // what the company's server calls them; empty: they have a key
	KeyHash   []byte
	CreatedAt time.Time
	ExpiresAt time.Time // zero: no end
	RevokedAt time.Time
}

// Live tells whether the administrator counts at now.
func (a Administrator) Live(now time.Time) bool {
	return a.RevokedAt.IsZero() && (a.ExpiresAt.IsZero() || now.Before(a.ExpiresAt))
}

// May tells whether the administrator is of this kind, or of the one that may do
// everything.
func (a Administrator) May(k StaffKind) bool {
	return a.Kind == "" || a.Kind == StaffAdmin || a.Kind == k
}

// Key prefixes. A prefix makes a key recognisable to people and to scanners
// that look for leaked secrets; it is part of the key.
const (
	ClientKeyPrefix = "zgc_"
	AdminKeyPrefix  = "zga_"
	SessionPrefix   = "zgs_"
	InvitePrefix    = "zgi_"
	SetupPrefix     = "zgu_"
)

// NewKey makes a random key with 130 bits behind its prefix, and its hash for
// keeping.
func NewKey(prefix string) (key secret.Value, hash []byte) {
	s := prefix + rand.Text()
	return secret.FromString(s), HashKey(s)
}

// HashKey gives what is stored of a key, a session token or a link. Keys are
// random, so a plain SHA-256 is enough: there is nothing to guess.
func HashKey(key string) []byte {
	h := sha256.Sum256([]byte(key))
	return h[:]
}

// NewID makes a random public id, e.g. NewID("p") is "p_2ifz…".
func NewID(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text())[:20] }

// Errors of lookups and guards that every consumer shares.
var (
	ErrNotFound = errors.New("access: not found")
	ErrStale    = errors.New("access: somebody else changed it meanwhile; read it again and repeat")
	ErrUsed     = errors.New("access: already used")
)

// KeyHint is the part of a key that may be shown, to tell keys apart in lists.
func KeyHint(key secret.Value) string {
	s := key.RevealString()
	if len(s) < 8 {
		return ""
	}
	return s[:8] + "…"
}
