package msgcrypt

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
)

// Reply seals an answer to an opened push: with the token, the key and the
// appid that opened it, in the dialect it came in. Events need no sealed
// answer: for them the plain word success, or nothing, is right. The error is
// [ErrPair] if the message was opened by a keyring that has more keys.
func (k *Keyring) Reply(m Message, plain []byte, now time.Time) ([]byte, error) {
	var random [randomLen]byte
	rand.Read(random[:])
	return k.reply(m, plain, stamp{random, rand.Text(), strconv.FormatInt(now.Unix(), 10)})
}

// stamp is what makes two seals of one message differ.
type stamp struct {
	random      [randomLen]byte
	nonce, time string
}

func (k *Keyring) reply(m Message, plain []byte, s stamp) ([]byte, error) {
	if !k.has(m.Pair) {
		return nil, ErrPair
	}
	text := k.encrypt(m.Pair.Key, s.random, plain, m.AppID)
	signature := k.signature(m.Pair.Token, s.time, s.nonce, text)
	return m.Dialect.reply(text, signature, s), nil
}

// Push is what [Keyring.Seal] makes a push of.
type Push struct {
	// Dialect is how the envelope is written.
	Dialect Dialect
	// AppID stands at the end of the ciphertext.
	AppID string
	// ToUserName is the gh_ name in the envelope. If it is empty, the envelope
	// names AppID instead, as on the URL for authorisation events.
	ToUserName string
	// Plain is the message.
	Plain []byte
	// Time is the timestamp; the fraction of a second is dropped.
	Time time.Time
}

// Seal makes a push as WeChat would, with the current token and key. It is for
// passing events on to a system that expects them from WeChat, and for tests.
// The error is [ErrName].
func (k *Keyring) Seal(p Push) (Query, []byte, error) {
	if !nameOK(p.ToUserName) || !nameOK(p.AppID) {
		return Query{}, nil, ErrName
	}
	s := stamp{nonce: rand.Text(), time: strconv.FormatInt(p.Time.Unix(), 10)}
	rand.Read(s.random[:])
	text := k.encrypt(0, s.random, p.Plain, p.AppID)
	q := Query{
		Signature:    k.signature(0, s.time, s.nonce),
		MsgSignature: k.signature(0, s.time, s.nonce, text),
		Timestamp:    s.time, Nonce: s.nonce, EncryptType: "aes",
	}
	return q, p.Dialect.envelope(p, text), nil
}

func (k *Keyring) has(p Pair) bool {
	return p.Token >= 0 && p.Token < len(k.tokens) && p.Key >= 0 && p.Key < len(k.keys)
}

func (k *Keyring) signature(token int, parts ...string) string {
	sum := sign(k.tokens[token], parts...)
	return hex.EncodeToString(sum[:])
}

// encrypt packs, pads and seals a message.
func (k *Keyring) encrypt(key int, random [randomLen]byte, plain []byte, appID string) string {
	n := headLen + len(plain) + len(appID)
	pad := padBlock - n%padBlock
	b := make([]byte, 0, n+pad)
	b = append(b, random[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(plain)))
	b = append(b, plain...)
	b = append(b, appID...)
	for range pad {
		b = append(b, byte(pad))
	}
	block, iv := k.keys[key].cbc()
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(b, b)
	return base64.StdEncoding.EncodeToString(b)
}
