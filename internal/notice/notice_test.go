package notice_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// declared reads the constants of type Kind from the source.
func declared(t *testing.T) []notice.Kind {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "notice.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []notice.Kind
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := v.Type.(*ast.Ident); ok && typ.Name == "Kind" {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, notice.Kind(text))
		}
		return true
	})
	slices.Sort(kinds)
	return kinds
}

func TestEveryKindHasWords(t *testing.T) {
	kinds := declared(t)
	if len(kinds) < 10 {
		t.Fatalf("the source has %d kinds; the test looks at nothing", len(kinds))
	}
	if !slices.Equal(kinds, notice.Kinds()) {
		t.Errorf("kinds of the source %v, with words %v", kinds, notice.Kinds())
	}
	strange := notice.Kind("strange").Words()
	for _, k := range kinds {
		w := k.Words()
		for _, text := range []string{w.What.EN, w.Next.EN} {
			if !strings.HasSuffix(text, ".") || text == strange.What.EN || text == strange.Next.EN {
				t.Errorf("%s: no English sentence: %q", k, text)
			}
		}
		for _, text := range []string{w.What.ZH, w.Next.ZH} {
			if !strings.HasSuffix(text, "。") || text == strange.What.ZH || text == strange.Next.ZH {
				t.Errorf("%s: no Chinese sentence: %q", k, text)
			}
		}
	}
	if strange.What.EN == "" || strange.What.ZH == "" || strange.Next.EN == "" || strange.Next.ZH == "" {
		t.Errorf("an unknown kind has no words: %+v", strange)
	}
}

// TestThePageNamesEveryKind: operators look kinds up there.
func TestThePageNamesEveryKind(t *testing.T) {
	page, err := os.ReadFile("../../docs/operate/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range notice.Kinds() {
		if !strings.Contains(string(page), "`"+string(k)+"`") {
			t.Errorf("docs/operate/notices.md does not speak of %s", k)
		}
	}
}

func TestMessageIDTellsNoticesApart(t *testing.T) {
	at := time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)
	first := notice.MessageID(7, at)
	if first != notice.MessageID(7, at.In(time.FixedZone("CST", 8*3600))) {
		t.Error("one notice has two ids")
	}
	for _, other := range []string{notice.MessageID(8, at), notice.MessageID(7, at.Add(time.Second))} {
		if other == first {
			t.Errorf("two notices have the id %s", other)
		}
	}
}
