package interop_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat"
)

// Every errcode that the emulator can answer means something to the client,
// wherever it is answered. The codes are read from the emulator's source, so
// that a new one is not forgotten.
func TestEveryErrcodeHasAClass(t *testing.T) {
	pages, calls := emulatorErrcodes(t)
	t.Logf("%d page errors, %d errcodes", len(pages), len(calls))
	if len(pages) < 8 || len(calls) < 40 {
		t.Fatalf("found %d page errors and %d errcodes: the search looks at the wrong thing", len(pages), len(calls))
	}
	for _, code := range pages {
		known(t, wechat.KindAuthorizePage, code)
	}
	kinds := []wechat.EndpointKind{wechat.KindCodeExchange, wechat.KindUserRefresh, wechat.KindUserCall, wechat.KindTokenCall, wechat.KindDataCall}
	for _, code := range calls {
		for _, kind := range kinds {
			known(t, kind, code)
		}
	}
}

func known(t *testing.T, kind wechat.EndpointKind, code int) {
	t.Helper()
	if x := wechat.Explain(kind, code); x.Class == wechat.ClassUnknown || x.NextEN == "" || x.NextZH == "" {
		t.Errorf("the client does not know errcode %d of a %v call", code, kind)
	}
}

// emulatorErrcodes finds the whole numbers in the emulator's source that have
// the form of a page error or of an errcode. Limits are written with
// underscores there, which tells them apart.
func emulatorErrcodes(t *testing.T) (pages, calls []int) {
	t.Helper()
	names, err := filepath.Glob("../wechatsim/*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls = []int{-1}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.INT {
				return true
			}
			switch code, _ := strconv.Atoi(lit.Value); {
			case 10003 <= code && code <= 10016:
				pages = append(pages, code)
			case 40000 < code && code < 90000, 10020000 < code && code < 10021000:
				calls = append(calls, code)
			}
			return true
		})
	}
	slices.Sort(pages)
	slices.Sort(calls)
	return slices.Compact(pages), slices.Compact(calls)
}
