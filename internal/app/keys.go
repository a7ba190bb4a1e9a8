package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// openVault opens the keyset that the store keeps, or makes one on the first
// start. kek is asked for the master key; create says whether a missing one may
// be made, which is so only while there is no keyset that it would have to open.
func openVault(ctx context.Context, store *sqlstore.Store, kek func(create bool) (vault.KEK, error), now time.Time) (*vault.Vault, error) {
	wrapped, ok, err := keptKeyset(ctx, store)
	if err != nil {
		return nil, fmt.Errorf("read the keyset: %w", err)
	}
	key, err := kek(!ok)
	if err != nil {
		return nil, err
	}
	if ok {
		return vault.Open(ctx, key, wrapped)
	}
	v, wrapped, err := vault.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	entry := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "key.create", Subject: "master:" + key.ID(), Outcome: audit.Done}
	kept, err := store.CreateKeyset(ctx, wrapped, entry)
	if err != nil {
		return nil, fmt.Errorf("store the keyset: %w", err)
	}
	if !bytes.Equal(kept, wrapped) { // another replica was first
		return vault.Open(ctx, key, kept)
	}
	return v, nil
}

// errKeysetGone says that a database had a keyset once. A new one would open
// nothing of what is there.
var errKeysetGone = errors.New("the database has an audit log and no keyset, so nothing that is sealed in it can be opened: " +
	"somebody changed the database by hand; nothing is written; restore it from a backup")

// keptKeyset reads the keyset; false before the first start. The log is looked at
// first: its first entry comes with the keyset, in one transaction.
func keptKeyset(ctx context.Context, store *sqlstore.Store) (wrapped []byte, ok bool, err error) {
	size, _, err := store.AuditHead(ctx)
	if err != nil {
		return nil, false, err
	}
	wrapped, ok, err = store.Keyset(ctx)
	if err == nil && !ok && size > 0 {
		err = errKeysetGone
	}
	return wrapped, ok, err
}

// unwrapVault opens a keyset that is there.
func unwrapVault(ctx context.Context, wrapped []byte, kek func(create bool) (vault.KEK, error)) (*vault.Vault, error) {
	key, err := kek(false)
	if err != nil {
		return nil, err
	}
	return vault.Open(ctx, key, wrapped)
}

// freshVault is a vault that reads the keyset again when a value was sealed with
// a key that it does not know: another replica has just rotated.
type freshVault struct {
	*vault.Vault
	reload func() error
}

// Open opens what was sealed for this cell.
func (v freshVault) Open(sealed []byte, c vault.Cell) (secret.Value, error) {
	value, err := v.Vault.Open(sealed, c)
	if !errors.Is(err, vault.ErrUnknownKey) || v.reload == nil || v.reload() != nil {
		return value, err
	}
	return v.Vault.Open(sealed, c)
}

// keys gives the vault as features use it.
func (a *App) keys() freshVault {
	v := freshVault{Vault: a.vault}
	if a.replica != nil {
		v.reload = a.replica.reloadNow
	}
	return v
}

// keys implements adminapi.Keys.
type keys struct {
	vault *vault.Vault
	store *sqlstore.Store
	now   func() time.Time
}

// Keys lists the keys of the keyset.
func (k keys) Keys() []vault.Key { return k.vault.Keys() }

// Rotate adds a key to the keyset as it is stored now: another replica may have
// added one. It is stored before it seals anything.
func (k keys) Rotate(ctx context.Context, by audit.Actor) error {
	before, ok, err := k.store.Keyset(ctx)
	if err != nil {
		return fmt.Errorf("read the keyset: %w", err)
	}
	if !ok {
		return errors.New("the database has no keyset any more; restore it from a backup")
	}
	if err := k.vault.Reload(ctx, before); err != nil {
		return err
	}
	entry := audit.Entry{At: k.now(), Actor: by, Action: "key.rotate", Outcome: audit.Done}
	return k.vault.Rotate(ctx, func(wrapped []byte) error { return k.store.SaveKeyset(ctx, before, wrapped, entry) })
}
