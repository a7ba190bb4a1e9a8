package msgcrypt_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

func TestParseEnvelope(t *testing.T) {
	want := msgcrypt.Envelope{ToUserName: "gh_demo", Encrypt: "a+/="}
	tests := []struct {
		name string
		body string
		want msgcrypt.Envelope
	}{
		{"json", `{"ToUserName":"gh_demo","Encrypt":"a+/="}`, want},
		{"json, other order and blanks", " {\n\t\"Encrypt\" : \"a+/=\" ,\r\n \"ToUserName\" : \"gh_demo\" }\n", want},
		{"json, escaped slash", `{"ToUserName":"gh_demo","Encrypt":"a+\/="}`, want},
		{"json, escaped by number", `{"ToUser\u004eame":"gh_demo","Encrypt":"\u0061+/="}`, want},
		{"json, members that do not matter", `{"x":1,"ToUserName":"gh_demo","y":null,"z":"\"","Encrypt":"a+/=","w":-1.5e3}`, want},
		{"json, appid", `{"AppId":"wx1","Encrypt":"a"}`, msgcrypt.Envelope{AppID: "wx1", Encrypt: "a"}},
		{"xml", "<xml><ToUserName>gh_demo</ToUserName><Encrypt>a+/=</Encrypt></xml>", want},
		{"xml, cdata", "<xml><ToUserName><![CDATA[gh_demo]]></ToUserName><Encrypt><![CDATA[a+/=]]></Encrypt></xml>", want},
		{"xml, blanks", "\n<xml>\n  <Encrypt> a+/= </Encrypt>\n  <ToUserName>\n<![CDATA[gh_demo]]>\n</ToUserName>\n</xml>\n", want},
		{"xml, declaration", `<?xml version="1.0" encoding="utf-8"?><xml><ToUserName>gh_demo</ToUserName><Encrypt>a+/=</Encrypt></xml>`, want},
		{"xml, appid and an empty member", "<xml><AppId>wx1</AppId><x></x><Encrypt>a</Encrypt></xml>", msgcrypt.Envelope{AppID: "wx1", Encrypt: "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Dialect = msgcrypt.JSON
			if strings.HasPrefix(tt.name, "xml") {
				tt.want.Dialect = msgcrypt.XML
			}
			if got, err := msgcrypt.ParseEnvelope([]byte(tt.body)); err != nil || got != tt.want {
				t.Errorf("%+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

var badEnvelopes = []string{
	"", " ", "x", "[]", "null", `"Encrypt"`, "\xef\xbb\xbf{}",
	"{", "{}", `{"Encrypt"}`, `{"Encrypt":}`, `{"Encrypt":"a"`, `{"Encrypt":"a",}`, `{"Encrypt":"a"}x`, `{"Encrypt":""}`,
	`{"Encrypt":"a" "b":"c"}`, `{"Encrypt":"a\"}`, `{"Encrypt":"a\x"}`, `{"Encrypt":1}`, `{"Encrypt":null}`, `{"Encrypt":["a"]}`, `{"Encrypt":{}}`,
	"{\"Encrypt\":\"a\nb\"}", `{"Encrypt":"a","Encrypt":"a"}`, `{"encrypt":"a"}`, `{"x":nul,"Encrypt":"a"}`, `{"ToUserName":"a"}`, `{'Encrypt':'a'}`,
	"<", "<xml>", "<xml/>", "<xml></xml>", "<XML><Encrypt>a</Encrypt></XML>", "<xml><Encrypt>a</Encrypt>", "<xml><Encrypt>a</Encrypt></xml>x",
	"<xml><Encrypt>a</Encrypt><xml>", "<xml><Encrypt>a</Encrypt></xml><xml></xml>", "<xml><Encrypt></Encrypt></xml>", "<xml><Encrypt/></xml>",
	"<xml><Encrypt>a</Encrypt><Encrypt>a</Encrypt></xml>", "<xml><Encrypt>a</encrypt></xml>", "<xml><Encrypt a='b'>a</Encrypt></xml>",
	"<xml a='b'><Encrypt>a</Encrypt></xml>", "<xml><Encrypt>&#97;</Encrypt></xml>", "<xml><Encrypt>a<!-- -->b</Encrypt></xml>",
	"<xml><Encrypt><![CDATA[a]]</Encrypt></xml>", "<xml><Encrypt><![CDATA[a]]>b</Encrypt></xml>", "<xml><Encrypt><a>b</a></Encrypt></xml>",
	"<!DOCTYPE xml><xml><Encrypt>a</Encrypt></xml>", `<!DOCTYPE x [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>`,
	"<?xml version='1.0'", "<?php ?><xml><Encrypt>a</Encrypt></xml>", "<xml>a<Encrypt>a</Encrypt></xml>", "<xml><></></xml>",
}

func TestParseEnvelopeRefuses(t *testing.T) {
	for _, body := range badEnvelopes {
		if env, err := msgcrypt.ParseEnvelope([]byte(body)); !errors.Is(err, msgcrypt.ErrEnvelope) || env != (msgcrypt.Envelope{}) {
			t.Errorf("%q: %+v, error %v, want %v", body, env, err, msgcrypt.ErrEnvelope)
		}
	}
}

// FuzzParseEnvelope compares with the parsers of the standard library: what they
// can read too, they read alike.
func FuzzParseEnvelope(f *testing.F) {
	for _, v := range loadVectors[pushVector](f, "pushes.json") {
		f.Add(v.body())
	}
	for _, body := range badEnvelopes {
		f.Add([]byte(body))
	}
	f.Add([]byte(`{"FromUserName":"a","Encrypt":"a"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		env, err := msgcrypt.ParseEnvelope(body)
		if err != nil {
			if env != (msgcrypt.Envelope{}) {
				t.Fatalf("%+v came with %v", env, err)
			}
			return
		}
		var want struct{ Encrypt string }
		if env.Dialect == msgcrypt.JSON {
			var members map[string]json.RawMessage
			if err := json.Unmarshal(body, &members); err != nil {
				t.Fatalf("accepted what is no JSON: %v", err)
			}
			if err := json.Unmarshal(members["Encrypt"], &want.Encrypt); err != nil || want.Encrypt != env.Encrypt {
				t.Fatalf("read %q, the library %q (%v)", env.Encrypt, want.Encrypt, err)
			}
			return
		}
		if err := xml.Unmarshal(body, &want); err == nil && !strings.Contains(env.Encrypt, "\r") && strings.TrimSpace(want.Encrypt) != strings.TrimSpace(env.Encrypt) {
			t.Fatalf("read %q, the library %q", env.Encrypt, want.Encrypt)
		}
	})
}

// FuzzDecrypt opens ciphertexts with a right signature and whatever inside.
func FuzzDecrypt(f *testing.F) {
	f.Add(layout(10, "0123456789", platform, fill(16, 16)...))
	f.Add(layout(0xffffffff, "0123456789", platform, fill(16, 16)...))
	f.Add(layout(9, "012345678", platform, fill(33, 33)...))
	f.Add(fill(32, 32))
	f.Add(fill(16, 17))
	k := ring(f, token, someKey, platform)
	f.Fuzz(func(t *testing.T, padded []byte) {
		padded = padded[:len(padded)/16*16]
		m, err := k.Open(raw(padded))
		if err != nil {
			if m.Plain != nil {
				t.Fatalf("plain text came with %v", err)
			}
			return
		}
		// What is accepted is the layout, byte for byte but the random.
		pad := int(padded[len(padded)-1])
		want := layout(len(m.Plain), string(m.Plain), platform, fill(pad, byte(pad))...)
		if string(want[16:]) != string(padded[16:]) {
			t.Fatalf("opened %q from\n%q", m.Plain, padded)
		}
	})
}

// FuzzOpen opens whole pushes that strangers send: none is accepted.
func FuzzOpen(f *testing.F) {
	for _, v := range loadVectors[pushVector](f, "pushes.json") {
		f.Add(v.body(), v.MsgSignature, v.Timestamp, v.Nonce)
	}
	f.Add([]byte(`{"Encrypt":"AAAA"}`), strings.Repeat("0", 40), "", "")
	k := ring(f, "a-token-that-no-sample-has", someKey, platform)
	f.Fuzz(func(t *testing.T, body []byte, signature, timestamp, nonce string) {
		q := msgcrypt.Query{MsgSignature: signature, Timestamp: timestamp, Nonce: nonce, EncryptType: "aes"}
		if m, err := k.Open(q, body); err == nil || m.Plain != nil {
			t.Fatalf("accepted %q", m.Plain)
		}
	})
}
