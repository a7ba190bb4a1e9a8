package vault

import (
	"fmt"
	"iter"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// keys is one state of the keyset. It never changes: another one takes its
// place.
type keys struct {
	handle *keyset.Handle
	aead   tink.AEAD
	mac    secret.Value // root of the keys of MAC
}

// addPrimary adds a fresh key to a keyset and makes it the one that seals.
func addPrimary(m *keyset.Manager, mac secret.Value) (*keys, error) {
	id, err := m.Add(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("vault: make a key: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("vault: make key %08x primary: %w", id, err)
	}
	handle, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("vault: keyset with key %08x: %w", id, err)
	}
	return newKeys(handle, mac)
}

func newKeys(handle *keyset.Handle, mac secret.Value) (*keys, error) {
	a, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("vault: keyset of another kind than ours: %w; restore the one that belongs to this database", err)
	}
	return &keys{handle: handle, aead: a, mac: mac}, nil
}

// has reports whether the keyset has an enabled key of this id.
func (k *keys) has(id uint32) bool {
	for e := range k.entries() {
		if e.KeyID() == id {
			return e.KeyStatus() == keyset.Enabled
		}
	}
	return false
}

// entries yields the keys in the order in which they were added.
func (k *keys) entries() iter.Seq[*keyset.Entry] {
	return func(yield func(*keyset.Entry) bool) {
		for i := range k.handle.Len() {
			if e, err := k.handle.Entry(i); err == nil && !yield(e) {
				return
			}
		}
	}
}

func statusName(s keyset.KeyStatus) string {
	switch s {
	case keyset.Enabled:
		return "enabled"
	case keyset.Disabled:
		return "disabled"
	default:
		return "unusable"
	}
}
