package demo_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/demo"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// TestStory walks the whole story against both sides of every fact about WeChat
// that is contradictory or unknown.
func TestStory(t *testing.T) {
	for name, switches := range map[string]wechatsim.Switches{"strict": wechatsim.StrictSwitches(), "lenient": wechatsim.LenientSwitches()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			// A socket's path must be short; t.TempDir's may not be.
			err := demo.Once(t.Context(), demo.Options{Out: &out, JSON: true, Version: "test", Switches: &switches})
			if err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			steps := 0
			for d := json.NewDecoder(strings.NewReader(out.String())); d.More(); steps++ {
				var s demo.Step
				if err := d.Decode(&s); err != nil {
					t.Fatal(err)
				}
				if !s.OK || s.Proof == "" {
					t.Errorf("step %q: ok %t, proof %q", s.Name, s.OK, s.Proof)
				}
			}
			if steps != 13 {
				t.Errorf("%d steps were told, want 13", steps)
			}
		})
	}
}

// TestKeepNeedsANewDirectory: an older run is not overwritten.
func TestKeepNeedsANewDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	o := demo.Options{Out: &strings.Builder{}, Keep: dir, Version: "test"}
	if err := demo.Once(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if err := demo.Once(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--keep makes a new directory") {
		t.Errorf("err = %v", err)
	}
}
