package vault

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

var update = flag.Bool("update", false, "make golden files that are missing; existing ones are promises and are never replaced")

// golden reads a file of testdata, or makes it with -update if it is not there.
func golden(t *testing.T, name string, fresh func() ([]byte, error)) []byte {
	t.Helper()
	path := filepath.Join("testdata", name)
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) && *update {
		if b, err = fresh(); err == nil {
			err = os.WriteFile(path, b, 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGolden opens what version 1 wrote: a keyset of two keys, wrapped by a
// master key of 32 bytes 0x01, and values that the older and the newer key
// sealed. These files are the promise that stored data stays readable.
func TestGolden(t *testing.T) {
	kek := testKEK(t, 1)
	wrapped := golden(t, "keyset.v1.json", func() ([]byte, error) { return rotatedKeyset(kek) })
	v, err := Open(t.Context(), kek, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(v.Keys()); n != 2 {
		t.Fatalf("%d keys, want 2", n)
	}
	for i, name := range []string{"sealed.old.v1", "sealed.new.v1"} {
		sealed := golden(t, name, func() ([]byte, error) { return sealWith(v, i) })
		if got := fmt.Sprintf("%x", sealed[1:sealedPrefix]); got != v.Keys()[i].ID {
			t.Errorf("%s was sealed with key %s, want %s", name, got, v.Keys()[i].ID)
		}
		wantOpens(t, v, sealed)
	}
	mac := golden(t, "mac.v1", func() ([]byte, error) { return v.MAC("golden", []byte(plaintext)), nil })
	if got := v.MAC("golden", []byte(plaintext)); !bytes.Equal(got, mac) {
		t.Errorf("MAC = %x, was %x", got, mac)
	}
	if got, want := kek.ID(), "ccd40d6e"; got != want {
		t.Errorf("master key id = %s, was %s", got, want)
	}
}

func rotatedKeyset(kek KEK) ([]byte, error) {
	v, wrapped, err := Create(context.Background(), kek)
	if err != nil {
		return nil, err
	}
	err = v.Rotate(context.Background(), func(b []byte) error { wrapped = b; return nil })
	return wrapped, err
}

// sealWith seals with the key at index i of the keyset.
func sealWith(v *Vault, i int) ([]byte, error) {
	m := keyset.NewManagerFromHandle(v.keys.Load().handle)
	e, err := v.keys.Load().handle.Entry(i)
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(e.KeyID()); err != nil {
		return nil, err
	}
	handle, err := m.Handle()
	if err != nil {
		return nil, err
	}
	a, err := aead.New(handle)
	if err != nil {
		return nil, err
	}
	return a.Encrypt([]byte(plaintext), cell.encode())
}

// TestGoldenCell freezes the associated data.
func TestGoldenCell(t *testing.T) {
	const want = "\x01\x00\x00\x00\x06grants\x00\x00\x00\x06access\x00\x00\x00\x06g_0001\x00\x00\x00\x04user\x00\x00\x00\x00\x00\x00\x00\x07"
	if got := string(cell.encode()); got != want {
		t.Errorf("encoded as %q, was %q", got, want)
	}
}
