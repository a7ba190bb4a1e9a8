package wechat_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/wechat"
)

func TestPeek(t *testing.T) {
	rid := "1a1a1a1a-2b2b2b2b-3c3c3c3c"
	far := strings.Repeat("x", wechat.DefaultPeek)
	for name, tc := range map[string]struct {
		body string
		want wechat.Head
	}{
		"ok":                       {`{"errcode":0,"errmsg":"ok","x":1}`, wechat.Head{Found: true}},
		"error":                    {`{"errcode":40001,"errmsg":"bad rid: ` + rid + `"}`, wechat.Head{Found: true, Code: 40001, Message: "bad rid: " + rid, RID: rid}},
		"errmsg first":             {`{"errmsg":"bad","errcode":1}`, wechat.Head{Found: true, Code: 1, Message: "bad"}},
		"others first":             {`{"a":{"b":[1,{"c":"}"}]},"errcode":2,"errmsg":"m"}`, wechat.Head{Found: true, Code: 2, Message: "m"}},
		"negative":                 {`{"errcode":-1,"errmsg":"system error"}`, wechat.Head{Found: true, Code: -1, Message: "system error"}},
		"white space":              {" \r\n\t{ \"errcode\" :\n 3 , \"errmsg\" : \"m\" }", wechat.Head{Found: true, Code: 3, Message: "m"}},
		"byte order mark":          {"\xef\xbb\xbf{\"errcode\":4,\"errmsg\":\"m\"}", wechat.Head{Found: true, Code: 4, Message: "m"}},
		"string":                   {`{"errcode":"5","errmsg":"m"}`, wechat.Head{Found: true, Code: 5, Message: "m"}},
		"escaped key":              {`{"err\u0063ode":6,"errmsg":"m"}`, wechat.Head{Found: true, Code: 6, Message: "m"}},
		"escaped message":          {`{"errcode":7,"errmsg":"\u7801\"\\"}`, wechat.Head{Found: true, Code: 7, Message: "码\"\\"}},
		"raw control in message":   {"{\"errcode\":8,\"errmsg\":\"a\x01\nb\"}", wechat.Head{Found: true, Code: 8, Message: "ab"}},
		"invalid UTF-8 in message": {"{\"errcode\":8,\"errmsg\":\"a\xffb\"}", wechat.Head{Found: true, Code: 8, Message: "a\uFFFDb"}},
		"the first of two":         {`{"errcode":9,"errcode":0,"errmsg":"m"}`, wechat.Head{Found: true, Code: 9, Message: "m"}},
		"without message":          {`{"errcode":10}`, wechat.Head{Found: true, Code: 10}},
		"nested only":              {`{"data":{"errcode":40001,"errmsg":"no"}}`, wechat.Head{}},
		"nested in an array":       {`{"list":[{"errcode":1}]}`, wechat.Head{}},
		"inside a string":          {`{"note":"\"errcode\":40001,\"errcode\":40001"}`, wechat.Head{}},
		"another name":             {`{"errcode2":1,"Errcode":1,"errCode":1}`, wechat.Head{}},
		"null":                     {`{"errcode":null}`, wechat.Head{}},
		"fraction":                 {`{"errcode":1.5}`, wechat.Head{}},
		"an object as errcode":     {`{"errcode":{"errcode":1}}`, wechat.Head{}},
		"beyond an int":            {`{"errcode":99999999999999999999}`, wechat.Head{}},
		"words":                    {`{"errcode":"x"}`, wechat.Head{}},
		"cut after the errcode":    {`{"errcode":40001,`, wechat.Head{Found: true, Code: 40001}},
		"cut within the errcode":   {`{"errcode":4000`, wechat.Head{}},
		"cut within the message":   {`{"errcode":11,"errmsg":"hal`, wechat.Head{Found: true, Code: 11, Message: "hal"}},
		"cut at a backslash":       {`{"errcode":11,"errmsg":"hal\`, wechat.Head{Found: true, Code: 11, Message: "hal"}},
		"cut before the colon":     {`{"errcode"`, wechat.Head{}},
		"beyond the head":          {`{"a":"` + far + `","errcode":1}`, wechat.Head{}},
		"empty":                    {"", wechat.Head{}},
		"array":                    {`[{"errcode":1}]`, wechat.Head{}},
		"HTML":                     {`<html>{"errcode":1}</html>`, wechat.Head{}},
		"half a byte order mark":   {"\xef\xbb", wechat.Head{}},
		"no colon":                 {`{"errcode" 1}`, wechat.Head{}},
		"no key":                   {`{1:"errcode"}`, wechat.Head{}},
	} {
		got, r := wechat.Peek(strings.NewReader(tc.body), 0)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if rest, err := io.ReadAll(r); err != nil || string(rest) != tc.body {
			t.Errorf("%s: the body came out changed: %q, %v", name, rest, err)
		}
	}
}

func TestPeekLeavesACompressedBodyAlone(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, `{"errcode":1,"errmsg":"m"}`)
	z.Close()
	source := &counting{r: bytes.NewReader(b.Bytes())}
	head, r := wechat.Peek(iotest.OneByteReader(source), 0)
	if head.Found || source.n != 1 {
		t.Errorf("head %+v after %d bytes", head, source.n)
	}
	if got, _ := io.ReadAll(r); !bytes.Equal(got, b.Bytes()) {
		t.Error("the body came out changed")
	}
}

// counting counts the bytes that were read.
type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestPeekHoldsUpAsLittleAsItCan(t *testing.T) {
	for body, want := range map[string]int{
		`{"errcode":0,"errmsg":"ok","data":"…"}`: len(`{"errcode":0,`),
		`{"errcode":1,"errmsg":"m","data":"…"}`:  len(`{"errcode":1,"errmsg":"m"`),
		`PNG…`:        1,
		`{} and more`: 2,
		`{"a":"` + strings.Repeat("x", 5000) + `"}`: wechat.DefaultPeek,
	} {
		source := &counting{r: strings.NewReader(body)}
		wechat.Peek(iotest.OneByteReader(source), 0)
		if source.n != want {
			t.Errorf("%.30s: %d bytes were read, want %d", body, source.n, want)
		}
	}
	for n, want := range map[int]int{-1: wechat.DefaultPeek, 0: wechat.DefaultPeek, 512: 512, 1 << 20: wechat.MaxPeek} {
		source := &counting{r: strings.NewReader(`{"a":"` + strings.Repeat("x", 1<<16))}
		wechat.Peek(source, n)
		if source.n != want {
			t.Errorf("Peek(%d) read %d bytes, want %d", n, source.n, want)
		}
	}
}

func TestPeekYieldsTheReadError(t *testing.T) {
	broken := errors.New("connection reset")
	body := `{"errcode":1,"errm`
	head, r := wechat.Peek(io.MultiReader(strings.NewReader(body), iotest.ErrReader(broken)), 0)
	got, err := io.ReadAll(r)
	if head.Code != 1 || string(got) != body || !errors.Is(err, broken) {
		t.Errorf("head %+v, %q, %v", head, got, err)
	}
}

// oracle reads the first top-level errcode of valid JSON the slow way.
func oracle(body []byte) (code int, found bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return 0, false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return 0, false
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return 0, false
		}
		if key != "errcode" || found {
			continue
		}
		text := string(raw)
		var s string
		if json.Unmarshal(raw, &s) == nil && raw[0] == '"' {
			text = strings.TrimSpace(s)
		}
		if strings.HasPrefix(text, "+") || strings.Contains(text, "_") {
			continue
		}
		if n, err := strconv.Atoi(text); err == nil {
			code, found = n, true
		}
	}
	return code, found
}

func FuzzPeek(f *testing.F) {
	for _, body := range []string{
		`{"errcode":0,"errmsg":"ok"}`, `{"errcode":"40001","errmsg":"rid: 1a1a1a1a-2b2b2b2b-3c3c3c3c"}`,
		`{"data":{"errcode":1},"errcode":2}`, "\xef\xbb\xbf {\"a\":[1,\"]\"],\"errcode\":-1}", `{"errcode":400`,
		`{"err\u0063ode":1}`, `{"errcode":1,"errmsg":"\`, "\x1f\x8b\x08", "", `{"":"","errcode":" 7 "}`,
	} {
		f.Add([]byte(body), uint8(3))
	}
	f.Fuzz(func(t *testing.T, body []byte, chunk uint8) {
		whole, r := wechat.Peek(bytes.NewReader(body), wechat.MaxPeek)
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("the body came out changed: %q, %v", got, err)
		}
		pieces, _ := wechat.Peek(&chunked{body: body, size: int(chunk)%7 + 1}, wechat.MaxPeek)
		if whole != pieces {
			t.Fatalf("at once %+v, in pieces %+v", whole, pieces)
		}
		if len(body) >= wechat.MaxPeek || !json.Valid(body) {
			return
		}
		if code, found := oracle(body); whole.Code != code || whole.Found != found {
			t.Fatalf("Peek(%q) = %+v, encoding/json says %d %v", body, whole, code, found)
		}
	})
}

// chunked gives a body in pieces of one size.
type chunked struct {
	body []byte
	size int
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.body) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.body[:min(c.size, len(c.body))])
	c.body = c.body[n:]
	return n, nil
}

// A cut never invents a code: whatever is seen in a part of a body is what the
// whole body says.
func TestPeekOfAPartAgreesWithTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.MapOfN(rapid.StringN(0, 8, -1), rapid.StringN(0, 20, -1), 0, 5).Draw(t, "members")
		all := map[string]any{"errcode": rapid.IntRange(-50000, 10020300).Draw(t, "code")}
		for k, v := range members {
			if k != "errcode" {
				all[k] = map[string]any{"errcode": 1, k: v}
			}
		}
		body, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := wechat.Peek(bytes.NewReader(body), wechat.MaxPeek)
		if !whole.Found || whole.Code != all["errcode"] {
			t.Fatalf("Peek(%s) = %+v", body, whole)
		}
		part, _ := wechat.Peek(bytes.NewReader(body[:rapid.IntRange(0, len(body)).Draw(t, "cut")]), wechat.MaxPeek)
		if part.Found && part.Code != whole.Code {
			t.Fatalf("a part of %s says %d", body, part.Code)
		}
	})
}

func BenchmarkPeek(b *testing.B) {
	for name, body := range map[string]string{
		"ok":    `{"errcode":0,"errmsg":"ok","order":{"order_id":"1","items":[1,2,3]}}`,
		"error": `{"errcode":40001,"errmsg":"invalid credential rid: 1a1a1a1a-2b2b2b2b-3c3c3c3c"}`,
		"late":  `{"list":["` + strings.Repeat("x", 900) + `"],"errcode":0}`,
		"image": "\x89PNG" + strings.Repeat("x", 4096),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := strings.NewReader(body)
			for b.Loop() {
				r.Reset(body)
				wechat.Peek(r, 0)
			}
		})
	}
}
