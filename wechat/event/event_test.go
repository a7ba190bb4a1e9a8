package event_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/zhanggui/zhanggui/wechat/event"
)

// samples are events in both dialects, shaped like those on the pages under
// developers.weixin.qq.com/doc/store/shop/notify and beside it.
var samples = []struct {
	name string
	json string
	xml  string
	want event.Event
}{
	{
		name: "order, id as a number beyond 2^53",
		json: `{"ToUserName":"gh_demo","FromUserName":"o_demo_1","CreateTime":1662480000,"MsgType":"event","Event":"channels_ec_order_ext_info_update","order_info":{"order_id":3705115058471208928,"type":1}}`,
		xml:  `<xml><ToUserName><![CDATA[gh_demo]]></ToUserName><FromUserName><![CDATA[o_demo_1]]></FromUserName><CreateTime>1662480000</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[channels_ec_order_ext_info_update]]></Event><order_info><type>1</type><order_id>3705115058471208928</order_id></order_info></xml>`,
		want: event.Event{Name: "channels_ec_order_ext_info_update", ToUserName: "gh_demo", FromUserName: "o_demo_1", CreateTime: 1662480000, MsgType: "event", Body: json.RawMessage(`{"order_info":{"order_id":"3705115058471208928","type":"1"}}`)},
	},
	{
		name: "list with one element, JSON inside a string",
		json: `{"ToUserName":"gh_demo","CreateTime":"1762492842","MsgType":"event","Event":"api_diff","api_changes":[{"cgi_path":"/a?b=1&c=2"}],"change_time":"1762492842","audit_info":"[{\"a\":1}]"}`,
		xml:  `<xml><ToUserName>gh_demo</ToUserName><CreateTime>1762492842</CreateTime><MsgType>event</MsgType><Event>api_diff</Event><api_changes><cgi_path>/a?b=1&amp;c=2</cgi_path></api_changes><change_time>1762492842</change_time><audit_info><![CDATA[[{"a":1}]]]></audit_info></xml>`,
		want: event.Event{Name: "api_diff", ToUserName: "gh_demo", CreateTime: 1762492842, MsgType: "event", Body: json.RawMessage(`{"api_changes":[{"cgi_path":"/a?b=1&c=2"}],"audit_info":"[{\"a\":1}]","change_time":"1762492842"}`)},
	},
	{
		name: "lists of several elements",
		json: `{"Event":"channels_ec_voucher_send_succ","CreateTime":1,"voucher_list":[{"code":"1","status":1},{"code":"2","status":1}],"other":["x","y"]}`,
		xml:  `<xml><Event>channels_ec_voucher_send_succ</Event><CreateTime>1</CreateTime><voucher_list><code>1</code><status>1</status></voucher_list><other>x</other><voucher_list><code>2</code><status>1</status></voucher_list><other>y</other></xml>`,
		want: event.Event{Name: "channels_ec_voucher_send_succ", CreateTime: 1, Body: json.RawMessage(`{"other":["x","y"],"voucher_list":[{"code":"1","status":"1"},{"code":"2","status":"1"}]}`)},
	},
	{
		name: "nothing in many forms",
		json: `{"Event":"e","a":null,"b":{},"c":"","d":[],"e_list":[],"f_list":null,"g":{"h":[]}}`,
		xml:  `<xml><Event>e</Event><a/><b></b><c><![CDATA[]]></c><e_list></e_list><g/></xml>`,
		want: event.Event{Name: "e", Body: json.RawMessage(`{"a":"","b":"","c":"","g":""}`)},
	},
	{
		name: "scalars in their own words",
		json: `{"Event":"e","n":1.50,"m":-2e3,"t":true,"f":false,"s":"<&>"}`,
		xml:  `<xml><Event>e</Event><n>1.50</n><m>-2e3</m><t>true</t><f>false</f><s>&lt;&#38;&gt;</s></xml>`,
		want: event.Event{Name: "e", Body: json.RawMessage(`{"f":"false","m":"-2e3","n":"1.50","s":"<&>","t":"true"}`)},
	},
	{
		name: "a person, names with a blank, MsgType with a capital",
		json: `{"ToUserName":"gh_demo","FromUserName":"o_wechat","CreateTime":1627359464,"MsgType":"Event","Event":"user_authorization_revoke"," OpenID":"o_demo_1"," AppID":"wx00000000000000a1"," RevokeInfo":"301"}`,
		xml:  `<?xml version="1.0" encoding="utf-8"?> <xml> <ToUserName><![CDATA[gh_demo]]></ToUserName> <FromUserName><![CDATA[o_wechat]]></FromUserName> <CreateTime>1627359464</CreateTime> <MsgType><![CDATA[event]]></MsgType> <Event><![CDATA[user_authorization_revoke]]></Event> <OpenID><![CDATA[o_demo_1]]></OpenID> <AppID><![CDATA[wx00000000000000a1]]></AppID> <RevokeInfo><![CDATA[301]]></RevokeInfo> </xml>`,
		want: event.Event{Name: "user_authorization_revoke", ToUserName: "gh_demo", FromUserName: "o_wechat", AppID: "wx00000000000000a1", CreateTime: 1627359464, MsgType: "event", Body: json.RawMessage(`{"OpenID":"o_demo_1","RevokeInfo":"301"}`)},
	},
	{
		name: "a message of a person",
		json: `{"ToUserName":"gh_demo","FromUserName":"o_demo_1","CreateTime":1482048670,"MsgType":"text","Content":"this is a test","MsgId":12345678901234567890}`,
		xml:  `<xml><ToUserName>gh_demo</ToUserName><FromUserName>o_demo_1</FromUserName><CreateTime>1482048670</CreateTime><MsgType>text</MsgType><Content>this is a test</Content><MsgId>12345678901234567890</MsgId></xml>`,
		want: event.Event{ToUserName: "gh_demo", FromUserName: "o_demo_1", CreateTime: 1482048670, MsgType: "text", MsgID: "12345678901234567890", Body: json.RawMessage(`{"Content":"this is a test"}`)},
	},
	{
		name: "about an authorisation",
		json: `{"AppId":"wx00000000000000c1","CreateTime":1413192760,"InfoType":"unauthorized","AuthorizerAppid":"wx00000000000000b2"}`,
		xml:  `<xml><AppId>wx00000000000000c1</AppId><CreateTime>1413192760</CreateTime><InfoType>unauthorized</InfoType><AuthorizerAppid>wx00000000000000b2</AuthorizerAppid></xml>`,
		want: event.Event{Name: "unauthorized", AppID: "wx00000000000000c1", CreateTime: 1413192760, Body: json.RawMessage(`{"AuthorizerAppid":"wx00000000000000b2"}`)},
	},
	{
		name: "two names for one thing",
		json: `{"Event":"e","InfoType":"i","AppId":"wx1","AppID":"wx1","MsgId":"1","MsgID":"2"}`,
		xml:  `<xml><Event>e</Event><InfoType>i</InfoType><AppId>wx1</AppId><AppID>wx1</AppID><MsgId>1</MsgId><MsgID>2</MsgID></xml>`,
		want: event.Event{Name: "e", AppID: "wx1", MsgID: "1", Body: json.RawMessage(`{"InfoType":"i","MsgID":"2"}`)},
	},
	{
		name: "nothing but a name",
		json: ` {"Event":"e"} `,
		xml:  "\n<xml a='b'><!-- c --><Event x='y'>e</Event> text between </xml>\n<!-- d -->",
		want: event.Event{Name: "e", Body: json.RawMessage(`{}`)},
	},
}

