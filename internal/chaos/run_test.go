package chaos

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// short are the settings of a run that a test can wait for.
func short(t *testing.T, spoiler string) Settings {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Settings{Seed: 5, For: 8 * time.Second, Shops: 6, People: 1, Life: 10 * time.Second, SQLite: true,
		Command: []string{"/usr/bin/env", replicaVariable + "=" + spoiler, exe}}
}

// TestRun: a sound keeper on SQLite comes through, and the report says so.
func TestRun(t *testing.T) {
	t.Parallel()
	s := short(t, "sound")
	var trace, out bytes.Buffer
	s.Trace = &trace
	r, err := Run(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	r.Print(&out)
	if !r.Balance.OK() {
		t.Errorf("it does not hold:\n%s\nafter\n%s", &out, &trace)
	}
	if b := r.Balance; b.Asked < 10 || b.Calls < 100 || b.Renewed < 10 || b.Lost != 0 {
		t.Errorf("too little happened:\n%s", &out)
	}
	if n := strings.Count(trace.String(), "\n"); n != len(s.Plan().Faults) {
		t.Errorf("%d of %d faults were traced", n, len(s.Plan().Faults))
	}
}

// TestSpoiled: keepers that lack something are found out, in real runs.
func TestSpoiled(t *testing.T) {
	t.Parallel()
	for spoiler, words := range map[string]string{
		"forgets settles":   "before it was durable",
		"asks twice":        "asked 2 times",
		"asks all the time": "nothing called for it",
	} {
		t.Run(spoiler, func(t *testing.T) {
			t.Parallel()
			s := short(t, spoiler)
			s.quiet = true
			r, err := Run(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(r.Balance.Problems, func(p string) bool { return strings.Contains(p, words) }) {
				t.Errorf("not found out: %+v", r.Balance)
			}
		})
	}
}

// TestSum: what several runs came to, and which of them do not hold.
func TestSum(t *testing.T) {
	var s Sum
	good, bad := &Report{Seed: 1}, &Report{Seed: 2}
	good.Balance.Asked, bad.Balance.Asked = 3, 4
	bad.Balance.Problems = []string{"lost"}
	s.Add(good)
	s.Add(bad)
	var out bytes.Buffer
	s.Print(&out)
	if s.Runs != 2 || s.Asked != 7 || !slices.Equal(s.Broken, []uint64{2}) || !strings.Contains(out.String(), "do not hold: [2]") {
		t.Errorf("%+v\n%s", s, &out)
	}
}
