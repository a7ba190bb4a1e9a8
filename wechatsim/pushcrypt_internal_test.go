package wechatsim

import (
	"strings"
	"testing"
)

// The samples of the official pages. Random bytes and nonce are those of the
// page, so every byte is decided.
var (
	sampleKey = strings.Repeat("A", 43)

	jsonSample = `{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,` +
		`"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}`
	jsonSealed = `+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7v` +
		`JVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6m` +
		`OcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04=`

	xmlSample = `<xml><ToUserName><![CDATA[gh_97417a04a28d]]></ToUserName>
<FromUserName><![CDATA[o9AgO5Kd5ggOC-bXrbNODIiE3bGY]]></FromUserName>
<CreateTime>1715943329</CreateTime>
<MsgType><![CDATA[event]]></MsgType>
<Event><![CDATA[debug_demo]]></Event>
<debug_str><![CDATA[hello world]]></debug_str>
</xml>`
	xmlSealed = `D7yzvUNAL930rd28wf21s4hvXhz0L6Uit/p2Di6C5DHyYGpEgdBRnKjBec34JwoQXicwaZC7fOVihW80F4VtsdvE//1vr7oAbqjDv8KenVp+ajKYpJnyQ4zMRhIC+a31` +
		`fCVOMC03FfzV/QuC94kBP55a+Za3sJgvAn+ZbsNqZI5DkyuzkhQN8OBqCzFhizGmy0xpM0MEA4agpvE+RuNO1rhHTtuJB5yltw1FiYzecSXJ+y/D2r81VkRn2eYjh2ltso` +
		`yfbDR7Is6ookXIFxTfyeNyeHxMeT4KN5WpCDmSbTcUYrbBUlkGLJ9n/rU8YOywma6G7aTb7KZKOqCxgfoUlYEZPk4FUL/TK7ShriFDMVCLyjQJ15Ob++agDWtcxhfUfe6H` +
		`IoIpRW8mKNBQiY/Jd1svvuskA1wLef1RTtzKfMpagSCX/laZINmdnX4zrF6kIaR9P4xQrWXbsTFHTYe0Mg==`
)

// TestSealMatchesTheOfficialSamples covers events and replies of the pages
// "message push" for mini programs (JSON) and third-party platforms (XML), and
// the sample of the Java kit.
func TestSealMatchesTheOfficialSamples(t *testing.T) {
	tests := []struct {
		name, key, random, msg, appid, want string
	}{
		{"JSON event", sampleKey, "a8eedb185eb2fecf", jsonSample, "wxba5fad812f8e6fb9", jsonSealed},
		{"JSON reply", sampleKey, "707722b803182950", `{"demo_resp":"good luck"}`, "wxba5fad812f8e6fb9",
			"ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="},
		{"XML event", sampleKey, "1205899eaf019bbd", xmlSample, "wx134c8103faa5a59e", xmlSealed},
		{"XML reply", sampleKey, "999951349e8ee746", `<xml><demo_resp>[CDATA[good luck]]</demo_resp></xml>`, "wx134c8103faa5a59e",
			"hE8R6mGXHkJJjU72KxzKUd1GEkKJaEZq7vRL8XgK3o+00k8JGq6+pZJUIlTSyhsX+bxIBQ72g3GyvDdIZcr6+3HAZbSvPT9t/o11MI7d6WELwqrGd7jMnV0zv3Zc9Nq7"},
		{"kit", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "aaaabbbbccccdddd", "我是中文abcd123", "wxb11529c136998cb6",
			"jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, err := parsePushKey(tt.key)
			if err != nil {
				t.Fatal(err)
			}
			if got := key.seal([pushRandom]byte([]byte(tt.random)), []byte(tt.msg), tt.appid); got != tt.want {
				t.Errorf("sealed\n%s, want\n%s", got, tt.want)
			}
		})
	}
}

func TestPushSignatureMatchesTheOfficialSamples(t *testing.T) {
	tests := []struct {
		name  string
		parts []string
		want  string
	}{
		{"URL check", []string{"AAAAA", "1714036504", "1514711492"}, "f464b24fc39322e44b38aa78f5edd27bd1441696"},
		{"JSON signature", []string{"AAAAA", "1714112445", "415670741"}, "6c5c811b55cc85e0e1b54100749188c20beb3f5d"},
		{"JSON msg_signature", []string{"AAAAA", "1714112445", "415670741", jsonSealed}, "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"},
		{"XML signature", []string{"AAAAA", "1715943329", "1590219412"}, "cc0c594499c1634947d5b502f158ee518947db27"},
		{"XML msg_signature", []string{"AAAAA", "1715943329", "1590219412", xmlSealed}, "6c12a4205838198b8fa631b3220723bb07f1015c"},
	}
	for _, tt := range tests {
		if got := pushSignature(tt.parts...); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestPadding looks at every length: the padding is never empty, never over
// 32, and always fills the block of 32 rather than that of AES.
func TestPadding(t *testing.T) {
	for n := range 100 {
		b := padPush(make([]byte, n))
		last := int(b[len(b)-1])
		if len(b)%pushPad != 0 || last != len(b)-n || last < 1 || last > pushPad {
			t.Errorf("length %d: padded to %d, last byte %d", n, len(b), last)
		}
	}
}

func TestParsePushKey(t *testing.T) {
	for _, bad := range []string{"", "abc", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("A", 42) + "=", strings.Repeat("A", 42) + "+"} {
		if _, err := parsePushKey(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	// The last character of a real key may set bits that belong to no byte.
	for _, good := range []string{strings.Repeat("A", 42) + "B", strings.Repeat("z", 43)} {
		if _, err := parsePushKey(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}
