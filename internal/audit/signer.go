package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/durable"
)

// Names of the files, inside the data directory.
const (
	KeyFile   = "audit.key"
	PubFile   = "audit.pub"
	HeadsFile = "audit.heads"
)

// Signer signs heads. It is safe for concurrent use.
type Signer struct {
	signer   note.Signer
	verifier note.Verifier
	public   string // as audit.pub holds it
}

// OpenSigner reads the signing key of dir. If there is none it makes one, with
// the given name as origin, and writes the public key beside it.
//
// It refuses a key that others may read. It also refuses to make a new key
// where a public key or signed heads are left of an older one: a new key would
// make every head of the past look forged.
func OpenSigner(dir, name string) (*Signer, error) {
	path := filepath.Join(dir, KeyFile)
	skey, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createSigner(dir, name)
	}
	if err != nil {
		return nil, err
	}
	s, vkey, err := parseSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("audit: %s: %w", path, err)
	}
	return s, s.checkPub(filepath.Join(dir, PubFile), vkey)
}

// readKeyFile reads a private key that only its owner may read.
func readKeyFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("audit: signing key: %w", err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return "", fmt.Errorf("audit: %s has mode %04o, so that others may read it; run chmod 600 %s", path, perm, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("audit: signing key: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// parseSigner makes a signer from a note key, and the public key that fits.
// Its errors do not hold the key.
func parseSigner(skey string) (*Signer, string, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, "", errors.New("it does not hold a note signing key; restore it from a backup")
	}
	// PRIVATE+KEY+<name>+<hash>+<base64 of algorithm byte and seed>; NewSigner
	// has checked the form.
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(skey, "+", 5)[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, "", errors.New("it does not hold an Ed25519 key; restore it from a backup")
	}
	defer clear(raw)
	pub := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), pub)
	if err != nil {
		return nil, "", fmt.Errorf("public key: %w", err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, "", fmt.Errorf("public key: %w", err)
	}
	return &Signer{signer: signer, verifier: verifier, public: vkey}, vkey, nil
}

// checkPub compares the public key's file, or writes it if it is gone.
func (s *Signer) checkPub(path, vkey string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path, vkey, 0o644)
	}
	if err != nil {
		return fmt.Errorf("audit: public key: %w", err)
	}
	if strings.TrimSpace(string(b)) != vkey {
		return fmt.Errorf("audit: %s is not the public key of %s beside it; restore the pair from a backup", path, KeyFile)
	}
	return nil
}

func createSigner(dir, name string) (*Signer, error) {
	for _, left := range []string{PubFile, HeadsFile} {
		if _, err := os.Stat(filepath.Join(dir, left)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("audit: %s is gone from %s, but %s of it is still there; "+
				"restore the key from a backup, or keep %s and %s elsewhere and start again to begin with a new key",
				KeyFile, dir, left, PubFile, HeadsFile)
		}
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("audit: make the signing key: %w", err)
	}
	s, _, err := parseSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("audit: new signing key: %w; name %q must have no space and no plus sign", err, name)
	}
	// The private key first: with it alone the public one is made again.
	if err := create(filepath.Join(dir, KeyFile), skey, 0o600); err != nil {
		return nil, err
	}
	return s, create(filepath.Join(dir, PubFile), vkey, 0o644)
}

// create makes the file of a key.
func create(path, key string, perm os.FileMode) error {
	if err := durable.Create(path, []byte(key+"\n"), perm); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// Verifier checks what the signer signed.
func (s *Signer) Verifier() note.Verifier { return s.verifier }

// PublicKey gives the key that [Signer.Verifier] checks with, as audit.pub holds
// it.
func (s *Signer) PublicKey() string { return s.public }

// SignHead signs that the log had this size and root at this time.
func (s *Signer) SignHead(size int64, root tlog.Hash, at time.Time) (Checkpoint, error) {
	at = at.UTC().Truncate(time.Millisecond)
	text := formatHead(s.signer.Name(), size, root, at)
	signed, err := note.Sign(&note.Note{Text: text}, s.signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: sign the head of %d entries: %w", size, err)
	}
	return Checkpoint{Size: size, Root: root, SignedNote: signed, At: at}, nil
}

// ReadVerifier reads a public key from the file at path, as audit.pub holds it.
func ReadVerifier(path string) (note.Verifier, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("audit: public key: %w", err)
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("audit: %s is not a public key; take %s of the server: %w", path, PubFile, err)
	}
	return v, nil
}
