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
	run, ok := map[string]func() error{"": nil, "bare": bareMain, "server": serverMain, "hmac": hmacMain, "office": officeMain}[os.Getenv(childVariable)]
	switch {
	case !ok:
		fmt.Fprintf(os.Stderr, "%s names no child\n", childVariable)
		os.Exit(2)
	case run == nil:
		os.Exit(runTests(m))
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runTests(m *testing.M) int {
	code := m.Run()
	if code == 0 && *update {
		if err := writePages(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}
