package scale

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// grants is the size of the large measurements.
var grants = flag.Int("grants", 20_000, "how many grants the large benchmarks have")

// childVariable makes this test binary one of the other processes that a
// measurement needs.
const childVariable = "ZG_SCALE_CHILD"

func TestMain(m *testing.M) {
	run, ok := map[string]func() error{
		"": nil, "emulator": emulatorMain, "memory": memoryMain, "replica": replicaMain,
	}[os.Getenv(childVariable)]
	switch {
	case !ok:
		fmt.Fprintf(os.Stderr, "%s names no child\n", childVariable)
		os.Exit(2)
	case run == nil:
		os.Exit(m.Run())
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
