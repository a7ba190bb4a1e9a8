package alias

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Prefix begins every alias. Scanners that look for leaked secrets know it by that.
const Prefix = "zgt_"

// The times of an alias.
const (
	// Life is how long an alias is good.
	Life = 2 * time.Hour
	// Overlap is how long it is good beside the next one. Nobody is ever given an
	// alias that ends sooner.
	Overlap = 5 * time.Minute
	span    = Life - Overlap
	// ahead is by how much the clock of the replica that made it may run ahead.
	ahead = 5 * time.Minute
	// remembered is how long an alias is known as one that has ended. Later it is
	// as good as forged.
	remembered = 24 * time.Hour
)

// The errors of [Maker.Read].
var (
	ErrForged = errors.New("alias: this is none of ours, or a copy with errors; fetch one from /cgi-bin/stable_token")
	ErrEnded  = errors.New("alias: its time is over; fetch the next one from /cgi-bin/stable_token")
)

// Kind says what an alias stands for.
type Kind byte

// The kinds.
const (
	Shop     Kind = 's' // the token of a shop
	Platform Kind = 'p' // the token of a third-party platform
)

// Name is what an alias says.
type Name struct {
	Kind Kind
	// KeyHash is that of the client's key, see access.HashKey: 32 bytes.
	KeyHash string
	ID      string // our id of the shop or the platform
}

// The parts of an alias, in bytes; see the package comment.
const (
	version = 1
	headLen = 1 + 1 + 4 + sha256.Size
	tagLen  = 16
	maxID   = 128
	maxText = len(Prefix) + (headLen+maxID+tagLen)*4/3 + 2
)

// encoding has one text for each value only, but for line ends: see decode.
var encoding = base64.RawURLEncoding.Strict()

// decode refuses line ends, which encoding would skip.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, ErrForged
	}
	return encoding.DecodeString(text)
}

// Maker makes and reads aliases and handles. It may be used by several goroutines.
type Maker struct {
	mac     func(purpose string, data []byte) []byte
	handles []byte

	mu   sync.RWMutex
	keys map[int64][]byte // by the day that an alias begins in
	made map[Name]made
}

// made is an alias that was made: whoever asks again in its span gets it from here.
type made struct {
	text secret.Value
	ends time.Time
}

// maxMade bounds the aliases in memory. One more costs making them anew.
const maxMade = 4096

// New makes a Maker. mac gives keyed digests of 32 bytes, as vault.Vault.MAC does;
// replicas that share a keyset have the same.
func New(mac func(purpose string, data []byte) []byte) *Maker {
	return &Maker{mac: mac, handles: mac("alias handle", nil), keys: make(map[int64][]byte), made: make(map[Name]made)}
}

// Make gives the alias of n at now, and how long it is good: from [Overlap] to
// [Life]. It panics if n cannot be named: a KeyHash of another length, an ID that is
// empty or longer than 128 bytes.
func (m *Maker) Make(n Name, now time.Time) (secret.Value, time.Duration) {
	if len(n.KeyHash) != sha256.Size || n.ID == "" || len(n.ID) > maxID {
		panic("alias: a name without a key hash, or with an id that is no id of ours; report this")
	}
	m.mu.RLock()
	last, ok := m.made[n]
	m.mu.RUnlock()
	if left := last.ends.Sub(now); ok && left > Overlap && left <= Life {
		return last.text, left
	}
	ends := endOf(n, now)
	text := m.encode(n, ends)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.made) >= maxMade {
		clear(m.made)
	}
	m.made[n] = made{text, ends}
	return text, ends.Sub(now)
}

// encode gives the text of n's alias that ends at ends.
func (m *Maker) encode(n Name, ends time.Time) secret.Value {
	b := make([]byte, 0, headLen+maxID+tagLen)
	b = append(b, version, byte(n.Kind))
	b = binary.BigEndian.AppendUint32(b, uint32(ends.Unix()))
	b = append(append(b, n.KeyHash...), n.ID...)
	b = append(b, m.tag(b, ends)...)
	return secret.FromString(Prefix + encoding.EncodeToString(b))
}

// Read gives what an alias says. Its errors are [ErrForged] and [ErrEnded].
func (m *Maker) Read(text string, now time.Time) (Name, error) {
	body, ok := strings.CutPrefix(text, Prefix)
	if !ok || len(text) > maxText {
		return Name{}, ErrForged
	}
	b, err := decode(body)
	if err != nil || len(b) <= headLen+tagLen || b[0] != version {
		return Name{}, ErrForged
	}
	said, tag := b[:len(b)-tagLen], b[len(b)-tagLen:]
	ends := time.Unix(int64(binary.BigEndian.Uint32(said[2:6])), 0)
	left := ends.Sub(now)
	if left > Life+ahead || left < -remembered || !hmac.Equal(tag, m.tag(said, ends)) {
		return Name{}, ErrForged
	}
	if left <= 0 {
		return Name{}, ErrEnded
	}
	return Name{Kind: Kind(said[1]), KeyHash: string(said[6:headLen]), ID: string(said[headLen:])}, nil
}

// endOf is when the alias of n that is made at now ends.
func endOf(n Name, now time.Time) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(n.KeyHash)) // a hash takes everything
	_, _ = h.Write([]byte(n.ID))
	every := int64(span / time.Second)
	phase := int64(h.Sum32()) % every
	began := (now.Unix()+phase)/every*every - phase
	return time.Unix(began, 0).Add(Life)
}

// tag authenticates what an alias says.
func (m *Maker) tag(said []byte, ends time.Time) []byte {
	h := hmac.New(sha256.New, m.key(ends.Add(-Life)))
	h.Write(said)
	return h.Sum(nil)[:tagLen]
}

// day is how long one key makes tags.
const day = 24 * 60 * 60

// maxKeys bounds the keys in memory. Three are in use at most: of today, of
// yesterday, and of tomorrow where the clocks of replicas differ.
const maxKeys = 8

// key is the key of the day in which an alias began.
func (m *Maker) key(began time.Time) []byte {
	d := began.Unix() / day
	m.mu.RLock()
	key, ok := m.keys[d]
	m.mu.RUnlock()
	if ok {
		return key
	}
	key = m.mac("alias", binary.BigEndian.AppendUint64(nil, uint64(d)))
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.keys) >= maxKeys {
		clear(m.keys)
	}
	m.keys[d] = key
	return key
}
