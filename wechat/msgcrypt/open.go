package msgcrypt

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"
)

const (
	// randomLen bytes stand before the message, so that equal messages differ.
	randomLen = 16
	// headLen is what stands before the message altogether.
	headLen = randomLen + 4
	// padBlock is the block of the padding. It is not the block of AES.
	padBlock = 32
)

// Message is an opened push.
type Message struct {
	// Plain is the decrypted message. The caller owns it.
	Plain []byte
	// AppID is the account that the push was sealed for.
	AppID string
	// Dialect is how the envelope was written; a reply is written alike.
	Dialect Dialect
	// Time is the signed timestamp, in whole seconds. [Window.Check] judges it.
	Time time.Time
	// Pair says which token and key fitted.
	Pair Pair
}

// Open checks and decrypts the body of a push. body may be of any origin and
// must be read with a limit, [MaxBody] at most. The errors are those of this
// package; nothing is decrypted unless the signature is right. How old the push
// is must be judged by the caller.
func (k *Keyring) Open(q Query, body []byte) (Message, error) {
	if err := q.mode(); err != nil {
		return Message{}, err
	}
	env, err := ParseEnvelope(body)
	if err != nil {
		return Message{}, err
	}
	token, err := k.verify(q.MsgSignature, q.Timestamp, q.Nonce, env.Encrypt)
	if err != nil {
		return Message{}, err
	}
	at, err := q.time()
	if err != nil {
		return Message{}, err
	}
	m, err := k.decrypt(env.Encrypt)
	if err != nil {
		return Message{}, err
	}
	m.Dialect, m.Time, m.Pair.Token = env.Dialect, at, token
	return m, nil
}

// decrypt tries every key. A key that does not fit is told by the padding,
// nearly always; by the length and the appid for certain. The error is the one
// of the key that came furthest.
func (k *Keyring) decrypt(text string) (Message, error) {
	// WeChat pads its base64, others may not; line breaks are skipped.
	sealed, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "=\r\n"))
	if err != nil || len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return Message{}, ErrCiphertext
	}
	opened := make([]byte, len(sealed))
	worst := ErrPadding
	for i, key := range k.keys {
		block, iv := key.cbc()
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(opened, sealed)
		plain, appID, err := unpack(opened)
		if err == nil && !slices.Contains(k.appIDs, appID) {
			err = ErrAppID
		}
		if err == nil {
			return Message{Plain: plain, AppID: appID, Pair: Pair{Key: i}}, nil
		}
		worst = further(worst, err)
	}
	return Message{}, worst
}

// further returns the error of the later step.
func further(a, b error) error {
	for _, step := range []error{ErrAppID, ErrLength} {
		if errors.Is(a, step) || errors.Is(b, step) {
			return step
		}
	}
	return a
}

// unpack takes the layout apart. plain is a part of b.
func unpack(b []byte) (plain []byte, appID string, err error) {
	pad := int(b[len(b)-1])
	if pad < 1 || pad > padBlock || pad > len(b) {
		return nil, "", ErrPadding
	}
	b, tail := b[:len(b)-pad], b[len(b)-pad:]
	for _, c := range tail {
		if int(c) != pad {
			return nil, "", ErrPadding
		}
	}
	if len(b) < headLen {
		return nil, "", ErrLength
	}
	size := uint64(binary.BigEndian.Uint32(b[randomLen:headLen]))
	if headLen+size > uint64(len(b)) {
		return nil, "", ErrLength
	}
	end := headLen + int(size)
	return b[headLen:end:end], string(b[end:]), nil
}
