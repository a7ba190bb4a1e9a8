package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/zhanggui/zhanggui/internal/store/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"zhanggui": main})
}

// TestScript runs the scripts of testdata/script: what a command does, as a user
// sees it.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"port": port, "await": await, "sql": statement, "fetch": fetch, "post": post, "until": until, "since": setFrom, "postgres": postgres, "cut": cut, "unprivileged": unprivileged, "robot": robot,
		},
		Setup: func(e *testscript.Env) error {
			// A socket's path must be short; the work directory's may not be.
			dir, err := os.MkdirTemp("", "zg")
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(dir) })
			e.Setenv("DATA", dir)
			repo, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			e.Setenv("REPO", repo)
			e.Setenv("ZHANGGUI_DATA", dir)
			return nil
		},
	})
}

// port NAME: put a free address of loopback into the variable NAME.
func port(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv(name, l.Addr().String())
		ts.Check(l.Close())
	}
}

// await URL|FILE [TEXT]: wait until it answers (with TEXT in it), or the file is
// there.
func await(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if there(ctx, ts, args) {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("%s did not come", strings.Join(args, " "))
		case <-tick.C:
		}
	}
}

func there(ctx context.Context, ts *testscript.TestScript, args []string) bool {
	if !strings.HasPrefix(args[0], "http") {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	}
	body, status, err := get(ctx, args[0], "")
	return err == nil && status == http.StatusOK && (len(args) == 1 || strings.Contains(body, args[1]))
}

func get(ctx context.Context, url, key string) (body string, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", 0, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), resp.StatusCode, err
}

// fetch STATUS URL [KEY]: GET a URL with a bearer key; the body goes to the file
// "fetched".
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	key := ""
	if len(args) > 2 {
		key = args[2]
	}
	body, status, err := get(context.Background(), args[1], key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("fetched"), []byte(body), 0o600))
	if fmt.Sprint(status) != args[0] {
		ts.Fatalf("GET %s: status %d, want %s\n%s", args[1], status, args[0], body)
	}
}

// post URL [BODY]: POST JSON, which must be taken; the answer goes to the file
// "posted".
func post(ts *testscript.TestScript, neg bool, args []string) {
	body := "{}"
	if len(args) > 1 {
		body = args[1]
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, args[0], strings.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("posted"), b, 0o600))
	if resp.StatusCode >= http.StatusMultipleChoices {
		ts.Fatalf("POST %s: status %d\n%s", args[0], resp.StatusCode, b)
	}
}

// until TEXT COMMAND...: run a command again until TEXT is in what it prints.
func until(ts *testscript.TestScript, neg bool, args []string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
	}
	ts.Fatalf("%q never printed %q", args[1:], args[0])
}

// sql DATABASE STATEMENT: change a database behind the program's back.
func statement(ts *testscript.TestScript, neg bool, args []string) {
	db, err := sql.Open("sqlite", filepath.Join(ts.MkAbs(args[0])))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

// postgres NAME: put the URL of a new, empty database of PostgreSQL into the
// variable NAME.
func postgres(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		ts.Setenv(name, pgtest.Empty(scriptTB{ts}).RevealString())
	}
}

// scriptTB lets a script make what tests make.
type scriptTB struct{ *testscript.TestScript }

func (scriptTB) Helper()            {}
func (s scriptTB) Cleanup(f func()) { s.Defer(f) }

// cut FILE BYTES: take bytes off the end of a file.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()-n))
}

// unprivileged ARGUMENTS: run zhanggui as somebody whom permissions stop, also
// when root runs the tests. It must fail; what it says goes to the file "said".
func unprivileged(ts *testscript.TestScript, neg bool, args []string) {
	dir, err := os.MkdirTemp("", "zgbin")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	ts.Check(os.Chmod(dir, 0o755))
	exe, err := os.Executable()
	ts.Check(err)
	program, err := os.ReadFile(exe)
	ts.Check(err)
	name := filepath.Join(dir, "zhanggui") // the test binary is the program under this name
	ts.Check(os.WriteFile(name, program, 0o755))
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	said, err := cmd.CombinedOutput()
	if err == nil {
		ts.Fatalf("zhanggui %s succeeded:\n%s", strings.Join(args, " "), said)
	}
	ts.Check(os.WriteFile(ts.MkAbs("said"), said, 0o600))
}

// since VARIABLE FILE PREFIX [END]: put what follows PREFIX in FILE, up to END or
// white space, into the variable.
func setFrom(ts *testscript.TestScript, neg bool, args []string) {
	_, rest, found := strings.Cut(ts.ReadFile(args[1]), args[2])
	if !found {
		ts.Fatalf("%q is not in %s", args[2], args[1])
	}
	if len(args) > 3 {
		rest, _, _ = strings.Cut(rest, args[3])
	}
	ts.Setenv(args[0], strings.Fields(rest)[0])
}

// TestEveryCommandShowsAnExample holds what the help promises.
func TestEveryCommandShowsAnExample(t *testing.T) {
	parser, err := kong.New(&cli{}, kong.Name("zhanggui"))
	if err != nil {
		t.Fatal(err)
	}
	leaves := parser.Model.Leaves(true)
	if len(leaves) < 20 {
		t.Fatalf("only %d commands found", len(leaves))
	}
	for _, node := range leaves {
		if node.Help == "" {
			t.Errorf("%s has no help", node.FullPath())
		}
		if node.Name != "version" && !strings.Contains(node.Detail, "Example") {
			t.Errorf("%s --help shows no example", node.FullPath())
		}
	}
}
