package event_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/wechat/event"
)

// tree draws the body of an event: strings, objects, and lists that XML can
// say too. Names of lists and of other members do not mix.
func tree(t *rapid.T, depth int) map[string]any {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,3}(_id)?`), 0, 4, rapid.ID[string]).Draw(t, "names")
	o := map[string]any{}
	for _, name := range names {
		switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
		case kind == 0 && depth > 0:
			o[name] = tree(t, depth-1)
		case kind == 1 && depth > 0:
			o[name+"_list"] = elements(t, 1, depth-1)
		case kind == 2:
			o[name+"s"] = elements(t, 2, 0)
		case kind == 3:
			o[name] = json.Number(rapid.StringMatching(`-?[1-9][0-9]{0,24}(\.[0-9]{1,3})?`).Draw(t, "number"))
		default:
			// No control characters: XML has no way to write them.
			o[name] = rapid.StringMatching(`[ -~\t\n中文字😀]{0,12}`).Draw(t, "text")
		}
	}
	return o
}

// elements draws a list of n to 4 elements.
func elements(t *rapid.T, n, depth int) []any {
	list := []any{}
	for range rapid.IntRange(n, 4).Draw(t, "length") {
		if depth > 0 {
			list = append(list, tree(t, depth-1))
		} else {
			list = append(list, rapid.StringMatching(`[a-z<&"]{0,4}`).Draw(t, "element"))
		}
	}
	return list
}

// writeXML writes a tree as WeChat does: an element for each member, one for
// each element of a list.
func writeXML(b *bytes.Buffer, name string, v any, cdata bool) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			writeXML(b, name, element, cdata)
		}
		return
	case map[string]any:
		fmt.Fprintf(b, "<%s>", name)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			writeXML(b, key, v[key], cdata)
		}
	default:
		fmt.Fprintf(b, "<%s>", name)
		if text := fmt.Sprint(v); cdata && !strings.Contains(text, "]]>") {
			fmt.Fprintf(b, "<![CDATA[%s]]>", text)
		} else if err := xml.EscapeText(b, []byte(text)); err != nil {
			panic(err)
		}
	}
	fmt.Fprintf(b, "</%s>", name)
}

// One event has one body, whichever dialect it came in.
func TestDialectsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := tree(t, 4)
		o["Event"], o["CreateTime"] = "some_event", json.Number("1700000000")
		asJSON, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var asXML bytes.Buffer
		writeXML(&asXML, "xml", o, rapid.Bool().Draw(t, "cdata"))

		a, err := event.Decode(asJSON)
		if err != nil {
			t.Fatalf("%v: %s", err, asJSON)
		}
		b, err := event.Decode(asXML.Bytes())
		if err != nil {
			t.Fatalf("%v: %s", err, &asXML)
		}
		if !bytes.Equal(a.Body, b.Body) || a.Name != b.Name || a.CreateTime != b.CreateTime {
			t.Fatalf("JSON %s\n  -> %s\nXML %s\n  -> %s", asJSON, a.Body, &asXML, b.Body)
		}
	})
}

// The order of members and the blanks between them do not reach the body.
func TestBodyIsCanonical(t *testing.T) {
	a := decode(t, `{"Event":"e","b":{"d":1,"c":2},"a":"x"}`)
	b := decode(t, "{\n \"a\" : \"x\", \"b\": {\"c\":2, \"d\":1},\n \"Event\":\"e\"}")
	if !bytes.Equal(a.Body, b.Body) || a.Digest == b.Digest {
		t.Errorf("%s and %s", a.Body, b.Body)
	}
}

// FuzzDecode reads whatever was signed: nothing panics, and what is accepted
// has the promised form.
func FuzzDecode(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s.json))
		f.Add([]byte(s.xml))
	}
	for _, r := range refused {
		f.Add([]byte(r.text))
	}
	f.Add([]byte(ticketXML))
	f.Add([]byte(authorizedXML))
	f.Fuzz(func(t *testing.T, plain []byte) {
		e, err := event.Decode(plain)
		if err != nil {
			if e.Body != nil || e.Name != "" {
				t.Fatalf("an event came with %v", err)
			}
			return
		}
		if e.Digest != sha256.Sum256(plain) {
			t.Fatal("the digest is not that of the message")
		}
		var body map[string]any
		if err := json.Unmarshal(e.Body, &body); err != nil {
			t.Fatalf("%v in %s", err, e.Body)
		}
		checkForm(t, "", body)
		for _, name := range []string{"ComponentVerifyTicket", "AuthorizationCode", "PreAuthCode"} {
			if _, ok := body[name]; ok {
				t.Fatalf("the body holds %s: %s", name, e.Body)
			}
		}
		checkAgain(t, &e)
		asked(&e)
	})
}

// checkForm wants strings, objects that are not empty, and lists that are not
// empty.
func checkForm(t *testing.T, name string, v any) {
	t.Helper()
	switch v := v.(type) {
	case string:
		if strings.ContainsRune(v, 0) {
			t.Fatalf("%q holds a zero byte", name)
		}
	case []any:
		if len(v) == 0 {
			t.Fatalf("%q is an empty list", name)
		}
		for _, element := range v {
			if l, ok := element.([]any); ok && len(l) == 0 {
				continue // a list in a list, which XML cannot say, stays as it came
			}
			checkForm(t, name, element)
		}
	case map[string]any:
		if len(v) == 0 && name != "" {
			t.Fatalf("%q is an empty object", name)
		}
		for key, member := range v {
			checkForm(t, "."+key, member)
		}
	default:
		t.Fatalf("%q is %T", name, v)
	}
}

// checkAgain: a body is in its final form. What counts the values of a message
// counts a known list as one more, so a message at the bound is left out.
func checkAgain(t *testing.T, e *event.Event) {
	t.Helper()
	const envelope = `{"Event":"some_event"`
	text := envelope + "}"
	if len(e.Body) > 2 {
		text = envelope + "," + string(e.Body[1:])
	}
	again, err := event.Decode([]byte(text))
	if err != nil || strings.Contains(text[len(envelope):], `"Event"`) {
		return
	}
	for _, name := range []string{"InfoType", "ToUserName", "FromUserName", "AppId", "AppID", "MsgType", "MsgId", "MsgID", "CreateTime"} {
		if strings.Contains(string(e.Body), `"`+name+`"`) {
			return // a second name for one thing, which the envelope left
		}
	}
	if !bytes.Equal(again.Body, e.Body) {
		t.Fatalf("the body\n%s\nbecomes\n%s", e.Body, again.Body)
	}
}
