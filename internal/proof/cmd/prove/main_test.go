package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/proof"
)

func TestRunRefuses(t *testing.T) {
	for name, x := range map[string]struct {
		args []string
		says string
	}{
		"no directory":      {nil, "usage: prove"},
		"two directories":   {[]string{"a", "b"}, "usage: prove"},
		"an unknown flag":   {[]string{"-x", "a"}, "usage: prove"},
		"a missing one":     {[]string{t.TempDir() + "/none"}, "no such file"},
		"one with no story": {[]string{t.TempDir()}, "keep a story with"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, problems bytes.Buffer
			if code := run(x.args, &out, &problems); code != 2 || out.Len() != 0 || !strings.Contains(problems.String(), x.says) {
				t.Errorf("exit %d, said %q and %q, want 2 and %q", code, out.String(), problems.String(), x.says)
			}
		})
	}
}

func TestShow(t *testing.T) {
	r := proof.Report{Held: []string{"one"}, Findings: []proof.Finding{{Step: "two", What: "wrong"}}, Unplayed: []string{"three"}}
	var out bytes.Buffer
	if err := show(&out, r); err != nil {
		t.Fatal(err)
	}
	if want := "holds      one\nFINDING    two: wrong\nnot played three\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	if err := show(full{}, r); err == nil {
		t.Error("a full disk was not noticed")
	}
}

// full is a writer that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }
