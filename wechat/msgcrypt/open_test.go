package msgcrypt_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	platform = "wx00000000000000a1"
	token    = "a-token-nobody-uses"
	message  = `{"ToUserName":"gh_demo","Event":"channels_ec_order_new"}`
)

var now = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

// raw seals bytes that need not be a right layout, with a right signature.
func raw(padded []byte) (msgcrypt.Query, []byte) {
	key, err := base64.RawStdEncoding.DecodeString(someKey)
	if err != nil {
		panic(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	sealed := make([]byte, len(padded))
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(sealed, padded)
	return signed(base64.StdEncoding.EncodeToString(sealed))
}

// signed puts a ciphertext into an envelope.
func signed(encrypt string) (msgcrypt.Query, []byte) {
	parts := []string{token, "1772416800", "123", encrypt}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	q := msgcrypt.Query{Timestamp: "1772416800", Nonce: "123", EncryptType: "aes", MsgSignature: hex.EncodeToString(sum[:])}
	return q, fmt.Appendf(nil, `{"ToUserName":"gh_demo","Encrypt":%q}`, encrypt)
}

// layout packs a message with a length field and a padding that may lie.
func layout(length int, msg, appID string, pad ...byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte("0123456789abcdef"), uint32(length))
	return append(append(append(b, msg...), appID...), pad...)
}

// fill returns n bytes of value v.
func fill(n int, v byte) []byte { return bytes.Repeat([]byte{v}, n) }

func TestOpenChecksTheLayout(t *testing.T) {
	// 20 + 10 + 18 is 48 bytes, so 16 of padding make two blocks of 32.
	const msg = "0123456789"
	broken := append(fill(15, 16), 16)
	broken[3] = 15
	tests := []struct {
		name   string
		padded []byte
		want   error
	}{
		{"right", layout(10, msg, platform, fill(16, 16)...), nil},
		{"pad of a whole block", layout(26, msg+"0123456789abcdef", platform, fill(32, 32)...), nil},
		{"pad of one", layout(25, msg+"0123456789abcde", platform, 1), nil},
		{"empty message", layout(0, "", platform, fill(26, 26)...), nil},
		{"pad of none", layout(10, msg, platform, fill(16, 0)...), msgcrypt.ErrPadding},
		{"pad beyond the block", layout(9, "012345678", platform, fill(33, 33)...), msgcrypt.ErrPadding},
		{"pad beyond the text", fill(16, 17), msgcrypt.ErrPadding},
		{"pad with one byte that differs", layout(10, msg, platform, broken...), msgcrypt.ErrPadding},
		{"last byte of pad differs", layout(10, msg, platform, append(fill(15, 16), 15)...), msgcrypt.ErrPadding},
		{"nothing but padding", fill(32, 32), msgcrypt.ErrLength},
		{"shorter than its head", append(fill(16, 'r'), fill(16, 16)...), msgcrypt.ErrLength},
		{"length beyond the end", layout(29, msg, platform, fill(16, 16)...), msgcrypt.ErrLength},
		{"length of 4 GiB", layout(0xffffffff, msg, platform, fill(16, 16)...), msgcrypt.ErrLength},
		{"length that overflows with the head", layout(0xffffffec, msg, platform, fill(16, 16)...), msgcrypt.ErrLength},
		{"length that eats the appid", layout(28, msg, platform, fill(16, 16)...), msgcrypt.ErrAppID},
		{"length that gives to the appid", layout(9, msg, platform, fill(16, 16)...), msgcrypt.ErrAppID},
		{"another appid", layout(10, msg, "wx00000000000000b2", fill(16, 16)...), msgcrypt.ErrAppID},
		{"no appid", layout(10, msg, "", fill(2, 2)...), msgcrypt.ErrAppID},
		{"appid with a tail", layout(10, msg, platform+"x", fill(15, 15)...), msgcrypt.ErrAppID},
	}
	k := ring(t, token, someKey, platform)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := k.Open(raw(tt.padded))
			if !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err != nil && m.Plain != nil {
				t.Errorf("plain text came with an error: %q", m.Plain)
			}
			if err == nil && m.AppID != platform {
				t.Errorf("appid %q", m.AppID)
			}
		})
	}
}