func TestDecodeBothDialects(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			for _, text := range []string{s.json, s.xml} {
				got, err := event.Decode([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				want := s.want
				want.Digest = sha256.Sum256([]byte(text))
				if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(event.Event{})); diff != "" {
					t.Errorf("%s (-want +got):\n%s\nbody %s", text[:5], diff, got.Body)
				}
			}
		})
	}
}

// nested returns an object in n objects, in both dialects.
func nested(n int) []string {
	return []string{
		`{"Event":"e","a":` + strings.Repeat(`{"a":`, n-1) + `1` + strings.Repeat(`}`, n),
		`<xml><Event>e</Event>` + strings.Repeat(`<a>`, n) + `1` + strings.Repeat(`</a>`, n) + `</xml>`,
	}
}

// wide returns an object of n members.
func wide(n int) []string {
	var j, x strings.Builder
	for i := range n {
		fmt.Fprintf(&j, `,"a%d":1`, i)
		fmt.Fprintf(&x, `<a%d>1</a%d>`, i, i)
	}
	return []string{`{"Event":"e"` + j.String() + `}`, `<xml><Event>e</Event>` + x.String() + `</xml>`}
}

func TestDecodeBounds(t *testing.T) {
	pad := strings.Repeat(" ", event.MaxBytes)
	tests := []struct {
		name     string
		ok, over []string
	}{
		// The object is at depth 1 and the innermost value one deeper than its object.
		{"depth", nested(event.MaxDepth - 1), nested(event.MaxDepth)},
		{"values", wide(event.MaxElements - 2), wide(event.MaxElements - 1)},
		{"bytes", []string{`{"Event":"e"}` + pad[13:]}, []string{`{"Event":"e"}` + pad[12:], `<xml><Event>e</Event></xml>` + pad}},
		{"deep lists", nil, []string{`{"Event":"e","a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`}},
		{"a long list", nil, []string{`{"Event":"e","a":[` + strings.Repeat("1,", event.MaxElements) + `1]}`}},
	}
	for _, tt := range tests {
		for _, text := range tt.ok {
			if _, err := event.Decode([]byte(text)); err != nil {
				t.Errorf("%s: %v for %.40s", tt.name, err, text)
			}
		}
		for _, text := range tt.over {
			if _, err := event.Decode([]byte(text)); !errors.Is(err, event.ErrTooLarge) {
				t.Errorf("%s: error %v for %.40s, want %v", tt.name, err, text, event.ErrTooLarge)
			}
		}
	}
}

