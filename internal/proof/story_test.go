package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// workshop is where programs are built and stories are kept; short, since the
// server's socket lies below it.
var workshop string

func TestMain(m *testing.M) {
	var err error
	if workshop, err = os.MkdirTemp("", "zgproof"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(workshop); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// moduleRoot is where the module's files are.
var moduleRoot = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	return filepath.Dir(strings.TrimSpace(string(out))), err
})

// build makes a program of this module.
func build(ctx context.Context, out, pkg string, flags ...string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	// Without tables for debuggers the linker is done much sooner.
	args := append([]string{"build", "-ldflags=-s -w", "-o", out}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// playTime is the longest that a story may take: one that waits in vain takes
// 20 seconds.
const playTime = 90 * time.Second

// play has a program tell the story and leave it in dir. That the story fails is
// no error.
func play(ctx context.Context, program, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, playTime)
	defer cancel()
	text, err := exec.CommandContext(ctx, program, "demo", "--once", "--keep", dir).CombinedOutput()
	if _, kept := os.Stat(filepath.Join(dir, stepsFile)); kept != nil {
		return string(text), fmt.Errorf("the story left nothing (%w)\n%s", err, text)
	}
	return string(text), nil
}

// goodStory is a story of the program as it is. Tests work on copies of it.
var goodStory = sync.OnceValues(func() (string, error) {
	program, dir := filepath.Join(workshop, "zhanggui"), filepath.Join(workshop, "good")
	if err := build(context.Background(), program, "./cmd/zhanggui"); err != nil {
		return "", err
	}
	_, err := play(context.Background(), program, dir)
	return dir, err
})

// prover is the separate program that judges stories.
var prover = sync.OnceValues(func() (string, error) {
	program := filepath.Join(workshop, "prove")
	return program, build(context.Background(), program, "./internal/proof/cmd/prove")
})

// prove has the separate program judge dir.
func prove(t *testing.T, dir string) (r Report, exit int) {
	t.Helper()
	program, err := prover()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-json", dir)
	out, _ := cmd.Output() // its exit code is looked at below
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("prove exited with %d and said no JSON: %v\n%s", cmd.ProcessState.ExitCode(), err, out)
	}
	return r, cmd.ProcessState.ExitCode()
}

// toldStep is one step as the story told it.
type toldStep struct {
	Step  string `json:"step"`
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

func toldSteps(t *testing.T, dir string) []toldStep {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, stepsFile))
	if err != nil {
		t.Fatal(err)
	}
	var told []toldStep
	if err := json.Unmarshal(b, &told); err != nil {
		t.Fatal(err)
	}
	return told
}

// TestGoodStory is the control: the program as it is leaves nothing to find, and
// both tell the same steps.
func TestGoodStory(t *testing.T) {
	dir, err := goodStory()
	if err != nil {
		t.Fatal(err)
	}
	told := toldSteps(t, dir)
	for i, name := range Steps() {
		if i >= len(told) || told[i].Step != name {
			t.Fatalf("step %d is not %q in %s: %+v", i+1, name, stepsFile, told)
		}
		if !told[i].OK {
			t.Errorf("step %q failed: %s", name, told[i].Error)
		}
	}
	r, exit := prove(t, dir)
	for _, f := range r.Findings {
		t.Errorf("%s: %s", f.Step, f.What)
	}
	if len(told) != len(r.Held) || !r.OK() || exit != 0 {
		t.Errorf("prove holds %d of %d steps, %d were not played, exit %d", len(r.Held), len(told), len(r.Unplayed), exit)
	}
}

// TestIndependent: a second opinion shares nothing with the program.
func TestIndependent(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./internal/proof/cmd/prove")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for dep := range strings.Lines(string(out)) {
		path, inside := strings.CutPrefix(strings.TrimSpace(dep), "github.com/zhanggui/zhanggui")
		switch {
		case inside && strings.HasPrefix(path, "/internal/proof"):
			own++
		case inside:
			t.Errorf("the prover depends on %s", strings.TrimSpace(dep))
		}
	}
	if own != 2 {
		t.Errorf("the prover has %d packages of its own, want 2; the test looks at the wrong thing", own)
	}
}
