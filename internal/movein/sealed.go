package movein

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A sealed file is one line and then pieces:
//
//	zhanggui-sealed-v1 pbkdf2-sha256 600000 SALT\n
//	piece 0 │ piece 1 │ … │ last piece
//
// SALT is 32 random bytes in base64 (raw, URL alphabet). The key is
// PBKDF2-HMAC-SHA-256 of the passphrase, 32 bytes long. A piece is AES-256-GCM
// of 65,536 bytes, the last of fewer or as many, with its tag of 16 bytes behind
// it. Its nonce is its number in 11 bytes, big-endian, and one byte that is 1
// for the last piece and 0 before. The first line is authenticated with each.
// So no piece can be left out, moved or added, also not at the end.
const (
	magic       = "zhanggui-sealed-v1"
	derivation  = "pbkdf2-sha256"
	pieceSize   = 64 << 10
	saltSize    = 32
	maxHead     = 128
	minRounds   = 100_000
	rounds      = 600_000
	maxRounds   = 10_000_000
	minPass     = 12 // characters of a passphrase
	tagSize     = 16
	sealedPiece = pieceSize + tagSize
)

// ErrSealed says that a sealed file does not open: another passphrase, or the
// file was changed or cut short.
var ErrSealed = errors.New("the sealed file does not open: give the passphrase that it was made with, or take another copy of the file")

// ErrShort says that a passphrase is too short to seal with.
var ErrShort = fmt.Errorf("the passphrase has fewer than %d characters; make one with: openssl rand -base64 24", minPass)

// IsSealed tells whether head is the beginning of a sealed file.
func IsSealed(head []byte) bool { return bytes.HasPrefix(head, []byte(magic+" ")) }

// Seal gives a writer that seals what is written into w. Close writes the last
// piece and does not close w; a file without it does not open.
func Seal(w io.Writer, passphrase secret.Value) (io.WriteCloser, error) {
	return seal(w, passphrase, rounds)
}

func seal(w io.Writer, passphrase secret.Value, rounds int) (io.WriteCloser, error) {
	if len([]rune(passphrase.RevealString())) < minPass {
		return nil, ErrShort
	}
	salt := make([]byte, saltSize)
	rand.Read(salt) //nolint:errcheck // never fails since Go 1.24
	head := fmt.Sprintf("%s %s %d %s\n", magic, derivation, rounds, base64.RawURLEncoding.EncodeToString(salt))
	a, err := aeadOf(passphrase, salt, rounds)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, head); err != nil {
		return nil, fmt.Errorf("movein: write the sealed file: %w", err)
	}
	return &sealer{w: w, pieces: pieces{aead: a, head: []byte(head)}}, nil
}

func aeadOf(passphrase secret.Value, salt []byte, rounds int) (cipher.AEAD, error) {
	key, err := pbkdf2.Key(sha256.New, passphrase.RevealString(), salt, rounds, 32)
	if err != nil {
		return nil, fmt.Errorf("movein: derive a key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("movein: cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

// pieces counts through the pieces of one file.
type pieces struct {
	aead cipher.AEAD
	head []byte
	n    uint64
}

func (p *pieces) nonce(last bool) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[3:11], p.n)
	if last {
		nonce[11] = 1
	}
	p.n++
	return nonce
}

type sealer struct {
	w io.Writer
	pieces
	buf []byte
}

// Write implements io.Writer. A full piece waits until more comes, since it may
// be the last.
func (s *sealer) Write(b []byte) (int, error) {
	s.buf = append(s.buf, b...)
	for len(s.buf) > pieceSize {
		if err := s.piece(s.buf[:pieceSize], false); err != nil {
			return 0, err
		}
		s.buf = append(s.buf[:0], s.buf[pieceSize:]...)
	}
	return len(b), nil
}

// Close implements io.Closer.
func (s *sealer) Close() error {
	defer clear(s.buf)
	return s.piece(s.buf, true)
}

func (s *sealer) piece(plain []byte, last bool) error {
	if _, err := s.w.Write(s.aead.Seal(nil, s.nonce(last), plain, s.head)); err != nil {
		return fmt.Errorf("movein: write the sealed file: %w", err)
	}
	return nil
}

// Open gives what was sealed. A read fails with [ErrSealed] at the first piece
// that is not as it was written; nothing of that piece is given.
func Open(r io.Reader, passphrase secret.Value) (io.Reader, error) {
	in := bufio.NewReaderSize(r, sealedPiece+1)
	head, salt, rounds, err := readHead(in)
	if err != nil {
		return nil, err
	}
	a, err := aeadOf(passphrase, salt, rounds)
	if err != nil {
		return nil, err
	}
	return &opener{in: in, pieces: pieces{aead: a, head: head}}, nil
}

func readHead(in *bufio.Reader) (head, salt []byte, rounds int, err error) {
	line, err := in.Peek(maxHead)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, 0, fmt.Errorf("movein: read the sealed file: %w", err)
	}
	end := bytes.IndexByte(line, '\n')
	if end < 0 {
		return nil, nil, 0, ErrSealed
	}
	head = bytes.Clone(line[:end+1])
	in.Discard(len(head)) //nolint:errcheck // it was just seen
	words := strings.Split(string(line[:end]), " ")
	if len(words) != 4 || words[0] != magic || words[1] != derivation {
		return nil, nil, 0, errors.New("movein: the sealed file is of a kind that this version does not know; use a newer one")
	}
	rounds, err = strconv.Atoi(words[2])
	if err != nil || rounds < minRounds || rounds > maxRounds {
		return nil, nil, 0, ErrSealed
	}
	salt, err = base64.RawURLEncoding.Strict().DecodeString(words[3])
	if err != nil || len(salt) != saltSize {
		return nil, nil, 0, ErrSealed
	}
	return head, salt, rounds, nil
}

type opener struct {
	in *bufio.Reader
	pieces
	plain []byte
	done  bool
	err   error
}

// Read implements io.Reader.
func (o *opener) Read(b []byte) (int, error) {
	for len(o.plain) == 0 {
		if o.err != nil {
			return 0, o.err
		}
		if o.done {
			return 0, io.EOF
		}
		o.plain, o.err = o.next()
	}
	n := copy(b, o.plain)
	clear(o.plain[:n])
	o.plain = o.plain[n:]
	return n, nil
}

// next opens a piece. It is the last one if nothing comes behind it.
func (o *opener) next() ([]byte, error) {
	sealed := make([]byte, sealedPiece)
	n, err := io.ReadFull(o.in, sealed)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("movein: read the sealed file: %w", err)
	}
	if err == nil {
		_, err = o.in.Peek(1)
	}
	o.done = err != nil
	plain, err := o.aead.Open(nil, o.nonce(o.done), sealed[:n], o.head)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