func TestOpenChecksTheCiphertext(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(fill(32, 'x'))
	for _, text := range []string{"!", "====", "AAAA", base64.StdEncoding.EncodeToString(fill(31, 'x')), good[:20] + "*" + good[20:], "AA AA"} {
		k := ring(t, token, someKey, platform)
		if _, err := k.Open(signed(text)); !errors.Is(err, msgcrypt.ErrCiphertext) {
			t.Errorf("%q: error %v, want %v", text, err, msgcrypt.ErrCiphertext)
		}
	}
}

// Others drop the padding of base64, break its lines, or leave bits over.
func TestOpenIsLenientWithBase64(t *testing.T) {
	k := ring(t, token, someKey, platform)
	text := msgcrypt.EncryptWith(k, "0123456789abcdef", "pong", platform)
	bare := strings.TrimRight(text, "=")
	if bare == text {
		t.Fatal("the sample has no padding to drop")
	}
	// A last character with other bits over: A, B, C... differ only there.
	loose := bare[:len(bare)-1] + string(bare[len(bare)-1]+1)
	for _, s := range []string{bare, bare[:40] + "\r\n" + bare[40:], text + "\n", loose} {
		if m, err := k.Open(signed(s)); err != nil || string(m.Plain) != "pong" {
			t.Errorf("%q: %q, %v", s, m.Plain, err)
		}
	}
}

func TestOpenRefusesOtherModes(t *testing.T) {
	k := ring(t, token, someKey, platform)
	q, body := seal(t, k, msgcrypt.JSON)
	tests := []struct {
		encryptType string
		body        string
		want        error
	}{
		{"", string(body), msgcrypt.ErrPlainMode},
		{"raw", string(body), msgcrypt.ErrPlainMode},
		{"aes256", string(body), msgcrypt.ErrEncryptType},
		{"aes", message, msgcrypt.ErrPlainMode},
		{"aes", "<xml><ToUserName>gh_demo</ToUserName><Event>x</Event></xml>", msgcrypt.ErrPlainMode},
		{"aes", strings.Replace(string(body), "{", `{"Event":"x",`, 1), msgcrypt.ErrCompatibleMode},
		{"aes", "<xml><AppId>a</AppId><InfoType>x</InfoType><Encrypt>x</Encrypt></xml>", msgcrypt.ErrCompatibleMode},
		{"aes", `{"Encrypt":"x","MsgType":"event","order_info":{"order_id":1}}`, msgcrypt.ErrCompatibleMode},
		{"aes", "<xml><Encrypt>x</Encrypt><CreateTime>1</CreateTime><order_info><a>1</a></order_info></xml>", msgcrypt.ErrCompatibleMode},
		{"aes", string(body) + strings.Repeat(" ", msgcrypt.MaxBody), msgcrypt.ErrTooLarge},
	}
	for _, tt := range tests {
		q.EncryptType = tt.encryptType
		if _, err := k.Open(q, []byte(tt.body)); !errors.Is(err, tt.want) {
			t.Errorf("%q with %.60s: error %v, want %v", tt.encryptType, tt.body, err, tt.want)
		}
	}
}

func seal(t testing.TB, k *msgcrypt.Keyring, d msgcrypt.Dialect) (msgcrypt.Query, []byte) {
	t.Helper()
	q, body, err := k.Seal(msgcrypt.Push{Dialect: d, AppID: platform, ToUserName: "gh_demo", Plain: []byte(message), Time: now})
	if err != nil {
		t.Fatal(err)
	}
	return q, body
}

