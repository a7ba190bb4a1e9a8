package wechatsim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// The encryption of pushes (消息加解密), as the page "message push" of
// developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0 tells it.

// pushPad is the block size of the padding. It is twice the block size of AES.
const pushPad = 32

// pushRandom is how many random bytes lead a plaintext.
const pushRandom = 16

// pushKey is a decoded EncodingAESKey.
type pushKey [32]byte

// parsePushKey decodes an EncodingAESKey. Its last character carries two bits
// more than fit; real keys have them set, so they are not looked at.
func parsePushKey(encoded string) (pushKey, error) {
	if !aesKeyForm.MatchString(encoded) {
		return pushKey{}, errors.New("write 43 of a-z, A-Z and 0-9")
	}
	raw, err := base64.StdEncoding.DecodeString(encoded + "=")
	if err != nil {
		return pushKey{}, errors.New("write 43 characters that are base64 without the = behind them")
	}
	return pushKey(raw), nil
}

// seal encrypts msg for the app named tail: random bytes, the length of the
// message, the message, the appid; padded, AES-256-CBC, base64.
func (k pushKey) seal(random [pushRandom]byte, msg []byte, tail string) string {
	return k.encrypt(padPush(framePush(random, msg, uint32(len(msg)), tail)))
}

// framePush lays out a plaintext. length is written as given, so that a fault
// can lie about it.
func framePush(random [pushRandom]byte, msg []byte, length uint32, tail string) []byte {
	b := make([]byte, 0, pushRandom+4+len(msg)+len(tail)+pushPad)
	b = append(b, random[:]...)
	b = binary.BigEndian.AppendUint32(b, length)
	b = append(b, msg...)
	return append(b, tail...)
}

// padPush appends 1 to 32 bytes, each of which says how many there are.
func padPush(b []byte) []byte {
	n := pushPad - len(b)%pushPad
	for range n {
		b = append(b, byte(n))
	}
	return b
}

// encrypt encrypts whole blocks. The IV is the first half of the key.
func (k pushKey) encrypt(padded []byte) string {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic("wechatsim: a key of 32 bytes is refused: " + err.Error())
	}
	out := make([]byte, len(padded))
	cipher.NewCBCEncrypter(block, k[:aes.BlockSize]).CryptBlocks(out, padded)
	return base64.StdEncoding.EncodeToString(out)
}

// pushSignature is the SHA-1 over the sorted parts: token, timestamp and nonce
// for signature, and the encrypted text as well for msg_signature.
func pushSignature(parts ...string) string {
	sorted := slices.Sorted(slices.Values(parts))
	sum := sha1.Sum([]byte(strings.Join(sorted, "")))
	return hex.EncodeToString(sum[:])
}
