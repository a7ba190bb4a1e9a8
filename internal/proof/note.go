package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// verifier is a public key for signed notes (c2sp.org/signed-note).
type verifier struct {
	name string
	hash []byte // the first four bytes of SHA-256 over name, newline and key
	key  ed25519.PublicKey
}

var errVerifier = errors.New("it is no Ed25519 key for signed notes")

// parseVerifier reads "name+hash+base64 of 0x01 and the key".
func parseVerifier(text string) (verifier, error) {
	parts := strings.SplitN(strings.TrimSpace(text), "+", 3)
	if len(parts) != 3 {
		return verifier{}, errVerifier
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 1 {
		return verifier{}, errVerifier
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if hex.EncodeToString(sum[:4]) != parts[1] {
		return verifier{}, errVerifier
	}
	return verifier{name: parts[0], hash: sum[:4], key: key[1:]}, nil
}

// head is what a signed note says of the log.
type head struct {
	size int64
	root []byte
	at   time.Time
}

// open checks a signed note and reads the checkpoint in it.
func (v verifier) open(signed []byte) (head, error) {
	// The text ends with its last newline before the empty line; each signature
	// line begins with an em dash.
	i := bytes.LastIndex(signed, []byte("\n\n"))
	if i < 0 {
		return head{}, errors.New("it has no signatures")
	}
	text := signed[:i+1]
	for line := range strings.Lines(string(signed[i+2:])) {
		if v.signed(text, strings.TrimSuffix(line, "\n")) {
			return parseHead(string(text), v.name)
		}
	}
	return head{}, fmt.Errorf("it has no good signature of %s", v.name)
}

// signed checks one line "— name base64 of hash and signature".
func (v verifier) signed(text []byte, line string) bool {
	fields := strings.Split(line, " ")
	if len(fields) != 3 || fields[0] != "—" || fields[1] != v.name {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(raw) != 4+ed25519.SignatureSize {
		return false
	}
	return binary.BigEndian.Uint32(raw) == binary.BigEndian.Uint32(v.hash) && ed25519.Verify(v.key, text, raw[4:])
}

// parseHead reads origin, size, root and time.
func parseHead(text, origin string) (head, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[0] != origin || lines[4] != "" {
		return head{}, errors.New("it does not have the four lines of a head")
	}
	size, err1 := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := base64.StdEncoding.DecodeString(lines[2])
	at, err3 := time.Parse("time 2006-01-02T15:04:05.000Z", lines[3])
	if err := errors.Join(err1, err2, err3); err != nil {
		return head{}, err
	}
	if len(root) != sha256.Size || size < 0 {
		return head{}, errors.New("its root or its size cannot be one")
	}
	return head{size, root, at}, nil
}

// notes splits a file of signed notes: each is text, empty line, signatures,
// empty line.
func notes(file []byte) [][]byte {
	var all [][]byte
	parts := bytes.Split(file, []byte("\n\n"))
	for i := 0; i+1 < len(parts); i += 2 {
		all = append(all, bytes.Join([][]byte{parts[i], append(bytes.Clone(parts[i+1]), '\n')}, []byte("\n\n")))
	}
	return all
}
