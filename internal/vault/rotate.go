package vault

import (
	"context"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/keyset"
)

// Key is what may be told about a key of the keyset.
type Key struct {
	ID      string `json:"id"`      // 8 hex digits, as in every value that it sealed
	Primary bool   `json:"primary"` // it seals; the others only open
	Status  string `json:"status"`  // "enabled", or "disabled" when it does not open either
}

// Keys lists the keyset, the oldest key first.
func (v *Vault) Keys() []Key {
	var list []Key
	for e := range v.keys.Load().entries() {
		list = append(list, Key{ID: fmt.Sprintf("%08x", e.KeyID()), Primary: e.IsPrimary(), Status: statusName(e.KeyStatus())})
	}
	return list
}

// MasterKey names the master key in use: its id, and where it comes from.
func (v *Vault) MasterKey() (id, name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.kek.ID(), v.kek.Name()
}

// Rotate adds a key and seals with it from then on. save stores the wrapped
// keyset; only after it succeeded is the new key used, so that nothing is ever
// sealed with a key that is not stored. If save fails, the vault stays as it
// was and is right even if the keyset was stored all the same; in that case
// call [Vault.Reload] before rotating again.
func (v *Vault) Rotate(ctx context.Context, save func(wrapped []byte) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.keys.Load()
	k, err := addPrimary(keyset.NewManagerFromHandle(old.handle), old.mac)
	if err != nil {
		return err
	}
	wrapped, err := k.wrap(ctx, v.kek)
	if err != nil {
		return err
	}
	if err := save(wrapped); err != nil {
		return fmt.Errorf("vault: store the rotated keyset: %w; the old key stays in use", err)
	}
	v.keys.Store(k)
	return nil
}

// Rewrap wraps the keyset with another master key. save stores it; only then
// is the new master key used for later rotations. Keep the old master key until
// no backup needs it.
func (v *Vault) Rewrap(ctx context.Context, kek KEK, save func(wrapped []byte) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	wrapped, err := v.keys.Load().wrap(ctx, kek)
	if err != nil {
		return err
	}
	// Somebody may be allowed to wrap with a key and not to unwrap. Better
	// to learn that now than at the next start.
	if _, err := unwrap(ctx, kek, wrapped); err != nil {
		return err
	}
	if err := save(wrapped); err != nil {
		return fmt.Errorf("vault: store the rewrapped keyset: %w; the old master key stays in use", err)
	}
	v.kek = kek
	return nil
}

// Reload takes the keyset as it is stored now, after another process rotated.
// After an error the vault stays as it was.
func (v *Vault) Reload(ctx context.Context, wrapped []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	k, err := unwrap(ctx, v.kek, wrapped)
	if err != nil {
		return err
	}
	v.keys.Store(k)
	return nil
}
