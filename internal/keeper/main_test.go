package keeper

import (
	"flag"
	"os"
	"testing"
)

// modelRuns is how many histories each model is tried with unless -rapid.checks says
// otherwise: with the race detector one takes up to half a second. `make fuzz` tries
// more, and every run tries others.
const modelRuns = "40"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", modelRuns); err != nil {
		panic(err)
	}
	flag.Parse() // what was asked for counts
	os.Exit(m.Run())
}
