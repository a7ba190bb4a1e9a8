package scale

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// child is another process of this test binary. It ends with its standard
// input, so it never outlives the tests.
type child struct {
	tb  testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// spawn starts a child with an order, which it reads with [order].
func spawn(tb testing.TB, role string, order any, env ...string) *child {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	c := &child{tb: tb, cmd: exec.Command(exe)}
	c.cmd.Env = append(append(os.Environ(), childVariable+"="+role), env...)
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.end)
	c.say(order)
	return c
}

// say sends one line of JSON.
func (c *child) say(v any) {
	c.tb.Helper()
	if err := json.NewEncoder(c.in).Encode(v); err != nil {
		c.tb.Fatal(err)
	}
}

// hear reads one line of JSON.
func (c *child) hear(v any) {
	c.tb.Helper()
	if !c.out.Scan() {
		c.tb.Fatalf("%s said nothing more: %v", c.cmd.Env[len(c.cmd.Env)-1], c.out.Err())
	}
	if err := json.Unmarshal(c.out.Bytes(), v); err != nil {
		c.tb.Fatal(err)
	}
}

func (c *child) end() {
	c.in.Close() //nolint:errcheck // its end is waited for
	if err := c.cmd.Wait(); err != nil {
		c.tb.Errorf("child: %v", err)
	}
}

// lines are what a child hears from its parent.
var lines = json.NewDecoder(os.Stdin)

func tell(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }

// untilEnd waits until the parent is done.
func untilEnd() error {
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// proc gives the number in bytes that /proc/PID/status has under a name.
func proc(pid, name string) (int64, error) {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, io.EOF
}
