package wechatsim

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"testing"
)

func TestPushBodyDialects(t *testing.T) {
	tests := []struct{ in, wantJSON, wantXML string }{
		{`{}`, `{}`, `<xml></xml>`},
		{`{"b": 1, "a": "x"}`, `{"b":1,"a":"x"}`, `<xml><b>1</b><a><![CDATA[x]]></a></xml>`},
		{`{"id":3704612354559743233}`, `{"id":3704612354559743233}`, `<xml><id>3704612354559743233</id></xml>`},
		{`{"o":{"t":true,"n":null}}`, `{"o":{"t":true,"n":null}}`, `<xml><o><t>true</t><n></n></o></xml>`},
		{`{"l":[1,"2",{"x":3}],"e":[]}`, `{"l":[1,"2",{"x":3}],"e":[]}`, `<xml><l>1</l><l><![CDATA[2]]></l><l><x>3</x></l></xml>`},
		{`{"s":"<a>&\u0001]]>"}`, `{"s":"<a>&\u0001]]>"}`, `<xml><s><![CDATA[<a>&]]]]><![CDATA[>]]></s></xml>`},
	}
	for _, tt := range tests {
		o, err := parsePushObject([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if got := string(o.toJSON()); got != tt.wantJSON {
			t.Errorf("JSON %s, want %s", got, tt.wantJSON)
		}
		if got := string(o.toXML()); got != tt.wantXML {
			t.Errorf("XML %s, want %s", got, tt.wantXML)
		}
	}
}

// FuzzPushBody feeds the control API's events: what is accepted means the same
// after the way through either dialect, and both are well formed.
func FuzzPushBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"order_info":{"order_id":3704612354559743232}}`, `{"a":[[1],{"b":null}]}`, `{"a":"]]>\ud800"}`,
		`[`, `{"a b":1}`, `{"a":1}{}`, `{"a":1e999}`, `{"a":"\u0000\ufffe"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := parsePushObject(raw)
		if err != nil {
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("%q is accepted", raw)
		}
		again, err := parsePushObject(o.toJSON())
		if err != nil || !bytes.Equal(again.toJSON(), o.toJSON()) {
			t.Fatalf("%q becomes %q and then %q (%v)", raw, o.toJSON(), again.toJSON(), err)
		}
		if sorted := o.reordered(); len(sorted) != len(o) {
			t.Fatalf("%q loses members when they are sorted", raw)
		}
		for dec := xml.NewDecoder(bytes.NewReader(o.toXML())); ; {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("%q becomes %q: %v", raw, o.toXML(), err)
			}
		}
	})
}
