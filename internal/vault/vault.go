package vault

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Errors of opening. Test for them with errors.Is.
var (
	// ErrSealed says that a sealed value does not open in this cell: it was
	// damaged, moved from another place, or put back from an older time.
	ErrSealed = errors.New("it was damaged, or belongs to another row or an older generation; restore the row from a backup")
	// ErrUnknownKey says that the keyset has no key that fits, as after a
	// rotation by another process.
	ErrUnknownKey = errors.New("the keyset has no such key; read the keyset again, or restore the one that belongs to this database")
)

// Vault seals and opens. Its methods may be called from several goroutines.
type Vault struct {
	keys atomic.Pointer[keys]

	mu  sync.Mutex // held while the keyset or its wrapping changes
	kek KEK
}

// Create makes a vault with a new keyset. The caller stores wrapped before
// it seals anything.
func Create(ctx context.Context, kek KEK) (v *Vault, wrapped []byte, err error) {
	root := make([]byte, macKeySize)
	defer clear(root)
	rand.Read(root) //nolint:errcheck // never fails since Go 1.24
	k, err := addPrimary(keyset.NewManager(), secret.New(root))
	if err != nil {
		return nil, nil, err
	}
	wrapped, err = k.wrap(ctx, kek)
	if err != nil {
		return nil, nil, err
	}
	v = &Vault{kek: kek}
	v.keys.Store(k)
	return v, wrapped, nil
}

// Open makes a vault from a wrapped keyset. A master key other than the one
// that wrapped it is a *[WrongKeyError].
func Open(ctx context.Context, kek KEK, wrapped []byte) (*Vault, error) {
	k, err := unwrap(ctx, kek, wrapped)
	if err != nil {
		return nil, err
	}
	v := &Vault{kek: kek}
	v.keys.Store(k)
	return v, nil
}

// Seal encrypts a secret for its cell. Two seals of one secret differ.
func (v *Vault) Seal(s secret.Value, c Cell) ([]byte, error) {
	plain := s.Reveal()
	defer clear(plain)
	sealed, err := v.keys.Load().aead.Encrypt(plain, c.encode())
	if err != nil {
		return nil, fmt.Errorf("vault: seal %s: %w", c, err)
	}
	return sealed, nil
}

// sealedMin is the length of a sealed empty value; see the package comment.
const (
	sealedPrefix = 1 + 4
	sealedMin    = sealedPrefix + 12 + 12 + 16
)

// Open decrypts what Seal gave for the same cell. Its errors are [ErrSealed]
// and [ErrUnknownKey].
func (v *Vault) Open(sealed []byte, c Cell) (secret.Value, error) {
	if len(sealed) < sealedMin || sealed[0] != 1 {
		return secret.Value{}, fmt.Errorf("vault: open %s: %w", c, ErrSealed)
	}
	k := v.keys.Load()
	if id := binary.BigEndian.Uint32(sealed[1:sealedPrefix]); !k.has(id) {
		return secret.Value{}, fmt.Errorf("vault: open %s: sealed with key %08x: %w", c, id, ErrUnknownKey)
	}
	plain, err := k.aead.Decrypt(sealed, c.encode())
	if err != nil {
		// Tink's own words say nothing that ErrSealed does not.
		return secret.Value{}, fmt.Errorf("vault: open %s: %w", c, ErrSealed)
	}
	defer clear(plain)
	return secret.New(plain), nil
}

// MAC gives a keyed digest of 32 bytes, for values that others must be unable
// to compute or to try. Purposes have keys of their own, so that a digest for
// one says nothing to another. Digests stay the same through [Vault.Rotate]
// and [Vault.Rewrap].
func (v *Vault) MAC(purpose string, data []byte) []byte {
	root := v.keys.Load().mac.Reveal()
	defer clear(root)
	key, err := hkdf.Key(sha256.New, root, nil, "zhanggui vault mac v1 "+purpose, sha256.Size)
	if err != nil {
		panic("vault: hkdf refuses 32 bytes: " + err.Error()) // it refuses more than 8,160 only
	}
	defer clear(key)
	mac := hmac.New(sha256.New, key)
	mac.Write(data)
	return mac.Sum(nil)
}
