package catalogue

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var header = strings.Join(columns, "\t") + "\n"

func line(cols ...string) string { return strings.Join(cols, "\t") + "\n" }

func TestOverlay(t *testing.T) {
	file := header + "# ours\n\n" +
		line("/channels/ec/lottery/draw", "POST", "promotion", "write", "抽奖", "draw", "200,132,132", "yes", "money", "-") +
		line("/shop/ec/order/get", "-", "-", "read", "订单", "order", "?", "?", "personal,repeat", "doc/x") // in place of the one under /channels/ec/
	c, err := Default().Overlay("ours.tsv", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if c.Len() != Default().Len()+1 {
		t.Errorf("%d endpoints", c.Len())
	}
	for path, want := range map[string]*Endpoint{
		"/channels/ec/lottery/draw": {Path: "/channels/ec/lottery/draw", Method: "POST", Group: "promotion", Writes: true, ZH: "抽奖", EN: "draw",
			Sets: []int64{132, 200}, Known: true, Platform: Yes, Money: true},
		"/channels/ec/order/get": {Path: "/shop/ec/order/get", ZH: "订单", EN: "order", Personal: true, Repeatable: true, Page: "doc/x"},
	} {
		got, ok := c.Lookup(path)
		if !ok {
			t.Fatalf("%s is not there", path)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Endpoint{})); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if e, _ := Default().Lookup("/channels/ec/order/get"); e.Group != "order" {
		t.Error("the embedded catalogue changed")
	}
}

func TestOverlayRefusesWithTheLine(t *testing.T) {
	ok := []string{"/channels/ec/a", "POST", "order", "read", "甲", "a", "131", "yes", "-", "-"}
	with := func(i int, s string) string {
		cols := append([]string(nil), ok...)
		cols[i] = s
		return header + line(cols...)
	}
	for name, tc := range map[string]struct{ file, want string }{
		"no header":      {line(ok...), ":1: the first line"},
		"short":          {header + "\n/channels/ec/a\tPOST\n", ":3: there are 2 columns"},
		"no slash":       {with(0, "channels/ec/a"), ":2: path is not"},
		"host":           {with(0, "https://api.weixin.qq.com/a"), ":2: path is not"},
		"dots":           {with(0, "/channels/../a"), ":2: path has odd parts"},
		"query":          {with(0, "/a?b=1"), ":2: path has odd parts"},
		"slash":          {with(0, "/"), ":2: path has odd parts"},
		"long":           {with(0, "/"+strings.Repeat("a", 128)), ":2: path is not"},
		"method":         {with(1, "PUT"), ":2: method is no"},
		"group":          {with(2, "orders"), ":2: group is not known"},
		"access":         {with(3, "both"), ":2: access is neither"},
		"name":           {with(4, ""), ":2: name_zh is not"},
		"control":        {with(5, "a\x01"), ":2: name_en is not"},
		"sets":           {with(6, "131;132"), ":2: sets are not"},
		"negative set":   {with(6, "-5"), ":2: sets are not"},
		"platform":       {with(7, "maybe"), ":2: third_party is no"},
		"flags":          {with(8, "money,fun"), ":2: flags are not"},
		"page":           {with(9, "https://developers.weixin.qq.com/doc"), ":2: page has"},
		"twice":          {header + line(ok...) + line(append([]string{"/shop/ec/A"}, ok[1:]...)...), ":3: the path is listed in line 2"},
		"very long line": {header + strings.Repeat("x", 10_000), "lines have at most"},
		"empty":          {"", ""},
		"header only":    {header, ""},
	} {
		_, err := Default().Overlay("ours.tsv", strings.NewReader(tc.file))
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "ours.tsv")):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzOverlay: whatever a file holds, it is refused or makes a catalogue whose
// parts are sound.
func FuzzOverlay(f *testing.F) {
	b, err := os.ReadFile("endpoints.tsv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b[:2000]))
	f.Add(header + line("/channels/ec/a", "POST", "order", "read", "甲", "a", "131,129", "yes", "money,repeat", "-"))
	f.Add(header + line("/channels/ec/a", "-", "-", "write", "-", "-", "?", "?", "-", "-"))
	f.Add(header + "# a\r\n\r\n")
	f.Add("path\tmethod")
	f.Fuzz(func(t *testing.T, file string) {
		c, err := Default().Overlay("fuzz", strings.NewReader(file))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "catalogue: ") {
				t.Errorf("error %v", err)
			}
			return
		}
		if c.Len() < Default().Len() {
			t.Errorf("%d endpoints: some are gone", c.Len())
		}
		for e := range c.All() {
			if !pathForm.MatchString(e.Path) || len(e.Path) > maxPath || e.In(^Bits(0)) == e.Named() {
				t.Errorf("endpoint %+v", e)
			}
			if got, ok := c.Lookup(e.Path); !ok || got != e {
				t.Errorf("%s is not found", e.Path)
			}
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	c := Default()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.Lookup("/channels/ec/order/get"); !ok {
			b.Fatal("not found")
		}
	}
}
