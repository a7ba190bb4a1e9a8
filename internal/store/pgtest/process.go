package pgtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// environment keeps the caller's PG* variables away.
func (*account) environment() []string { return []string{"PATH=/usr/bin:/bin", "LC_ALL=C"} }

// directory makes a directory for the account. It stands in /tmp if the
// temporary directory's name is too long for a socket.
func (a *account) directory(prefix string) (string, error) {
	const longest = 60 // of 107 that a socket's path may have
	base := os.TempDir()
	if len(base) > longest {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return "", err
	}
	if err := a.own(dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// process is a server that runs.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it ended
}

// start starts a program that writes to the file at log.
func (a *account) start(log, program string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the program has its own
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr, cmd.Env = out, out, a.attributes(), a.environment()
	cmd.Dir = filepath.Dir(log)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in its log
	}()
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// end signals the process and waits until it is gone.
func (p *process) end(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(readyWithin):
		return fmt.Errorf("process %d did not end", p.cmd.Process.Pid)
	}
}

// watchdog is a shell that outlives this process by a moment: when its input ends,
// because we closed it or died, it ends what runs in the directory and deletes it.
type watchdog struct {
	cmd *exec.Cmd
	in  io.Closer
}

const watchdogScript = `
read -r nothing
for pid in "$1"/data/postmaster.pid "$1"/bouncer.pid; do
	[ -f "$pid" ] && kill -QUIT "$(head -n 1 "$pid")" 2>/dev/null
done
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ -f "$1"/data/postmaster.pid ] || [ -f "$1"/bouncer.pid ] || break
	sleep 0.1
done
cd /
rm -rf "$1"
`

func watch(dir string, a *account) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "sh", dir)
	cmd.SysProcAttr, cmd.Env, cmd.Dir = a.attributes(), a.environment(), "/"
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &watchdog{cmd, in}, nil
}

// close lets the watchdog do its work now, and waits for it.
func (w *watchdog) close() error {
	err := w.in.Close()
	if err := errors.Join(err, w.cmd.Wait()); err != nil {
		return fmt.Errorf("pgtest: clean up: %w", err)
	}
	return nil
}
