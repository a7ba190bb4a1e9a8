package catalogue

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/guide/catalogue.md")

const (
	page  = "../../docs/guide/catalogue.md"
	intro = `# WeChat's paths by group

What the catalogue of this version says of each documented path: the group that grants it, whether it reads or writes, WeChat's name of it, and the permission sets of which a third-party platform needs one (empty: none or any; ?: the page does not say).
Marks: *money* moves money, sets prices or tells of money; *personal* carries personal data, masked or plain; *repeatable* comes to the same when it is called twice; *no platform* means that third-party platforms may not call it.
How to judge a path otherwise: [the policy](gateway.md#policy).
`
)

// The page of the guide is the catalogue's.
func TestThePageIsTheCatalogues(t *testing.T) {
	want := intro + Default().Reference()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if readFile(t, page) != want {
		t.Error("docs/guide/catalogue.md is old; write it anew with: go test ./internal/catalogue -run ThePage -update")
	}
	for e := range Default().All() {
		if strings.Count(want, "`"+e.Path+"`") != 1 {
			t.Errorf("%s does not stand on the page once", e.Path)
		}
	}
}
