package proof

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// keyset is the keys of a story, as its master key gave them.
type keyset struct{ keys map[uint32]sealingKey }

// sealingKey is one XAES-256-GCM key; salt is how many of the 24 bytes of a
// nonce go into the derived key.
type sealingKey struct {
	key  []byte
	salt int
}

// Sizes of a sealed value: version and key id, salt, nonce, and the tag at its
// end.
const (
	prefixSize = 1 + 4
	saltSize   = 12
	nonceSize  = 12
	tagSize    = 16
	sealedSize = prefixSize + saltSize + nonceSize + tagSize // of an empty value
)

var errDamaged = errors.New("the keyset does not have the form that was agreed on")

// readVault opens the keyset with the master key of the story.
func (e *evidence) readVault() error {
	if len(e.rows.keysets) != 1 {
		return fmt.Errorf("the database holds %d keysets, want 1", len(e.rows.keysets))
	}
	master, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSpace(e.files[dataDir+"/master.key"])))
	if err != nil || len(master) != 32 {
		return errors.New("master.key does not hold 32 bytes in base64")
	}
	var envelope struct {
		Version int    `json:"version"`
		Wrapped []byte `json:"wrapped"`
	}
	if err := json.Unmarshal(e.rows.keysets[0].body, &envelope); err != nil || envelope.Version != 1 {
		return errDamaged
	}
	body, err := unwrap(master, envelope.Wrapped)
	if err != nil {
		return fmt.Errorf("the keyset does not open with master.key: %w", err)
	}
	// 0x01, 32 bytes of a MAC key, then Tink's keyset.
	if len(body) < 33 || body[0] != 1 {
		return errDamaged
	}
	e.vault, err = parseKeyset(body[33:])
	return err
}

// unwrap opens what the master key wrapped: AES-256-GCM, the nonce first.
func unwrap(master, wrapped []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "zhanggui vault wrap v1", 32)
	if err != nil {
		return nil, err
	}
	return openGCM(key, wrapped, nil)
}

// openGCM opens a nonce of 12 bytes, ciphertext and tag.
func openGCM(key, sealed, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(sealed) < nonceSize {
		return nil, errDamaged
	}
	return gcm.Open(nil, sealed[:nonceSize], sealed[nonceSize:], data)
}

// parseKeyset reads Tink's Keyset message: repeated Key = 2 { KeyData = 1 {
// value = 2 }, key_id = 3 }, where value is an XAesGcmKey { params = 2 {
// salt_size = 1 }, key_value = 3 }.
func parseKeyset(b []byte) (*keyset, error) {
	set := &keyset{keys: map[uint32]sealingKey{}}
	err := eachField(b, func(number int, value uint64, key []byte) error {
		if number != 2 {
			return nil
		}
		var k sealingKey
		var id uint32
		err := eachField(key, func(number int, value uint64, data []byte) error {
			switch number {
			case 1:
				return k.parse(data)
			case 3:
				id = uint32(value)
			}
			return nil
		})
		set.keys[id] = k
		return err
	})
	if err == nil && len(set.keys) == 0 {
		err = errDamaged
	}
	return set, err
}

// parse reads a KeyData message.
func (k *sealingKey) parse(data []byte) error {
	return eachField(data, func(number int, _ uint64, value []byte) error {
		if number != 2 {
			return nil
		}
		return eachField(value, func(number int, _ uint64, part []byte) error {
			switch number {
			case 2:
				return eachField(part, func(_ int, size uint64, _ []byte) error {
					k.salt = int(size)
					return nil
				})
			case 3:
				k.key = part
			}
			return nil
		})
	})
}

// eachField walks the fields of a protocol buffer: numbers, and bytes.
func eachField(b []byte, field func(number int, value uint64, data []byte) error) error {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return errDamaged
		}
		value, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return errDamaged
		}
		b = b[n+m:]
		var data []byte
		switch tag & 7 {
		case 0:
		case 2:
			if value > uint64(len(b)) {
				return errDamaged
			}
			data, b = b[:value], b[value:]
		default:
			return errDamaged
		}
		if err := field(int(tag>>3), value, data); err != nil {
			return err
		}
	}
	return nil
}

// place is where a sealed value stands.
type place struct {
	table, column, row, kind string
	generation               int64
}

// encode gives the associated data of a place: 0x01, four texts with their
// lengths, the generation; numbers are big-endian.
func (p place) encode() []byte {
	b := []byte{1}
	for _, s := range []string{p.table, p.column, p.row, p.kind} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return binary.BigEndian.AppendUint64(b, uint64(p.generation))
}

// open unseals a value in its place.
func (k *keyset) open(sealed []byte, p place) ([]byte, error) {
	if len(sealed) < sealedSize || sealed[0] != 1 {
		return nil, errors.New("it is not sealed")
	}
	key, ok := k.keys[binary.BigEndian.Uint32(sealed[1:prefixSize])]
	if !ok || key.salt != saltSize {
		return nil, errors.New("no key of the keyset sealed it")
	}
	derived, err := deriveKey(key.key, sealed[prefixSize:prefixSize+saltSize])
	if err != nil {
		return nil, err
	}
	return openGCM(derived, sealed[prefixSize+saltSize:], p.encode())
}

// deriveKey is the first half of XAES-256-GCM (c2sp.org/XAES-256-GCM): two
// blocks of a counter, the letter X and the salt go through CMAC.
func deriveKey(key, salt []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	mask := subkey(block)
	derived := make([]byte, 0, 2*aes.BlockSize)
	for counter := byte(1); counter <= 2; counter++ {
		in := append([]byte{0, counter, 'X', 0}, salt...)
		for i := range in {
			in[i] ^= mask[i]
		}
		out := make([]byte, aes.BlockSize)
		block.Encrypt(out, in)
		derived = append(derived, out...)
	}
	return derived, nil
}

// subkey is CMAC's first subkey: the encryption of zero, doubled.
func subkey(block cipher.Block) []byte {
	l := make([]byte, aes.BlockSize)
	block.Encrypt(l, l)
	out := make([]byte, aes.BlockSize)
	for i := range l {
		out[i] = l[i] << 1
		if i+1 < len(l) {
			out[i] |= l[i+1] >> 7
		}
	}
	if l[0]&0x80 != 0 {
		out[len(out)-1] ^= 0x87
	}
	return out
}

// digest16 names the tokens that a grant keeps, as the audit log does: the first
// half of SHA-256 over six parts, each after its length.
func (g grantRow) digest16() string {
	h := sha256.New()
	for _, part := range [][]byte{
		binary.BigEndian.AppendUint64(nil, uint64(g.generation)),
		g.access, millisPart(g.accessExpires), g.refresh, millisPart(g.refreshIssued), millisPart(g.refreshExpires),
	} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16])
}

func millisPart(ms int64) []byte {
	if ms == 0 {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, uint64(ms))
}