// Whatever part of what is signed changes, the push is refused before anything
// is decrypted.
func TestOpenChecksTheSignatureFirst(t *testing.T) {
	k := ring(t, token, someKey, platform)
	q, body := seal(t, k, msgcrypt.JSON)
	changes := map[string]func(q *msgcrypt.Query, body *[]byte){
		"no signature":       func(q *msgcrypt.Query, _ *[]byte) { q.MsgSignature = "" },
		"signature of query": func(q *msgcrypt.Query, _ *[]byte) { q.MsgSignature = q.Signature },
		"signature cut":      func(q *msgcrypt.Query, _ *[]byte) { q.MsgSignature = q.MsgSignature[:39] },
		"signature longer":   func(q *msgcrypt.Query, _ *[]byte) { q.MsgSignature += "00" },
		"signature no hex":   func(q *msgcrypt.Query, _ *[]byte) { q.MsgSignature = strings.Repeat("g", 40) },
		"signature zero":     func(q *msgcrypt.Query, _ *[]byte) { q.MsgSignature = strings.Repeat("0", 40) },
		"timestamp":          func(q *msgcrypt.Query, _ *[]byte) { q.Timestamp += "1" },
		"timestamp no digit": func(q *msgcrypt.Query, _ *[]byte) { q.Timestamp = "now" },
		"nonce":              func(q *msgcrypt.Query, _ *[]byte) { q.Nonce = "" },
		"ciphertext junk":    func(_ *msgcrypt.Query, b *[]byte) { *b = []byte(`{"Encrypt":"junk"}`) },
		"ciphertext cut":     func(_ *msgcrypt.Query, b *[]byte) { *b = append((*b)[:len(*b)-len(`x"}`)], `"}`...) },
	}
	for name, change := range changes {
		q, body := q, slices.Clone(body)
		change(&q, &body)
		if _, err := k.Open(q, body); !errors.Is(err, msgcrypt.ErrSignature) {
			t.Errorf("%s: error %v, want %v", name, err, msgcrypt.ErrSignature)
		}
	}
	other := ring(t, "another-token", someKey, platform)
	if _, err := other.Open(q, body); !errors.Is(err, msgcrypt.ErrSignature) {
		t.Errorf("another token: %v", err)
	}
	if _, err := other.Echo(q); !errors.Is(err, msgcrypt.ErrSignature) {
		t.Errorf("URL check with another token: %v", err)
	}
}

// The parts of a signature are sorted and joined without a mark between them,
// so what is one part and what is another must be judged after it.
func TestOpenRefusesATimestampThatIsNone(t *testing.T) {
	k := ring(t, token, someKey, platform)
	q, body := signed(msgcrypt.EncryptWith(k, "0123456789abcdef", message, platform))
	q.Timestamp, q.Nonce = q.Nonce+q.Timestamp, ""
	if _, err := k.Open(q, body); !errors.Is(err, msgcrypt.ErrTimestamp) {
		t.Errorf("error %v, want %v", err, msgcrypt.ErrTimestamp)
	}
}

// Token and key are changed in the console one by one; every mixture arrives.
func TestOpenWithCurrentAndPrevious(t *testing.T) {
	const oldToken, oldKey = "the-token-before", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
	both := rings(t, []string{token, oldToken}, []string{someKey, oldKey}, platform)
	for i, tok := range []string{token, oldToken} {
		for j, key := range []string{someKey, oldKey} {
			for _, d := range []msgcrypt.Dialect{msgcrypt.JSON, msgcrypt.XML} {
				sender := ring(t, tok, key, platform)
				q, body := seal(t, sender, d)
				m, err := both.Open(q, body)
				want := msgcrypt.Pair{Token: i, Key: j}
				if err != nil || m.Pair != want || string(m.Plain) != message || m.Dialect != d || !m.Time.Equal(now) {
					t.Fatalf("token %d, key %d, %v: %+v, %v", i, j, d, m, err)
				}
				if m.Pair.Current() != (i+j == 0) {
					t.Errorf("pair %v is current: %t", m.Pair, m.Pair.Current())
				}
				openReply(t, sender, both, m)
			}
		}
	}
}

