package proof

import (
	"bytes"
	"crypto/aes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// TestXAES holds the one short vector of c2sp.org/XAES-256-GCM.
func TestXAES(t *testing.T) {
	key := bytes.Repeat([]byte{1}, 32)
	nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
	want, err := hex.DecodeString("ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271")
	if err != nil {
		t.Fatal(err)
	}
	derived, err := deriveKey(key, nonce[:saltSize])
	if err != nil {
		t.Fatal(err)
	}
	plain, err := openGCM(derived, slices.Concat(nonce[saltSize:], want), nil)
	if err != nil || string(plain) != "XAES-256-GCM" {
		t.Errorf("opened to %q (%v)", plain, err)
	}
	if _, err := deriveKey(key[:5], nonce[:saltSize]); err == nil {
		t.Error("a key of 5 bytes was taken")
	}
}

// TestSubkey holds the subkey of RFC 4493, whose key makes no carry, and one
// whose carry is folded back.
func TestSubkey(t *testing.T) {
	for _, x := range []struct{ key, want string }{
		{"2b7e151628aed2a6abf7158809cf4f3c", "fbeed618357133667c85e08f7236a8de"},
		{"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "cad1ed03299eedac2e9a99808621502f"},
	} {
		key, err := hex.DecodeString(x.key)
		if err != nil {
			t.Fatal(err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(subkey(block)); got != x.want {
			t.Errorf("subkey of %s is %s, want %s", x.key, got, x.want)
		}
	}
}

// TestTree holds the roots that Certificate Transparency's implementations
// share for these eight leaves.
func TestTree(t *testing.T) {
	var leaves [][]byte
	for _, s := range []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leafHash(b))
	}
	tr := newTree(leaves)
	for size, want := range []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	} {
		if got := hex.EncodeToString(tr.roots[size]); got != want {
			t.Errorf("root of %d leaves is %s, want %s", size, got, want)
		}
	}
	if len(tr.stored) != 15 {
		t.Errorf("8 leaves have %d stored hashes, want 15", len(tr.stored))
	}
}

// The example of golang.org/x/mod/sumdb/note.
const (
	neumannKey  = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
	neumannText = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
	neumannLine = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)

func TestNote(t *testing.T) {
	v, err := parseVerifier(neumannKey + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if !v.signed([]byte(neumannText), neumannLine) {
		t.Error("a good signature was refused")
	}
	if v.signed([]byte(neumannText+"\n"), neumannLine) || v.signed([]byte(neumannText), strings.Replace(neumannLine, "Peter", "Paul", 1)) {
		t.Error("a signature of something else, or of somebody else, was taken")
	}
	// The signature is good; what is signed is no head.
	if _, err := v.open([]byte(neumannText + "\n" + neumannLine + "\n")); err == nil || !strings.Contains(err.Error(), "four lines") {
		t.Errorf("a note that is no head: %v", err)
	}
	for _, bad := range []string{"", "a+b", strings.Replace(neumannKey, "c74f", "c74e", 1), strings.Replace(neumannKey, "ARpc", "AhpC", 1)} {
		if _, err := parseVerifier(bad); err == nil {
			t.Errorf("%q was taken for a key", bad)
		}
	}
}

func TestHead(t *testing.T) {
	root := strings.Repeat("A", 43) + "="
	good := "o\n7\n" + root + "\ntime 2026-01-02T03:04:05.678Z\n"
	if h, err := parseHead(good, "o"); err != nil || h.size != 7 || h.at.Nanosecond() != 678e6 {
		t.Errorf("head %+v: %v", h, err)
	}
	for _, bad := range []string{
		strings.Replace(good, "o", "p", 1), strings.Replace(good, "7", "-7", 1), strings.Replace(good, "7", "x", 1),
		strings.Replace(good, "AAAA", "", 1), strings.Replace(good, "time", "when", 1), good + "more\n", strings.TrimSuffix(good, "\n"),
	} {
		if h, err := parseHead(bad, "o"); err == nil {
			t.Errorf("%q was taken for the head %+v", bad, h)
		}
	}
}

// TestInner64 finds a value wherever it stands in what was encoded.
func TestInner64(t *testing.T) {
	const value = "a secret of some length: 0123456789?>"
	for before := range 7 {
		for after := range 4 {
			text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + value + strings.Repeat("y", after)))
			if form, ok := standsIn([]byte(text), value); !ok || form != "in base64" {
				t.Errorf("%d letters before, %d after: found %t %q in %s", before, after, ok, form, text)
			}
		}
	}
	if form, ok := standsIn([]byte(base64.StdEncoding.EncodeToString([]byte("another text of the same length, or so"))), value); ok {
		t.Errorf("found where it is not, %s", form)
	}
}

func FuzzKeyset(f *testing.F) {
	f.Add([]byte{8, 1, 18, 4, 10, 0, 24, 1})
	f.Add([]byte{18, 10, 10, 6, 18, 4, 26, 2, 1, 2, 24, 9})
	f.Add([]byte{255})
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := parseKeyset(b)
		if err != nil {
			return
		}
		if len(set.keys) == 0 {
			t.Error("a keyset without keys was taken")
		}
		for id := range set.keys { // whatever the keys are, opening does not panic
			sealed := append([]byte{1, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, make([]byte, sealedSize)...)
			if _, err := set.open(sealed, place{}); err == nil {
				t.Error("zeros opened")
			}
		}
	})
}

func FuzzNotes(f *testing.F) {
	f.Add([]byte(neumannText + "\n" + neumannLine + "\n\n"))
	f.Add([]byte("\n\n\n\n"))
	f.Add([]byte("a\n\nb"))
	v, err := parseVerifier(neumannKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, n := range notes(b) {
			if _, err := v.open(n); err == nil {
				t.Errorf("a head of Peter Neumann: %q", n)
			}
		}
	})
}
