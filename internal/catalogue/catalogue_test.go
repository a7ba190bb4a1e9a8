package catalogue

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var pathForm = regexp.MustCompile(`^(/[a-z0-9_-]+)+$`)

func TestEveryEndpointIsWellFormed(t *testing.T) {
	c := Default()
	if c.Len() < 400 {
		t.Fatalf("%d endpoints: the file is cut", c.Len())
	}
	known := map[string]bool{}
	for _, g := range Groups() {
		known[g.Name] = true
	}
	last := ""
	for e := range c.All() {
		switch {
		case e.Path <= last:
			t.Errorf("%s stands after %s", e.Path, last)
		case !pathForm.MatchString(e.Path):
			t.Errorf("%s is no path", e.Path)
		case e.ZH == "" || e.EN == "":
			t.Errorf("%s has no names", e.Path)
		case !e.Named() && !known[e.Group]:
			t.Errorf("%s is in group %q", e.Path, e.Group)
		case e.Named() && !e.Money && !e.Personal:
			t.Errorf("%s is granted by name and has neither money nor personal data", e.Path)
		case e.Named() && !strings.HasPrefix(e.Path, "/channels/ec/") && !strings.HasPrefix(e.Path, "/wxa/"):
			t.Errorf("%s is granted by name and belongs to no shop", e.Path)
		case len(e.Sets) > 0 && e.Platform == No:
			t.Errorf("%s needs a permission set and no platform may call it", e.Path)
		}
		last = e.Path
		if got, ok := c.Lookup(e.Path); !ok || got != e {
			t.Errorf("%s is not found", e.Path)
		}
	}
}

func TestEveryGroupIsDescribedAndUsed(t *testing.T) {
	used := map[string]int{}
	for e := range Default().All() {
		used[e.Group]++
	}
	last := ""
	for _, g := range Groups() {
		if g.ZH == "" || g.EN == "" || used[g.Name] == 0 {
			t.Errorf("group %+v with %d paths", g, used[g.Name])
		}
		if g.Name <= last {
			t.Errorf("%s stands after %s", g.Name, last)
		}
		last = g.Name
	}
	if len(Groups()) > 24 {
		t.Errorf("%d groups: too many for one label of a metric", len(Groups()))
	}
	if slices.Contains(Grantable(), credentials) {
		t.Error("the closed paths can be granted")
	}
}

