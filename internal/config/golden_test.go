package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/catalogue"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no golden file; look at the output and run with -update: %v", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// inputs gives the YAML files of a directory by name.
func inputs(t testing.TB, dir string, atLeast int) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(paths) < atLeast {
		t.Fatalf("%s: %d files, %v", dir, len(paths), err)
	}
	files := map[string][]byte{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(p), ".yaml")] = b
	}
	return files
}

func TestProblemsOfSettings(t *testing.T) {
	for name, data := range inputs(t, "settings", 16) {
		t.Run(name, func(t *testing.T) {
			c, err := Load(Source{File: name + ".yaml", Data: data})
			checkProblems(t, c == nil, err)
			golden(t, filepath.Join("testdata", "settings", name+".golden"), err.Error()+"\n")
		})
	}
}

func TestProblemsOfManifests(t *testing.T) {
	rules := Rules{PublicHost: "zhanggui.example.com", Catalogue: catalogue.Default()}
	for name, data := range inputs(t, "manifests", 3) {
		t.Run(name, func(t *testing.T) {
			m, err := ParseManifest(name+".yaml", data, rules)
			checkProblems(t, m == nil, err)
			golden(t, filepath.Join("testdata", "manifests", name+".golden"), err.Error()+"\n")
		})
	}
}

// checkProblems wants a list of problems that can be acted on and that shows
// nothing of what was written.
func checkProblems(t *testing.T, nothing bool, err error) {
	t.Helper()
	ps, ok := errors.AsType[Problems](err)
	if !ok || !nothing {
		t.Fatalf("error %v", err)
	}
	for _, p := range ps {
		if p.What == "" || p.Remedy == "" {
			t.Errorf("no words in %+v", p)
		}
	}
	if strings.Contains(err.Error(), "SECRET") {
		t.Errorf("a value is shown:\n%v", err)
	}
}

func TestReferenceIsComplete(t *testing.T) {
	golden(t, filepath.Join("testdata", "reference.golden.md"), Reference())
	seen := map[string]bool{}
	for _, s := range settings() {
		if s.doc == "" || !strings.HasSuffix(s.doc, ".") {
			t.Errorf("%s has no sentence about it", s.name)
		}
		for _, name := range []string{s.name, s.env} {
			if name != "" && seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d names: the walk is not whole", len(seen))
	}
}
