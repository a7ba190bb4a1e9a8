package main

import (
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// TestTellReconciliation: an empty list is not called half a list.
func TestTellReconciliation(t *testing.T) {
	for name, tt := range map[string]struct {
		view      adminapi.ReconciliationView
		want, not string
	}{
		"whole": {adminapi.ReconciliationView{App: "market", Complete: true, Total: 2, Listed: 2}, "2 of 2 accounts listed", "nobody"},
		"half":  {adminapi.ReconciliationView{App: "market", Total: 2, Listed: 1}, "not seen whole", "lists no account"},
		"empty": {adminapi.ReconciliationView{App: "market"}, "WeChat lists no account", "not seen whole"},
	} {
		var out strings.Builder
		if err := (console{out: &out}).tellReconciliation(tt.view); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.Contains(got, tt.want) || strings.Contains(got, tt.not) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
