package vault

import (
	"errors"
	"slices"
	"testing"
)

// store keeps the wrapped keyset as a database would.
type store struct {
	wrapped []byte
	fail    error // what save returns
	lands   bool  // whether it stores in spite of fail
}

func (s *store) save(wrapped []byte) error {
	if s.fail == nil || s.lands {
		s.wrapped = wrapped
	}
	return s.fail
}

func TestRotate(t *testing.T) {
	v, wrapped := testVault(t)
	db := &store{wrapped: wrapped}
	before := seal(t, v)
	first := v.Keys()[0].ID
	if err := v.Rotate(t.Context(), db.save); err != nil {
		t.Fatal(err)
	}
	after := seal(t, v)
	if slices.Equal(before[:sealedPrefix], after[:sealedPrefix]) {
		t.Error("the old key still seals")
	}
	restarted, err := Open(t.Context(), testKEK(t, 1), db.wrapped)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []*Vault{v, restarted} {
		wantOpens(t, u, before)
		wantOpens(t, u, after)
		k := u.Keys()
		if len(k) != 2 || k[0].ID != first || k[0].Primary || !k[1].Primary || k[0].Status != "enabled" {
			t.Errorf("keys = %+v", k)
		}
	}
}

var errDisk = errors.New("disk on fire")

// A rotation whose save failed, whether it landed or not, changes nothing
// here, and what is sealed then opens after a restart.
func TestRotateNotStored(t *testing.T) {
	for _, lands := range []bool{false, true} {
		v, wrapped := testVault(t)
		db := &store{wrapped: wrapped, fail: errDisk, lands: lands}
		if err := v.Rotate(t.Context(), db.save); !errors.Is(err, errDisk) {
			t.Fatalf("error = %v", err)
		}
		if len(v.Keys()) != 1 {
			t.Errorf("a key that may not be stored is in use: %+v", v.Keys())
		}
		restarted, err := Open(t.Context(), testKEK(t, 1), db.wrapped)
		if err != nil {
			t.Fatal(err)
		}
		wantOpens(t, restarted, seal(t, v))
	}
}

// Another process rotated: its seals open after Reload.
func TestReload(t *testing.T) {
	a, wrapped := testVault(t)
	db := &store{wrapped: wrapped}
	b, err := Open(t.Context(), testKEK(t, 1), db.wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Rotate(t.Context(), db.save); err != nil {
		t.Fatal(err)
	}
	sealed := seal(t, a)
	if _, err := b.Open(sealed, cell); !errors.Is(err, ErrUnknownKey) {
		t.Fatalf("before Reload: %v", err)
	}
	if err := b.Reload(t.Context(), []byte("{")); err == nil {
		t.Error("a damaged keyset was loaded")
	}
	if err := b.Reload(t.Context(), db.wrapped); err != nil {
		t.Fatal(err)
	}
	wantOpens(t, b, sealed)
}

func TestRewrap(t *testing.T) {
	v, wrapped := testVault(t)
	db := &store{wrapped: wrapped}
	sealed := seal(t, v)
	newKEK := testKEK(t, 2)
	if err := v.Rewrap(t.Context(), newKEK, db.save); err != nil {
		t.Fatal(err)
	}
	if id, name := v.MasterKey(); id != newKEK.ID() || name != newKEK.Name() {
		t.Errorf("master key = %s, %s", id, name)
	}
	if _, err := Open(t.Context(), testKEK(t, 1), db.wrapped); err == nil {
		t.Error("the old master key still opens the keyset")
	}
	// A later rotation is wrapped with the new master key.
	if err := v.Rotate(t.Context(), db.save); err != nil {
		t.Fatal(err)
	}
	restarted, err := Open(t.Context(), newKEK, db.wrapped)
	if err != nil {
		t.Fatal(err)
	}
	wantOpens(t, restarted, sealed)
}

func TestRewrapNotStored(t *testing.T) {
	v, wrapped := testVault(t)
	db := &store{wrapped: wrapped, fail: errDisk}
	if err := v.Rewrap(t.Context(), testKEK(t, 2), db.save); !errors.Is(err, errDisk) {
		t.Fatalf("error = %v", err)
	}
	if id, _ := v.MasterKey(); id != testKEK(t, 1).ID() {
		t.Error("the new master key is in use and may not be stored")
	}
}