// The paths that are granted by name only: adding one narrows what clients may do, and
// taking one away widens it, so neither happens by the way.
func TestNamedPaths(t *testing.T) {
	var got []string
	for e := range Default().All() {
		if e.Named() {
			got = append(got, e.Path)
		}
	}
	want := strings.Fields(readFile(t, "testdata/named.txt"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Where reading and writing were judged otherwise than the name of the path says,
// testdata/judged.tsv holds the reason.
func TestJudgedAccess(t *testing.T) {
	want := map[string]string{}
	for line := range strings.Lines(readFile(t, "testdata/judged.tsv")) {
		col := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(col) != 3 || len(col[2]) < 20 {
			t.Fatalf("bad line %q", line)
		}
		want[col[0]] = col[1]
	}
	got := map[string]string{}
	for e := range Default().All() {
		if e.Writes == ReadsByName(e.Path) {
			got[e.Path] = map[bool]string{true: "write", false: "read"}[e.Writes]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReads(t *testing.T) {
	c := Default()
	for path, want := range map[string]bool{
		"/channels/ec/product/list/get":           true,
		"/channels/ec/order/Search":               true,
		"/channels/ec/funds/listorderflow":        true,
		"/channels/ec/product/listing":            false,
		"/channels/ec/order/sensitiveinfo/decode": true,
		"/channels/ec/get/update":                 false,
		"/channels/ec/new/thing":                  false,
		"/channels/ec/new/thing/get":              true,
		"/channels/ec/promoter/set_sharer_list":   false,
		// Known as GET, and writing all the same.
		"/cgi-bin/menu/delete":                false,
		"/wxa/undocodeaudit":                  false,
		"/channels/ec/order/deliver/send":     false,
		"/channels/ec/product/budget":         false,
		"/channels/ec/product/update_to_list": false,
	} {
		if got := c.Reads(path); got != want {
			t.Errorf("Reads(%s) = %v", path, got)
		}
	}
}

// Each documented GET reads: a client that may only read needs it.
func TestDocumentedGETsAreReads(t *testing.T) {
	n := 0
	for e := range Default().All() {
		if e.Method != "GET" || e.Closed() {
			continue
		}
		if n++; e.Writes {
			t.Errorf("%s writes with a GET", e.Path)
		}
	}
	if n < 7 {
		t.Errorf("%d GETs: the file is cut", n)
	}
}

func TestPathsThatAreOneAndTheSame(t *testing.T) {
	c := Default()
	want, _ := c.Lookup("/channels/ec/order/sensitiveinfo/decode")
	for _, path := range []string{"/shop/ec/order/sensitiveinfo/decode", "/CHANNELS/ec/Order/sensitiveInfo/DECODE", "/shop/EC/order/sensitiveinfo/decode"} {
		if got, ok := c.Lookup(path); !ok || got != want {
			t.Errorf("%s is another path", path)
		}
	}
	for _, path := range []string{"order/sensitiveinfo/decode", "/order/sensitiveinfo/decode", "/channels/ec/", "/channels/ec", "", "/", "/channels/ec/shop/ec/order/get"} {
		if got, ok := c.Lookup(path); ok {
			t.Errorf("%q is taken for %s", path, got.Path)
		}
	}
	// WeChat has paths of funds under both trees, so that its money must not have a
	// second name.
	for path, want := range map[string]string{
		"/shop/funds/submitwithdraw":    "/channels/ec/funds/submitwithdraw",
		"/Shop/Funds/SetBankAcct":       "/channels/ec/funds/setbankacct",
		"/channels/ec/funds/getcity":    "/shop/funds/getcity",
		"/shop/ec/funds/getbankacct":    "/channels/ec/funds/getbankacct",
		"/shop/ec/funds/qrcode/check":   "/shop/funds/qrcode/check",
		"/shop/funds/getwithdrawdetail": "/channels/ec/funds/getwithdrawdetail",
	} {
		if e, ok := c.Lookup(path); !ok || e.Path != want {
			t.Errorf("%s is not %s", path, want)
		}
	}
	if e, ok := c.Lookup("/channels/ec/basics/img/upload"); !ok || e.Path != "/shop/ec/basics/img/upload" {
		t.Error("the older path of the picture upload is not known")
	}
}

func TestFold(t *testing.T) {
	for path, want := range map[string]string{
		"/shop/EC/New/thing":         "/channels/ec/new/thing",
		"/channels/ec/new/thing":     "/channels/ec/new/thing",
		"/shop/funds/New":            "/channels/ec/funds/new",
		"/cgi-bin/GetCallbackIP":     "/cgi-bin/getcallbackip",
		"/shop/spu/get":              "/shop/spu/get",
		"/shop/ec/":                  "/shop/ec/",
		"/shop/ec/channels/ec/thing": "/channels/ec/channels/ec/thing",
		"":                           "",
	} {
		if got := Fold(path); got != want || Fold(got) != got {
			t.Errorf("Fold(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestLabelsAreBounded(t *testing.T) {
	c := Default()
	labels := map[string]bool{}
	for e := range c.All() {
		labels[c.Label(e.Path)] = true
	}
	for _, path := range []string{"", "/", "/elsewhere", "/channels/ec/zufall/x", "/shop/zufall"} {
		if got := c.Label(path); got != Other {
			t.Errorf("%q has the label %q", path, got)
		}
	}
	if got := c.Label("/channels/ec/funds/submitwithdraw"); got != Named {
		t.Errorf("a path without a group has the label %q", got)
	}
	if want := len(Groups()) + 1; len(labels) != want {
		t.Errorf("%d labels, want %d: %v", len(labels), want, slices.Sorted(maps.Keys(labels)))
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	c := Default()
	for _, path := range []string{"/channels/ec/order/get", "/cgi-bin/getcallbackip", "/channels/ec/new/thing"} {
		if n := testing.AllocsPerRun(100, func() { c.Lookup(path) }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

func TestNearest(t *testing.T) {
	c := Default()
	for path, want := range map[string]string{
		"/channels/ec/funds/submitwithdrawal":      "/channels/ec/funds/submitwithdraw",
		"/channels/ec/order/sensitiveinfo/decodes": "/channels/ec/order/sensitiveinfo/decode",
		"/channel/ec/order/get":                    "/channels/ec/order/get",
	} {
		if got := c.Nearest(path, 3); len(got) == 0 || got[0] != want {
			t.Errorf("nearest to %s: %v", path, got)
		}
	}
	for _, path := range []string{"", "x", strings.Repeat("/channels", 1000)} {
		if got := c.Nearest(path, 3); got != nil {
			t.Errorf("nearest to %.20q: %v", path, got)
		}
	}
}

func TestGroupBits(t *testing.T) {
	c := Default()
	set, err := GroupBits([]string{"order", "stock"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/channels/ec/order/get":                  true,
		"/channels/ec/product/stock/get":          true,
		"/channels/ec/product/get":                false,
		"/channels/ec/order/sensitiveinfo/decode": false,
		"/cgi-bin/token":                          false,
	} {
		e, ok := c.Lookup(path)
		if !ok || e.In(set) != want {
			t.Errorf("%s: found %v, in the set %v", path, ok, ok && e.In(set))
		}
	}
	for _, name := range []string{"orders", "", credentials, Named, Other, strings.Repeat("x", 5000)} {
		if _, err := GroupBits([]string{name}); err == nil || len(err.Error()) > 600 {
			t.Errorf("group %.20q: %v", name, err)
		}
	}
	for name, want := range map[string]string{"orders": "order", "Order": "order", "prodcut": "product", "zzzzzzzz": "", "": "", credentials: ""} {
		if got := NearestGroup(name); got != want {
			t.Errorf("nearest to %q: %q", name, got)
		}
	}
}

func TestSetsHaveNames(t *testing.T) {
	for e := range Default().All() {
		for _, id := range e.Sets {
			if id != 116 && strings.HasPrefix(SetOf(id).EN, "permission set") {
				t.Errorf("set %d of %s has no name", id, e.Path)
			}
		}
	}
	if got := SetOf(9999); got.ID != 9999 || got.EN != "permission set 9999" || got.ZH == "" {
		t.Errorf("an unknown set: %+v", got)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
