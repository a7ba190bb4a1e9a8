package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

func TestReadRemap(t *testing.T) {
	t.Parallel()
	got, err := readRemap(strings.NewReader("app,old_openid,new_openid\n# moved on Sunday\nmp, o_demo_1 ,o_demo_11\nweb,o_demo_2,o_demo_12\nmp,o_demo_3,o_demo_13\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []remapBatch{
		{"mp", []adminapi.RemapMove{{Old: "o_demo_1", New: "o_demo_11"}, {Old: "o_demo_3", New: "o_demo_13"}}},
		{"web", []adminapi.RemapMove{{Old: "o_demo_2", New: "o_demo_12"}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(remapBatch{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var long strings.Builder
	for i := range remapAtOnce + 1 {
		fmt.Fprintf(&long, "mp,o_demo_a%d,o_demo_b%d\n", i, i)
	}
	if got, err := readRemap(strings.NewReader(long.String())); err != nil || len(got) != 2 || len(got[1].moves) != 1 {
		t.Errorf("%d batches, %v", len(got), err)
	}
	for _, bad := range []string{"", "app,old_openid,new_openid\n", "mp,o_demo_1\n", "mp,,o_demo_2\n", "mp,o_demo_1,o_demo_2,more\n", "\"mp,o\n"} {
		if got, err := readRemap(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "app,old_openid,new_openid") {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}
