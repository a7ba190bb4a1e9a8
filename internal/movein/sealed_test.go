package movein

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

var passphrase = secret.FromString("demo passphrase 0001")

func sealed(t testing.TB, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := seal(&out, passphrase, minRounds)
	if err != nil {
		t.Fatal(err)
	}
	for part := range bytes.SplitSeq(plain, []byte("\n")) { // in pieces, as an export writes
		if _, err := w.Write(append(part, '\n')); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(file []byte, pass secret.Value) ([]byte, error) {
	r, err := Open(bytes.NewReader(file), pass)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestSealed(t *testing.T) {
	for _, size := range []int{0, 1, pieceSize - 2, pieceSize - 1, pieceSize, 3*pieceSize - 1, 3 * pieceSize} {
		plain := bytes.Repeat([]byte("x"), size)
		file := sealed(t, plain)
		if !IsSealed(file) || bytes.Contains(file, []byte("xxxx")) {
			t.Fatalf("%d bytes: not sealed", size)
		}
		got, err := open(file, passphrase)
		if err != nil || !bytes.Equal(got, append(plain, '\n')) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
	if _, err := Seal(io.Discard, secret.FromString("short")); !errors.Is(err, ErrShort) {
		t.Errorf("a short passphrase: %v", err)
	}
}

// Nothing of a piece comes out that is not as it was written, and no end is
// taken for the end that is not.
func TestSealedChanged(t *testing.T) {
	file := sealed(t, bytes.Repeat([]byte("x"), 2*pieceSize+10))
	head := bytes.IndexByte(file, '\n') + 1
	swapped := bytes.Clone(file)
	copy(swapped[head:], file[head+sealedPiece:head+2*sealedPiece])
	copy(swapped[head+sealedPiece:], file[head:head+sealedPiece])
	bit := func(i int) []byte {
		b := bytes.Clone(file)
		b[i] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		file []byte
		left int // bytes of whole pieces that come before
	}{
		"cut at a piece":    {file[:head+2*sealedPiece], pieceSize},
		"cut in a piece":    {file[:head+sealedPiece+5], pieceSize},
		"cut after head":    {file[:head], 0},
		"cut in head":       {file[:head-1], 0},
		"a piece left out":  {append(bytes.Clone(file[:head]), file[head+sealedPiece:]...), 0},
		"pieces swapped":    {swapped, 0},
		"more behind":       {append(bytes.Clone(file), 'x'), 2 * pieceSize},
		"a bit of piece 2":  {bit(head + sealedPiece + 7), pieceSize},
		"a bit of the salt": {bit(head - 10), 0},
		"fewer rounds":      {bytes.Replace(file, []byte(" 100000 "), []byte(" 99999 "), 1), 0},
		"many rounds":       {bytes.Replace(file, []byte(" 100000 "), []byte(" 99999999999 "), 1), 0},
		"other rounds":      {bytes.Replace(file, []byte(" 100000 "), []byte(" 100001 "), 1), 0},
	} {
		got, err := open(c.file, passphrase)
		if !errors.Is(err, ErrSealed) || len(got) != c.left {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if _, err := open(file, secret.FromString("another passphrase")); !errors.Is(err, ErrSealed) {
		t.Errorf("another passphrase: %v", err)
	}
	if _, err := open(bytes.Replace(file, []byte(derivation), []byte("scrypt"), 1), passphrase); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("another derivation: %v", err)
	}
}

// TestSealedGolden is the promise that files of version 1 stay readable.
func TestSealedGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/sealed.v1.b64")
	if err != nil {
		t.Fatal(err)
	}
	file, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := open(file, passphrase)
	if want := `{"appid":"` + shopA + `","refresh_token":"` + tokenA + `"}` + "\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzOpen(f *testing.F) {
	file := sealed(f, []byte("demo"))
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Add([]byte(magic + " " + derivation + " 100000 AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := open(b, passphrase); err == nil && !bytes.Equal(b, file) {
			t.Errorf("%d bytes open to %q", len(b), got)
		}
	})
}
