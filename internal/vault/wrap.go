package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	wrapVersion = 1 // of the JSON object
	bodyVersion = 1 // of what the master key wraps
	macKeySize  = 32
)

// envelope is the wrapped keyset; see the package comment.
type envelope struct {
	Version int    `json:"version"`
	Master  string `json:"master"`
	Wrapped []byte `json:"wrapped"`
}

// WrongKeyError says that the keyset was wrapped with another master key.
type WrongKeyError struct {
	Want string // id of the master key that the database wants
	Have string // id of the one at hand
	From string // where that one comes from
}

// Error says which key is wanted and what to do.
func (e *WrongKeyError) Error() string {
	return fmt.Sprintf("vault: the database wants master key %s, %s holds %s: restore the right key, or the database that belongs to this one; "+
		"a further replica needs a copy of the first one's master key",
		e.Want, e.From, e.Have)
}

var errDamaged = errors.New("the wrapped keyset in the database is damaged; restore it from a backup")

// wrap gives the form of the keyset that is stored.
func (k *keys) wrap(ctx context.Context, kek KEK) ([]byte, error) {
	body, err := k.body()
	if err != nil {
		return nil, err
	}
	defer clear(body)
	wrapped, err := kek.Wrap(ctx, body)
	if err != nil {
		return nil, fmt.Errorf("vault: wrap the keyset with %s: %w", kek.Name(), err)
	}
	return json.Marshal(envelope{Version: wrapVersion, Master: kek.ID(), Wrapped: wrapped})
}

// body gives what the master key wraps. The caller clears it.
func (k *keys) body() ([]byte, error) {
	var set bytes.Buffer
	defer func() { clear(set.Bytes()) }()
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewBinaryWriter(&set)); err != nil {
		return nil, fmt.Errorf("vault: write the keyset: %w", err)
	}
	mac := k.mac.Reveal()
	defer clear(mac)
	body := make([]byte, 0, 1+len(mac)+set.Len())
	body = append(body, bodyVersion)
	body = append(body, mac...)
	return append(body, set.Bytes()...), nil
}

// unwrap reads what wrap gave.
func unwrap(ctx context.Context, kek KEK, stored []byte) (*keys, error) {
	env, err := parseEnvelope(stored)
	if err != nil {
		return nil, err
	}
	if env.Master != kek.ID() {
		return nil, &WrongKeyError{Want: env.Master, Have: kek.ID(), From: kek.Name()}
	}
	body, err := kek.Unwrap(ctx, env.Wrapped)
	if err != nil {
		return nil, fmt.Errorf("vault: unwrap the keyset with %s: %w", kek.Name(), err)
	}
	defer clear(body)
	return parseBody(body)
}

func parseEnvelope(stored []byte) (envelope, error) {
	var env envelope
	if err := json.Unmarshal(stored, &env); err != nil {
		return envelope{}, fmt.Errorf("vault: %w", errDamaged)
	}
	if env.Version != wrapVersion {
		return envelope{}, fmt.Errorf("vault: the wrapped keyset has version %d, this program knows %d; use the version of zhanggui that wrote it",
			env.Version, wrapVersion)
	}
	return env, nil
}

// parseBody reads what body gave. The errors below come after the master key
// authenticated the bytes, so that they mean another program, not an attacker.
func parseBody(body []byte) (*keys, error) {
	if len(body) < 1+macKeySize || body[0] != bodyVersion {
		return nil, errors.New("vault: the keyset has a form that this program does not know; use the version of zhanggui that wrote it")
	}
	mac, set := body[1:1+macKeySize], body[1+macKeySize:]
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(set)))
	if err != nil {
		return nil, fmt.Errorf("vault: %w", errDamaged)
	}
	return newKeys(handle, secret.New(mac))
}
