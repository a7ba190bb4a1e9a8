package shop_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat"
)

// FuzzAnswers: whatever WeChat answers is a result or an error, never a panic.
// An errcode is always an error, and a list ends.
func FuzzAnswers(f *testing.F) {
	calls := map[string]call{}
	for _, family := range families {
		maps.Copy(calls, family)
	}
	names := slices.Sorted(maps.Keys(calls))
	for i, name := range names {
		raw, err := os.ReadFile(filepath.Join("testdata/calls", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		var r record
		if err := json.Unmarshal(raw, &r); err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), string(r.Answer))
	}
	f.Add(uint8(slices.Index(names, "orders")), `{"errcode":"0","order_id_list":[1],"has_more":1,"next_key":"a"}`)
	f.Add(uint8(0), `{"errcode":"-1"}`)
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		name := names[int(which)%len(names)]
		_, err := calls[name](t.Context(), answering(t, body))
		if head, _ := wechat.Peek(strings.NewReader(body), 0); head.Code != 0 && err == nil {
			t.Errorf("%s made a success of %s", name, body)
		}
	})
}

// FuzzProblems: whatever a gateway refuses with is an error.
func FuzzProblems(f *testing.F) {
	f.Add(503, refusal)
	f.Add(403, refusal[:40])
	f.Add(429, `{"code":"x","instance":"urn:zhanggui:request:"}`)
	f.Add(500, `{"code":7}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 400 || status > 599 {
			return
		}
		if _, err := through(t, refusing(status, "application/problem+json", body)).Info(t.Context()); err == nil {
			t.Errorf("HTTP %d with %q is a success", status, body)
		}
	})
}
