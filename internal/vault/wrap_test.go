package vault

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestOpenWithTheWrongMasterKey(t *testing.T) {
	_, wrapped := testVault(t)
	right, wrong := testKEK(t, 1), testKEK(t, 2)
	_, err := Open(t.Context(), wrong, wrapped)
	e, ok := errors.AsType[*WrongKeyError](err)
	if !ok || e.Want != right.ID() || e.Have != wrong.ID() || e.From != wrong.Name() {
		t.Fatalf("error = %#v", err)
	}
	for _, word := range []string{right.ID(), wrong.ID(), wrong.Name(), "restore"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

// A wrong key that claims to be the right one does not open it either.
func TestOpenWithALyingMasterKey(t *testing.T) {
	_, wrapped := testVault(t)
	liar := *testKEK(t, 2).(*localKEK)
	liar.id = testKEK(t, 1).ID()
	if _, err := Open(t.Context(), &liar, wrapped); !errors.Is(err, errDamaged) {
		t.Errorf("error = %v", err)
	}
}

func TestOpenDamagedKeyset(t *testing.T) {
	_, wrapped := testVault(t)
	kek := testKEK(t, 1)
	env, err := parseEnvelope(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(env.Wrapped) * 8 {
		env.Wrapped[i/8] ^= 1 << (i % 8)
		if _, err := kek.Unwrap(t.Context(), env.Wrapped); err == nil {
			t.Fatalf("bit %d flipped, and it unwraps", i)
		}
		env.Wrapped[i/8] ^= 1 << (i % 8)
	}
	for n := range wrapped {
		if _, err := Open(t.Context(), kek, wrapped[:n]); err == nil {
			t.Fatalf("cut at %d, and it opens", n)
		}
	}
	newer := strings.Replace(string(wrapped), `"version":1`, `"version":2`, 1)
	if _, err := Open(t.Context(), kek, []byte(newer)); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer form: %v", err)
	}
}

func TestParseBodyRefuses(t *testing.T) {
	v, _ := testVault(t)
	body, err := v.keys.Load().body()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"nothing":         nil,
		"no keyset":       body[:1+macKeySize],
		"half a keyset":   body[:len(body)-10],
		"another version": append([]byte{9}, body[1:]...),
	}
	for name, b := range tests {
		if _, err := parseBody(b); err == nil {
			t.Errorf("%s was taken for a keyset", name)
		}
	}
	if _, err := parseBody(body); err != nil {
		t.Errorf("the whole one: %v", err)
	}
}

// deafKEK fails as a key service does that cannot be reached, or that lets us
// wrap and not unwrap.
type deafKEK struct {
	KEK
	wrapErr, unwrapErr error
}

func (d deafKEK) Wrap(ctx context.Context, b []byte) ([]byte, error) {
	if d.wrapErr != nil {
		return nil, d.wrapErr
	}
	return d.KEK.Wrap(ctx, b)
}

func (d deafKEK) Unwrap(context.Context, []byte) ([]byte, error) { return nil, d.unwrapErr }

func TestFailingMasterKey(t *testing.T) {
	errAway := errors.New("key service away")
	cannotWrap := deafKEK{testKEK(t, 1), errAway, errAway}
	cannotUnwrap := deafKEK{testKEK(t, 1), nil, errAway}
	save := func([]byte) error { t.Error("stored what cannot be unwrapped"); return nil }

	v, wrapped := testVault(t)
	_, _, createErr := Create(t.Context(), cannotWrap)
	_, openErr := Open(t.Context(), cannotUnwrap, wrapped)
	errs := map[string]error{
		"create":                               createErr,
		"open":                                 openErr,
		"rewrap with a key that cannot wrap":   v.Rewrap(t.Context(), cannotWrap, save),
		"rewrap with a key that cannot unwrap": v.Rewrap(t.Context(), cannotUnwrap, save),
	}
	v.kek = cannotWrap
	errs["rotate"] = v.Rotate(t.Context(), save)
	for name, err := range errs {
		if !errors.Is(err, errAway) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantOpens(t, v, seal(t, v))
}

func FuzzOpenKeyset(f *testing.F) {
	_, wrapped := testVault(f)
	f.Add(wrapped)
	f.Add([]byte(`{"version":1,"master":"","wrapped":""}`))
	f.Add([]byte(`{}`))
	kek := testKEK(f, 1)
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := Open(t.Context(), kek, b); err == nil {
			wantOpens(t, v, seal(t, v))
		}
	})
}

func FuzzOpenSealed(f *testing.F) {
	v, _ := testVault(f)
	good := seal(f, v)
	f.Add(good)
	f.Add(good[:sealedMin])
	f.Add([]byte{1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if string(b) == string(good) {
			wantOpens(t, v, b)
			return
		}
		wantRefused(t, v, b, cell)
	})
}
