package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

const plaintext = "demo-access-token-0001"

var cell = GrantAccess("g_0001", "user", 7)

// testKEK gives a master key of 32 equal bytes.
func testKEK(t testing.TB, fill byte) KEK {
	t.Helper()
	key := strings.Repeat(string([]byte{fill}), masterKeySize)
	kek, err := newLocalKEK(fmt.Sprintf("test key %02x", fill), []byte(base64.StdEncoding.EncodeToString([]byte(key))))
	if err != nil {
		t.Fatal(err)
	}
	return kek
}

func testVault(t testing.TB) (*Vault, []byte) {
	t.Helper()
	v, wrapped, err := Create(context.Background(), testKEK(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	return v, wrapped
}

func seal(t testing.TB, v *Vault) []byte {
	t.Helper()
	sealed, err := v.Seal(secret.FromString(plaintext), cell)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func wantOpens(t testing.TB, v *Vault, sealed []byte) {
	t.Helper()
	got, err := v.Open(sealed, cell)
	if err != nil {
		t.Fatal(err)
	}
	if got.RevealString() != plaintext {
		t.Error("opened to something else")
	}
}

func TestSealAndOpen(t *testing.T) {
	v, _ := testVault(t)
	for _, s := range []string{"", "x", plaintext, strings.Repeat("密", 1000)} {
		sealed, err := v.Seal(secret.FromString(s), cell)
		if err != nil {
			t.Fatal(err)
		}
		if len(sealed) != len(s)+sealedMin {
			t.Errorf("%d bytes sealed in %d, want %d more", len(s), len(sealed), sealedMin)
		}
		if s != "" && len(s) > 4 && strings.Contains(string(sealed), s) {
			t.Error("the sealed value holds the secret")
		}
		got, err := v.Open(sealed, cell)
		if err != nil || !got.Equal(secret.FromString(s)) {
			t.Errorf("%d bytes did not come back: %v", len(s), err)
		}
	}
}

// A sealed value with any one bit flipped, or cut anywhere, does not open.
func TestOpenDamaged(t *testing.T) {
	v, _ := testVault(t)
	sealed := seal(t, v)
	for i := range len(sealed) * 8 {
		sealed[i/8] ^= 1 << (i % 8)
		wantRefused(t, v, sealed, cell)
		sealed[i/8] ^= 1 << (i % 8)
	}
	for n := range sealed {
		wantRefused(t, v, sealed[:n], cell)
	}
	wantRefused(t, v, append(sealed, 0), cell)
	wantOpens(t, v, sealed)
}

func wantRefused(t testing.TB, v *Vault, sealed []byte, c Cell) {
	t.Helper()
	got, err := v.Open(sealed, c)
	if err == nil || !got.IsZero() {
		t.Fatalf("opened in %s", c)
	}
	if !errors.Is(err, ErrSealed) && !errors.Is(err, ErrUnknownKey) {
		t.Fatalf("error of another kind: %v", err)
	}
	if strings.Contains(err.Error(), plaintext) {
		t.Fatalf("the error holds the secret: %v", err)
	}
}

// Each field of the cell counts: changing any one of them refuses.
func TestOpenInAnotherCell(t *testing.T) {
	v, _ := testVault(t)
	sealed := seal(t, v)
	for i := range reflect.TypeFor[Cell]().NumField() {
		other := cell
		switch f := reflect.ValueOf(&other).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Int64:
			f.SetInt(f.Int() - 1)
		default:
			t.Fatalf("field %d has a kind that this test does not know", i)
		}
		wantRefused(t, v, sealed, other)
	}
	wantRefused(t, v, sealed, GrantRefresh(cell.Row, cell.Kind, cell.Generation))
	wantRefused(t, v, sealed, Cell{})
}

func TestOpenSwappedRows(t *testing.T) {
	v, _ := testVault(t)
	a, b := GrantAccess("g_a", "user", 1), GrantAccess("g_b", "user", 1)
	sealedA, errA := v.Seal(secret.FromString("a"), a)
	sealedB, errB := v.Seal(secret.FromString("b"), b)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, v, sealedA, b)
	wantRefused(t, v, sealedB, a)
}

func TestOpenWithAnotherVault(t *testing.T) {
	v, _ := testVault(t)
	other, _ := testVault(t)
	_, err := other.Open(seal(t, v), cell)
	if !errors.Is(err, ErrUnknownKey) {
		t.Errorf("error = %v, want ErrUnknownKey", err)
	}
}

// The 24 random bytes of a seal do not come twice.
func TestNoncesDiffer(t *testing.T) {
	v, _ := testVault(t)
	const n = 100_000
	seen := make(map[[24]byte]bool, n)
	for range n {
		seen[[24]byte(seal(t, v)[sealedPrefix:])] = true
	}
	if len(seen) != n {
		t.Errorf("%d different nonces in %d seals", len(seen), n)
	}
}

// Two cells have one encoding only if they are the same.
func TestCellEncodingIsUnambiguous(t *testing.T) {
	short := rapid.StringMatching(`[ab\x00|]{0,3}`)
	draw := rapid.Custom(func(t *rapid.T) Cell {
		return Cell{short.Draw(t, "table"), short.Draw(t, "column"), short.Draw(t, "row"), short.Draw(t, "kind"),
			rapid.Int64Range(-1, 1).Draw(t, "generation")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		if same := string(a.encode()) == string(b.encode()); same != (a == b) {
			t.Fatalf("%+v and %+v: same encoding %v", a, b, same)
		}
	})
}

// TestCellsDiffer lists every place of the program: none is another's.
func TestCellsDiffer(t *testing.T) {
	all := []Cell{
		AppSecret("x", 1), GrantAccess("x", "self", 1), GrantAccess("x", "user", 1), GrantRefresh("x", "user", 1),
		Cookie("x"), Cookie(""), Cookie("state"), Cookie("csrf"),
	}
	seen := make(map[Cell]bool)
	for _, c := range all {
		if seen[c] {
			t.Errorf("%s is used twice", c)
		}
		seen[c] = true
	}
}

func TestMAC(t *testing.T) {
	v, wrapped := testVault(t)
	digest := v.MAC("address", []byte("192.0.2.0/24"))
	if len(digest) != 32 {
		t.Errorf("%d bytes", len(digest))
	}
	other, _ := testVault(t)
	for name, d := range map[string][]byte{
		"another purpose": v.MAC("addres", []byte("s192.0.2.0/24")),
		"other data":      v.MAC("address", []byte("192.0.3.0/24")),
		"another vault":   other.MAC("address", []byte("192.0.2.0/24")),
	} {
		if string(d) == string(digest) {
			t.Errorf("%s gives the same digest", name)
		}
	}
	if err := v.Rotate(t.Context(), func(b []byte) error { wrapped = b; return nil }); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), testKEK(t, 1), wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if string(again.MAC("address", []byte("192.0.2.0/24"))) != string(digest) {
		t.Error("the digest changed with a rotation and a restart")
	}
}

// Seal, Open, Rotate and Keys at the same time: what was sealed opens.
func TestConcurrentUse(t *testing.T) {
	v, _ := testVault(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				sealed, err := v.Seal(secret.FromString(plaintext), cell)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := v.Open(sealed, cell); err != nil {
					t.Error(err)
				}
				v.Keys()
				v.MAC("purpose", sealed)
			}
		})
	}
	for range 5 {
		if err := v.Rotate(t.Context(), func([]byte) error { return nil }); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if n := len(v.Keys()); n != 6 {
		t.Errorf("%d keys, want 6", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	v, _ := testVault(b)
	s := secret.New(make([]byte, 600))
	b.SetBytes(600)
	for b.Loop() {
		if _, err := v.Seal(s, cell); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	v, _ := testVault(b)
	sealed, err := v.Seal(secret.New(make([]byte, 600)), cell)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(600)
	for b.Loop() {
		if _, err := v.Open(sealed, cell); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMAC(b *testing.B) {
	v, _ := testVault(b)
	data := make([]byte, 64)
	for b.Loop() {
		v.MAC("purpose", data)
	}
}
