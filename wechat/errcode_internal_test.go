package wechat

import (
	"strings"
	"testing"
)

func TestABrokenTableIsRefused(t *testing.T) {
	good := "1\t*\tretry\ta\tb\tc\td"
	for name, tc := range map[string]struct{ text, want string }{
		"too few columns": {"1\t*\tretry", "3 columns"},
		"no number":       {"x\t*\tretry\ta\tb\tc\td", "not a number"},
		"unknown class":   {"1\t*\tsometimes\ta\tb\tc\td", `class "sometimes"`},
		"unknown kind":    {"1\tmoon\tretry\ta\tb\tc\td", `kind "moon"`},
		"a row twice":     {good + "\n" + good, "errcodes.tsv:2"},
	} {
		if _, err := parseErrcodes(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, tc.want)
		}
	}
	if table, err := parseErrcodes("# remark\n" + good + "\n"); err != nil || len(table) != 1 {
		t.Errorf("a good table: %d rows, %v", len(table), err)
	}
}
