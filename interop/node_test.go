//go:build linux

package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// inNamespace runs the sandbox and the client beside each other where nothing
// else can be reached, so that the client cannot have asked the real WeChat.
// The first line of the sandbox says that it listens.
const inNamespace = `set -eu
ip link set lo up
if ip -o link show up | grep -v LOOPBACK; then echo "a way out of the namespace" >&2; exit 1; fi
mkfifo started
./zhanggui sandbox --listen 127.0.0.1:8090 >started & sandbox=$!
trap 'kill $sandbox' EXIT
exec 3<started
read -r line <&3
case $line in *http://127.0.0.1:8090*) ;; *) echo "the sandbox said: $line" >&2; exit 1 ;; esac
node client.js http://127.0.0.1:8090 "$1" "$2"
`

// nodeReport is the line that testdata/client.js prints.
type nodeReport struct {
	TokenLength int  `json:"token_length"`
	SameToken   bool `json:"same_token"`
	Asked       int  `json:"asked"`
	Basics      struct {
		Errcode int `json:"errcode"`
		Info    struct {
			Nickname string `json:"nickname"`
			Status   string `json:"status"`
		} `json:"info"`
	} `json:"basics"`
	Wrong struct {
		Errcode int `json:"errcode"`
	} `json:"wrong"`
}

// TestNodeClient lets node-easywechat, which others wrote, talk to the
// emulator that users run. It needs Linux for its network namespaces.
func TestNodeClient(t *testing.T) {
	tools(t, "node", "npm", "unshare", "ip")
	dir := t.TempDir()
	copyFiles(t, dir, "package.json", "package-lock.json", "client.js")
	run(t, 3*time.Minute, dir, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	run(t, 3*time.Minute, ".", "go", "build", "-o", filepath.Join(dir, "zhanggui"), "../cmd/zhanggui")

	apart := "-n"
	if os.Geteuid() != 0 {
		apart = "-rn"
	}
	out := run(t, 30*time.Second, dir, "unshare", apart, "sh", "-c", inNamespace, "sh", wechatsim.DefaultShop, wechatsim.DefaultShopSecret)
	var got nodeReport
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("the client printed %q: %v", out, err)
	}
	if got.TokenLength < 64 || got.TokenLength > 512 || !got.SameToken || got.Asked != 2 {
		t.Errorf("token of %d characters, the same one twice: %t, asked %d times; want 64 to 512, the same, 2", got.TokenLength, got.SameToken, got.Asked)
	}
	if got.Basics.Errcode != 0 || got.Basics.Info.Nickname != "蓝天文具店" || got.Basics.Info.Status != "open_finished" {
		t.Errorf("basics %+v", got.Basics)
	}
	if got.Wrong.Errcode != 10020052 {
		t.Errorf("an order that does not exist: errcode %d, want 10020052", got.Wrong.Errcode)
	}
}

// The lock file is for everybody, whatever registry they use.
func TestLockFileNamesNoRegistry(t *testing.T) {
	lock, err := os.ReadFile("testdata/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(lock, []byte(`"integrity": "sha512-`)) {
		t.Fatal("the lock file holds no checksums")
	}
	for _, word := range []string{`"resolved"`, "registry", "npmjs", "npmmirror", ".tgz"} {
		if bytes.Contains(lock, []byte(word)) {
			t.Errorf("package-lock.json holds %s; write it with npm's omit-lockfile-registry-resolved set", word)
		}
	}
}

func tools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is missing; `make deps` installs it (%v)", name, err)
		}
	}
}

func copyFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a program in a process group of its own, which ends as a whole when
// the time is over.
func run(t *testing.T, limit time.Duration, dir, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.WaitDelay = dir, 5*time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v (limit %v)\n%s%s", name, err, limit, out, &stderr)
	}
	return out
}
