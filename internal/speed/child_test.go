package speed

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"
)

// child is another process of this test binary: one of the two that are compared.
// It ends with its standard input, so it never outlives the benchmark.
type child struct {
	tb  testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
	way way
}

// way is where a child's listener is, and what a call there has to say.
type way struct {
	Address string // host:port
	Key     string // for the Authorization header; empty: none
}

// spawn starts a child that calls WeChat at the given address, and waits until
// it can be called.
func spawn(tb testing.TB, role, wechat string) *child {
	tb.Helper()
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return spawnFrom(tb, exe, role, wechat)
}

// spawnFrom is spawn with another build of this test binary.
func spawnFrom(tb testing.TB, exe, role, wechat string) *child {
	tb.Helper()
	var err error
	c := &child{tb: tb, cmd: exec.Command(exe)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+role)
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
	c.ask(wechat, &c.way)
	return c
}

// ask sends a line of JSON and reads the one that answers it.
func (c *child) ask(question, answer any) {
	c.tb.Helper()
	if err := json.NewEncoder(c.in).Encode(question); err != nil {
		c.tb.Fatal(err)
	}
	if !c.out.Scan() {
		c.tb.Fatalf("%s said nothing more: %v", c.cmd.Env[len(c.cmd.Env)-1], c.out.Err())
	}
	if err := json.Unmarshal(c.out.Bytes(), answer); err != nil {
		c.tb.Fatal(err)
	}
}

// spent gives the CPU time that the child has used so far.
func (c *child) spent() (d time.Duration) {
	c.tb.Helper()
	c.ask("spent", &d)
	return d
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

// answerParent says what the child has spent as often as it is asked, until the
// parent is done. ZG_SPEED_PROFILE=PREFIX leaves a CPU profile at PREFIX.ROLE.
func answerParent() error {
	if prefix := os.Getenv("ZG_SPEED_PROFILE"); prefix != "" {
		f, err := os.Create(prefix + "." + os.Getenv(childVariable))
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // the profile is for people, who see when it is torn
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for {
		var question string
		if err := lines.Decode(&question); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := tell(cpu()); err != nil {
			return err
		}
	}
}

// cpu gives the CPU time of this process, that of the kernel on its behalf
// included.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // the call has no other failure than a wrong argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
