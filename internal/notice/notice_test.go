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

func TestTenantsHearOfTheirPart(t *testing.T) {
	for name, c := range map[string]struct {
		told  notice.Phase // those who hear of everything
		event bool
		is    notice.PartState
		want  notice.Phase
	}{
		"it began":                          {notice.Raised, false, notice.PartState{Facts: 2, Members: 2}, notice.Raised},
		"it reached them later":             {"", false, notice.PartState{Facts: 1, Members: 1}, notice.Raised},
		"they know":                         {"", false, notice.PartState{Facts: 3, Members: 3, Told: 2}, ""},
		"it grew for them":                  {notice.Grown, false, notice.PartState{Facts: 30, Members: 30, Told: 2}, notice.Grown},
		"it grew for others":                {notice.Grown, false, notice.PartState{Facts: 2, Members: 2, Told: 2}, ""},
		"it stays":                          {notice.Reminded, false, notice.PartState{Facts: 2, Members: 1, Told: 2}, notice.Reminded},
		"it is over for them":               {"", false, notice.PartState{Facts: 2, Told: 2}, notice.Over},
		"it is over":                        {notice.Over, false, notice.PartState{Facts: 2, Told: 2}, notice.Over},
		"it is over, as they know":          {notice.Over, false, notice.PartState{Facts: 2, Told: 2, Over: true}, ""},
		"it was over before they were told": {notice.Over, false, notice.PartState{Facts: 2}, ""},
		"it is back":                        {"", false, notice.PartState{Facts: 3, Members: 1, Told: 2, Over: true}, notice.Raised},
		"events":                            {notice.Raised, true, notice.PartState{Facts: 2}, notice.Raised},
		"events they know of":               {"", true, notice.PartState{Facts: 2, Told: 2}, ""},
	} {
		got := notice.Part{Message: notice.Message{Phase: c.told}, Event: c.event}.Phase(c.is)
		if got != c.want {
			t.Errorf("%s: told %q, want %q", name, got, c.want)
		}
	}
}