// openReply: the sender knows one token and one key, and must be able to read
// the reply.
func openReply(t *testing.T, sender, receiver *msgcrypt.Keyring, m msgcrypt.Message) {
	t.Helper()
	body, err := receiver.Reply(m, []byte("pong"), now.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	a := readAnswer(t, m.Dialect.String(), body)
	q := msgcrypt.Query{MsgSignature: a.MsgSignature, Timestamp: a.TimeStamp.String(), Nonce: a.Nonce, EncryptType: "aes"}
	got, err := sender.Open(q, body)
	if err != nil || string(got.Plain) != "pong" || got.AppID != m.AppID || !got.Time.Equal(now.Add(time.Second)) {
		t.Errorf("the sender reads %+v, %v", got, err)
	}
	if again, err := receiver.Reply(m, []byte("pong"), now.Add(time.Second)); err != nil || bytes.Equal(again, body) {
		t.Errorf("two seals of one reply are the same (%v)", err)
	}
}

func TestReplyWantsItsKeyring(t *testing.T) {
	k := ring(t, token, someKey, platform)
	for _, p := range []msgcrypt.Pair{{Token: 1}, {Key: 1}, {Token: -1}, {Key: -1}} {
		if _, err := k.Reply(msgcrypt.Message{Dialect: msgcrypt.JSON, AppID: platform, Pair: p}, nil, now); !errors.Is(err, msgcrypt.ErrPair) {
			t.Errorf("%v: error %v, want %v", p, err, msgcrypt.ErrPair)
		}
	}
}

// The right key with another account's appid is told from a wrong key.
func TestErrorsNameTheFurthestKey(t *testing.T) {
	const otherKey = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
	q, body := seal(t, ring(t, token, someKey, platform), msgcrypt.XML)
	for _, keys := range [][]string{{someKey, otherKey}, {otherKey, someKey}} {
		k := rings(t, []string{token}, keys, "wx00000000000000b2")
		if _, err := k.Open(q, body); !errors.Is(err, msgcrypt.ErrAppID) {
			t.Errorf("error %v, want %v", err, msgcrypt.ErrAppID)
		}
	}
	if _, err := ring(t, token, otherKey, platform).Open(q, body); !errors.Is(err, msgcrypt.ErrPadding) && !errors.Is(err, msgcrypt.ErrLength) {
		t.Errorf("wrong key: %v", err)
	}
}

func TestSealNamesThePlatformWhereThereIsNoReceiver(t *testing.T) {
	k := ring(t, token, someKey, platform)
	for _, d := range []msgcrypt.Dialect{msgcrypt.JSON, msgcrypt.XML} {
		q, body, err := k.Seal(msgcrypt.Push{Dialect: d, AppID: platform, Plain: []byte(message), Time: now})
		if err != nil {
			t.Fatal(err)
		}
		env, err := msgcrypt.ParseEnvelope(body)
		if err != nil || env.AppID != platform || env.ToUserName != "" || env.Dialect != d {
			t.Errorf("%v: %+v, %v", d, env, err)
		}
		if q2 := msgcrypt.QueryOf(q.Values()); q2 != q {
			t.Errorf("%+v became %+v in a URL", q, q2)
		}
	}
	for _, p := range []msgcrypt.Push{{AppID: "a]]>"}, {AppID: platform, ToUserName: `"`}, {AppID: "a b"}} {
		if _, _, err := k.Seal(p); !errors.Is(err, msgcrypt.ErrName) {
			t.Errorf("%+v: error %v, want %v", p, err, msgcrypt.ErrName)
		}
	}
}

func TestNewKeyringWantsItsParts(t *testing.T) {
	ok := []string{someKey}
	tests := []struct {
		name         string
		tokens, keys []string
		appIDs       []string
	}{
		{"no token", nil, ok, []string{platform}},
		{"empty token", []string{""}, ok, []string{platform}},
		{"no key", []string{token}, nil, []string{platform}},
		{"empty key", []string{token}, []string{""}, []string{platform}},
		{"key too short", []string{token}, []string{someKey[:42]}, []string{platform}},
		{"key with its padding", []string{token}, []string{someKey + "="}, []string{platform}},
		{"key with a blank", []string{token}, []string{someKey[:42] + " "}, []string{platform}},
		{"key with a line break", []string{token}, []string{someKey[:41] + "\n" + someKey[42:]}, []string{platform}},
		{"second key", []string{token}, []string{someKey, "x"}, []string{platform}},
		{"no appid", []string{token}, ok, nil},
		{"empty appid", []string{token}, ok, []string{platform, ""}},
	}
	for _, tt := range tests {
		k, err := msgcrypt.NewKeyring(values(tt.tokens), values(tt.keys), tt.appIDs...)
		if !errors.Is(err, msgcrypt.ErrKey) || k != nil {
			t.Errorf("%s: error %v, want %v", tt.name, err, msgcrypt.ErrKey)
		}
	}
}

func TestWindow(t *testing.T) {
	tests := []struct {
		w    msgcrypt.Window
		age  time.Duration
		want error
	}{
		{msgcrypt.Window{}, 0, nil},
		{msgcrypt.Window{}, 3*time.Hour + 36*time.Minute, nil}, // the last of WeChat's ten tries
		{msgcrypt.Window{}, msgcrypt.DefaultBack, nil},
		{msgcrypt.Window{}, msgcrypt.DefaultBack + 1, msgcrypt.ErrStale},
		{msgcrypt.Window{}, -msgcrypt.DefaultAhead, nil},
		{msgcrypt.Window{}, -msgcrypt.DefaultAhead - 1, msgcrypt.ErrFuture},
		{msgcrypt.Window{Back: time.Minute}, time.Minute + 1, msgcrypt.ErrStale},
		{msgcrypt.Window{Ahead: time.Second}, -2 * time.Second, msgcrypt.ErrFuture},
	}
	for _, tt := range tests {
		if err := tt.w.Check(now.Add(-tt.age), now); !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) {
			t.Errorf("%+v, %v old: error %v, want %v", tt.w, tt.age, err, tt.want)
		}
	}
}

