package vault

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// KEK is a master key, or somebody who holds one: it wraps the keyset and
// nothing else. Implementations are safe for concurrent use.
type KEK interface {
	// Wrap encrypts and authenticates a keyset of a few hundred bytes.
	Wrap(ctx context.Context, plain []byte) ([]byte, error)
	// Unwrap reverses Wrap. The caller clears what it gets.
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
	// ID tells master keys apart: short, not secret, always the same for one
	// key.
	ID() string
	// Name says where the key comes from, for messages: "file
	// /data/master.key".
	Name() string
}

// masterKeySize is the length of a master key in bytes.
const masterKeySize = 32

// localKEK holds the master key in memory.
type localKEK struct {
	name string
	id   string
	key  secret.Value
}

// newLocalKEK takes the text of a master key: base64 of 32 bytes, as in the
// file that [FileKEK] makes. Its errors do not hold the text.
func newLocalKEK(name string, text []byte) (KEK, error) {
	key, err := parseMasterKey(text)
	if err != nil {
		return nil, fmt.Errorf("vault: %s: %w", name, err)
	}
	defer clear(key)
	return &localKEK{name: name, id: masterKeyID(key), key: secret.New(key)}, nil
}

// parseMasterKey is strict, so that a password or half a key is not taken for
// one.
func parseMasterKey(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, errors.New("it holds no master key; put one there, made with: openssl rand -base64 32")
	}
	key := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(key, text)
	if err != nil || n != masterKeySize {
		clear(key)
		return nil, errors.New("it does not hold 32 bytes in base64; restore the master key, or make a new one for a new database with: openssl rand -base64 32")
	}
	return key[:n], nil
}

// masterKeyID names a key without telling it: 32 bits of a digest of 256 random
// bits help nobody.
func masterKeyID(key []byte) string {
	h := sha256.New()
	h.Write([]byte("zhanggui master key id v1\x00"))
	h.Write(key)
	return hex.EncodeToString(h.Sum(nil)[:4])
}

func (k *localKEK) ID() string   { return k.id }
func (k *localKEK) Name() string { return k.name }

func (k *localKEK) Wrap(_ context.Context, plain []byte) ([]byte, error) {
	a, err := k.aead()
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, nil, plain, nil), nil
}

func (k *localKEK) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	a, err := k.aead()
	if err != nil {
		return nil, err
	}
	plain, err := a.Open(nil, nil, wrapped, nil)
	if err != nil {
		return nil, errDamaged
	}
	return plain, nil
}

// aead derives the wrapping key, so that the master key itself encrypts nothing
// and can serve another purpose later.
func (k *localKEK) aead() (cipher.AEAD, error) {
	master := k.key.Reveal()
	defer clear(master)
	key, err := hkdf.Key(sha256.New, master, nil, "zhanggui vault wrap v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the wrapping key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("wrapping cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
