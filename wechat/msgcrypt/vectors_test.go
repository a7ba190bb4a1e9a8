package msgcrypt_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// loadVectors reads one file of samples. No file, an unknown field or an empty
// list is a failure: a test over nothing proves nothing.
func loadVectors[T any](t testing.TB, name string) []T {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", "vectors", "push", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	var list []T
	if err := dec.Decode(&list); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(list) == 0 {
		t.Fatalf("%s holds no vectors", name)
	}
	return list
}

type checkVector struct {
	Name      string `json:"name"`
	Token     string `json:"token"`
	Timestamp string `json:"timestamp"`
	Nonce     string `json:"nonce"`
	Signature string `json:"signature"`
	EchoStr   string `json:"echostr"`
	Note      string `json:"note"`
}

// pushVector is a push; a reply has no signature and no to_user_name.
type pushVector struct {
	Name         string `json:"name"`
	Dialect      string `json:"dialect"`
	Token        string `json:"token"`
	AESKey       string `json:"aes_key"`
	AppID        string `json:"appid"`
	Timestamp    string `json:"timestamp"`
	Nonce        string `json:"nonce"`
	Signature    string `json:"signature"`
	MsgSignature string `json:"msg_signature"`
	ToUserName   string `json:"to_user_name"`
	Random       string `json:"random"`
	Plain        string `json:"plain"`
	Encrypt      string `json:"encrypt"`
	Note         string `json:"note"`
}

func (v *pushVector) query() msgcrypt.Query {
	return msgcrypt.Query{
		Signature: v.Signature, MsgSignature: v.MsgSignature, Timestamp: v.Timestamp, Nonce: v.Nonce, EncryptType: "aes",
	}
}

// body writes the envelope as the page of the sample does.
func (v *pushVector) body() []byte {
	if v.Dialect == "xml" {
		return []byte("<xml>\n    <ToUserName><![CDATA[" + v.ToUserName + "]]></ToUserName>\n    <Encrypt><![CDATA[" + v.Encrypt + "]]></Encrypt>\n</xml>")
	}
	return []byte(`{"ToUserName":"` + v.ToUserName + `","Encrypt":"` + v.Encrypt + `"}`)
}

func (v *pushVector) at() time.Time {
	sec, err := strconv.ParseInt(v.Timestamp, 10, 64)
	if err != nil {
		panic(err)
	}
	return time.Unix(sec, 0).UTC()
}

// someKey is an EncodingAESKey for where none is given.
const someKey = "zhangguizhangguizhangguizhangguizhangguizhA"

// ring makes a keyring of one token and one key.
func ring(t testing.TB, token, aesKey string, appIDs ...string) *msgcrypt.Keyring {
	t.Helper()
	return rings(t, []string{token}, []string{aesKey}, appIDs...)
}

func rings(t testing.TB, tokens, aesKeys []string, appIDs ...string) *msgcrypt.Keyring {
	t.Helper()
	k, err := msgcrypt.NewKeyring(values(tokens), values(aesKeys), appIDs...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func values(texts []string) []secret.Value {
	var list []secret.Value
	for _, s := range texts {
		list = append(list, secret.FromString(s))
	}
	return list
}

func TestCheckVectors(t *testing.T) {
	for _, v := range loadVectors[checkVector](t, "checks.json") {
		t.Run(v.Name, func(t *testing.T) {
			k := ring(t, v.Token, someKey, "wx00000000000000a1")
			q := msgcrypt.Query{Signature: v.Signature, Timestamp: v.Timestamp, Nonce: v.Nonce, EchoStr: v.EchoStr}
			if got, err := k.Echo(q); err != nil || got != v.EchoStr {
				t.Errorf("echo %q, %v, want %q", got, err, v.EchoStr)
			}
			q.Nonce += "0"
			if got, err := k.Echo(q); err == nil || got != "" {
				t.Errorf("another nonce: echo %q, %v", got, err)
			}
		})
	}
}

func TestPushVectors(t *testing.T) {
	for _, v := range loadVectors[pushVector](t, "pushes.json") {
		t.Run(v.Name, func(t *testing.T) {
			k := ring(t, v.Token, v.AESKey, v.AppID)
			m, err := k.Open(v.query(), v.body())
			if err != nil {
				t.Fatal(err)
			}
			if string(m.Plain) != v.Plain || m.AppID != v.AppID || m.Dialect.String() != v.Dialect || !m.Time.Equal(v.at()) || !m.Pair.Current() {
				t.Errorf("opened %+v\n%s\nwant\n%s", m, m.Plain, v.Plain)
			}
			if got := msgcrypt.EncryptWith(k, v.Random, v.Plain, v.AppID); got != v.Encrypt {
				t.Errorf("sealed\n%s\nwant\n%s", got, v.Encrypt)
			}
			if _, err := k.Echo(v.query()); err != nil {
				t.Errorf("signature: %v", err)
			}
		})
	}
}

// answer is what a sealed reply holds, in either dialect.
type answer struct {
	XMLName      xml.Name    `xml:"xml" json:"-"`
	Encrypt      string      `xml:"Encrypt"`
	MsgSignature string      `xml:"MsgSignature"`
	TimeStamp    json.Number `xml:"TimeStamp"`
	Nonce        string      `xml:"Nonce"`
}

func readAnswer(t *testing.T, dialect string, body []byte) answer {
	t.Helper()
	read := json.Unmarshal
	if dialect == "xml" {
		read = xml.Unmarshal
	}
	var a answer
	if err := read(body, &a); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	a.XMLName = xml.Name{}
	return a
}

func TestReplyVectors(t *testing.T) {
	dialects := map[string]msgcrypt.Dialect{"json": msgcrypt.JSON, "xml": msgcrypt.XML}
	for _, v := range loadVectors[pushVector](t, "replies.json") {
		t.Run(v.Name, func(t *testing.T) {
			k := ring(t, v.Token, v.AESKey, v.AppID)
			m := msgcrypt.Message{AppID: v.AppID, Dialect: dialects[v.Dialect]}
			body, err := msgcrypt.ReplyWith(k, m, v.Plain, v.Random, v.Nonce, v.Timestamp)
			if err != nil {
				t.Fatal(err)
			}
			want := answer{Encrypt: v.Encrypt, MsgSignature: v.MsgSignature, TimeStamp: json.Number(v.Timestamp), Nonce: v.Nonce}
			if diff := cmp.Diff(want, readAnswer(t, v.Dialect, body)); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
			// A reply is an envelope like any other.
			if m, err := k.Open(v.query(), body); err != nil || string(m.Plain) != v.Plain {
				t.Errorf("opened %q, %v", m.Plain, err)
			}
		})
	}
}

func TestCiphertextVectors(t *testing.T) {
	for _, v := range loadVectors[pushVector](t, "ciphertexts.json") {
		k := ring(t, "AAAAA", v.AESKey, v.AppID)
		if got := msgcrypt.EncryptWith(k, v.Random, v.Plain, v.AppID); got != v.Encrypt {
			t.Errorf("%s: sealed\n%s\nwant\n%s", v.Name, got, v.Encrypt)
		}
		m, err := msgcrypt.DecryptOnly(k, v.Encrypt)
		if err != nil || string(m.Plain) != v.Plain || m.AppID != v.AppID {
			t.Errorf("%s: opened %q for %s, %v", v.Name, m.Plain, m.AppID, err)
		}
	}
}