// refused are messages that are no event, each with the reason.
var refused = []struct {
	text string
	want error
}{
	{"", event.ErrSyntax}, {" \n", event.ErrSyntax}, {"event", event.ErrSyntax}, {"[]", event.ErrSyntax}, {`"x"`, event.ErrSyntax},
	{"\xef\xbb\xbf{\"Event\":\"e\"}", event.ErrSyntax}, {"{\"Event\":\"\xff\"}", event.ErrSyntax}, {"<xml><Event>\xff</Event></xml>", event.ErrSyntax},
	{`{"Event":"e"`, event.ErrSyntax}, {`{"Event":"e",}`, event.ErrSyntax}, {`{"Event":"e"}{}`, event.ErrSyntax}, {`{"Event":"e"}x`, event.ErrSyntax},
	{`{"Event":"e","a":01}`, event.ErrSyntax}, {`{"Event":"e","a":[1,,2]}`, event.ErrSyntax}, {`{"Event":"e","a":"\u0000"}`, event.ErrSyntax}, {`{"Event":"e","\u0000":1}`, event.ErrSyntax},
	{`{"Event":"e","Event":"e"}`, event.ErrDuplicate}, {`{"Event":"e","a":{"b":1,"b":1}}`, event.ErrDuplicate}, {`{"Event":"e"," OpenID":"a","OpenID":"b"}`, event.ErrDuplicate},
	{`{"Event":"e","a":[{"b":[],"b":[]}]}`, event.ErrDuplicate},
	{`{}`, event.ErrEnvelope}, {`<xml></xml>`, event.ErrEnvelope}, {`<xml/>`, event.ErrEnvelope}, {`{"MsgType":"event"}`, event.ErrEnvelope}, {`{"Event":""}`, event.ErrEnvelope},
	{`{"Event":{"a":1}}`, event.ErrEnvelope}, {`{"Event":["e","f"]}`, event.ErrEnvelope}, {`<xml><Event>e</Event><Event>f</Event></xml>`, event.ErrEnvelope},
	{`{"Event":"e","ToUserName":["a"]}`, event.ErrEnvelope}, {`{"Event":"e","CreateTime":{"a":1}}`, event.ErrEnvelope},
	{`{"Event":"e","CreateTime":"now"}`, event.ErrEnvelope}, {`{"Event":"e","CreateTime":-1}`, event.ErrEnvelope}, {`{"Event":"e","CreateTime":1.5}`, event.ErrEnvelope},
	{`{"Event":"e","CreateTime":1700000000000}`, event.ErrEnvelope}, {`{"Event":"e","CreateTime":99999999999999999999}`, event.ErrEnvelope},
	{`<xml><Event>e</Event>`, event.ErrSyntax}, {`<xml><Event>e</Event><xml>`, event.ErrSyntax}, {`<xml><Event>e</event></xml>`, event.ErrSyntax}, {`<Xml><Event>e</Event></Xml>`, event.ErrSyntax},
	{`<xml><Event>e</Event></xml>x`, event.ErrSyntax}, {`<xml><Event>e</Event></xml><xml></xml>`, event.ErrSyntax}, {`<!-- x -->`, event.ErrSyntax}, {`<?xml version="1.0"?>x<xml/>`, event.ErrSyntax},
	{`<?xml version="1.0" encoding="gbk"?><xml><Event>e</Event></xml>`, event.ErrSyntax},
	{`<xml><Event>&secret;</Event></xml>`, event.ErrSyntax}, {`<xml><Event>&nbsp;</Event></xml>`, event.ErrSyntax}, {`<xml><Event>a & b</Event></xml>`, event.ErrSyntax}, {`<xml><Event>&#0;</Event></xml>`, event.ErrSyntax},
	{`<!DOCTYPE xml><xml><Event>e</Event></xml>`, event.ErrDocType}, {`<xml><!DOCTYPE xml><Event>e</Event></xml>`, event.ErrDocType}, {`<xml><Event>e</Event></xml><!DOCTYPE xml>`, event.ErrDocType},
	{`<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><xml><Event>&b;</Event></xml>`, event.ErrDocType},
	{`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Event>&a;</Event></xml>`, event.ErrDocType},
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range refused {
		e, err := event.Decode([]byte(tt.text))
		if !errors.Is(err, tt.want) {
			t.Errorf("%q: error %v, want %v", tt.text, err, tt.want)
		}
		if diff := cmp.Diff(event.Event{}, e, cmpopts.IgnoreUnexported(event.Event{})); diff != "" {
			t.Errorf("%q: an event came with the error: %s", tt.text, diff)
		}
	}
}

// What a message holds must not reach a log through an error.
func TestErrorsQuoteNothing(t *testing.T) {
	for _, text := range []string{
		`{"bait":`, `{"Event":"e","bait":1,"bait":2}`, `{"Event":["bait","bait"]}`, `{"Event":"e","CreateTime":"bait"}`,
		`<xml><bait></xml>`, `<xml>&bait;</xml>`, `<bait></bait>`, `<!DOCTYPE bait><xml/>`, `<?xml version="1.0" encoding="bait"?><xml/>`,
	} {
		if _, err := event.Decode([]byte(text)); err == nil || strings.Contains(err.Error(), "bait") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

func TestTime(t *testing.T) {
	e := event.Event{CreateTime: 1662480000}
	if got, want := e.Time(), time.Date(2022, 9, 6, 16, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("time %v, want %v", got, want)
	}
	if e.CreateTime = 0; !e.Time().IsZero() {
		t.Errorf("no time became %v", e.Time())
	}
}

// BenchmarkDecode reads an event of a shop in both dialects.
func BenchmarkDecode(b *testing.B) {
	for _, s := range samples[:1] {
		for name, text := range map[string]string{"json": s.json, "xml": s.xml} {
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := event.Decode([]byte(text)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
