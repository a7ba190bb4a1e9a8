package speed

import (
	"fmt"
	"os"
	"testing"
)

// childVariable makes this test binary one of the other processes that a
// measurement needs.
const childVariable = "ZG_SPEED_CHILD"

func TestMain(m *testing.M) {
	run, ok := map[string]func() error{"": nil, "bare": bareMain, "server": serverMain}[os.Getenv(childVariable)]
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
