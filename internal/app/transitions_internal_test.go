package app

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestTransitionsAreTheStores: the table names what the store has, so that a name that
// changed there does not fall among the others unseen.
func TestTransitionsAreTheStores(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../store/sqlstore/*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("the store has %d files: %v", len(files), err)
	}
	var source strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for op, class := range transitionClasses {
		if !strings.Contains(source.String(), "(ctx, "+strconv.Quote(op)) {
			t.Errorf("the store has no transition %q, of class %s", op, class)
		}
	}
	if got := transitionClass("declare"); got != otherTransitions {
		t.Errorf("what is not in the table is of class %q", got)
	}
}