func TestAKeyringDoesNotPrint(t *testing.T) {
	k := ring(t, token, someKey, platform)
	key, err := base64.RawStdEncoding.DecodeString(someKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, arg := range []any{k, *k, []*msgcrypt.Keyring{k}, struct{ K msgcrypt.Keyring }{*k}} {
			out := fmt.Sprintf(verb, arg)
			for _, bait := range []string{token, someKey, hex.EncodeToString([]byte(token)), hex.EncodeToString(key), fmt.Sprint(key)[1:40]} {
				if strings.Contains(out, bait) {
					t.Errorf("%s of %T prints a secret: %s", verb, arg, out)
				}
			}
		}
	}
	_, err = msgcrypt.NewKeyring([]secret.Value{secret.FromString(token)}, []secret.Value{secret.FromString("bait-in-a-key")}, platform)
	if strings.Contains(err.Error(), "bait") {
		t.Errorf("the error holds the key: %v", err)
	}
}

// BenchmarkOpen opens an event of 1 KB with a current and a previous token and
// key: with the current ones, and with both previous.
func BenchmarkOpen(b *testing.B) {
	const oldKey = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
	both := rings(b, []string{token, "before"}, []string{someKey, oldKey}, platform)
	plain := []byte(`{"text":"` + strings.Repeat("x", 1013) + `"}`)
	for name, sender := range map[string]*msgcrypt.Keyring{"current": ring(b, token, someKey, platform), "previous": ring(b, "before", oldKey, platform)} {
		for _, d := range []msgcrypt.Dialect{msgcrypt.JSON, msgcrypt.XML} {
			q, body, err := sender.Seal(msgcrypt.Push{Dialect: d, AppID: platform, ToUserName: "gh_demo", Plain: plain, Time: now})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(name+"/"+d.String(), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(plain)))
				for b.Loop() {
					if _, err := both.Open(q, body); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
