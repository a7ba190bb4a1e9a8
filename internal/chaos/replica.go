package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/balance"
	"github.com/zhanggui/zhanggui/internal/keeper"
)

// replica is the parent's side of one replica: a process that comes and goes,
// with the ways that lead from it. Its methods are safe for concurrent use.
type replica struct {
	command []string
	spec    spec
	toStore []*Way // one for each server of the database; none with SQLite
	wechat  *Way

	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	said   hello
	up     bool          // it said hello since it was started
	down   chan struct{} // closed when the process has ended
	broken bool          // the parent ended it, or is about to
	starts int
	crash  error // it ended by itself
}

// logFile holds what the replica's processes logged, one after another.
func (r *replica) logFile() string { return r.spec.Data + ".log" }

// spooled adds what the replica's log says of tokens that it kept on its own disk.
func (r *replica) spooled(all []balance.Spooled) ([]balance.Spooled, error) {
	f, err := os.Open(r.logFile())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return all, nil // what a killed process did not finish says nothing
		}
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(line, []byte(keeper.SpooledMessage)) {
			continue
		}
		var said struct {
			Time       time.Time
			Grant      string
			Generation int64
		}
		if err := json.Unmarshal(line, &said); err != nil {
			continue // two halves of lines, of a process that was killed and of its successor
		}
		all = append(all, balance.Spooled{At: said.Time, Replica: r.spec.Index, Grant: said.Grant, Generation: said.Generation})
	}
}

// helloWithin is how long a replica may take to start. A database that is cut
// off makes it take longer; it is then started anew.
const helloWithin = 20 * time.Second

// start runs a new process and waits until it listens.
func (r *replica) start(ctx context.Context) error {
	r.mu.Lock()
	if r.cmd != nil {
		r.mu.Unlock()
		return nil
	}
	out, err := r.run()
	down := r.down
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("replica %d: %w", r.spec.Index, err)
	}
	lines := make(chan []byte, 1)
	go func() {
		defer out.Close()
		line, _ := bufio.NewReader(out).ReadBytes('\n') // an end without a line says enough
		lines <- line
	}()
	t := time.NewTimer(helloWithin)
	defer t.Stop()
	select {
	case line := <-lines:
		return r.greet(line)
	case <-t.C:
		r.kill()
	case <-down:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return fmt.Errorf("replica %d did not start; see %s", r.spec.Index, r.logFile())
}

// run starts the process. The caller holds the lock.
func (r *replica) run() (out io.ReadCloser, err error) {
	logs, err := os.OpenFile(r.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer logs.Close()
	cmd := exec.Command(r.command[0], r.command[1:]...)
	cmd.Stderr, cmd.SysProcAttr = logs, bound()
	if r.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	// Not StdoutPipe: Wait would close it under the reader.
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	cmd.Stdout = write
	r.spec.Start = r.starts
	r.starts++
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, read.Close())
	}
	r.cmd, r.up, r.broken, r.down = cmd, false, false, make(chan struct{})
	go r.watch(cmd, r.down)
	return read, json.NewEncoder(r.in).Encode(r.spec)
}

// watch waits for the end of a process.
func (r *replica) watch(cmd *exec.Cmd, down chan struct{}) {
	err := cmd.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.up && !r.broken {
		r.crash = fmt.Errorf("replica %d ended by itself (%v); see %s", r.spec.Index, err, r.logFile())
	}
	r.cmd = nil
	close(down)
}

func (r *replica) greet(line []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := json.Unmarshal(line, &r.said); err != nil {
		return fmt.Errorf("replica %d did not start; see %s", r.spec.Index, r.logFile())
	}
	r.spec.Listen, r.up = r.said.Public, true // it comes back to the same address
	return nil
}

// condemn gives the process that is to end, if there is one, and what tells of its end.
// Nobody wonders at it then.
func (r *replica) condemn() (cmd *exec.Cmd, down <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = true
	return r.cmd, r.down
}

// kill is kill -9, and the wait for the end.
func (r *replica) kill() {
	cmd, down := r.condemn()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill() // it may have ended by itself
	<-down
}

// endWithin is how long a replica may take to end in good order.
const endWithin = 30 * time.Second

// end has the process finish what it is at, and waits for it.
func (r *replica) end() {
	cmd, down := r.condemn()
	if cmd == nil {
		return
	}
	if cmd.Process.Signal(os.Interrupt) != nil {
		r.kill()
		return
	}
	t := time.NewTimer(endWithin)
	defer t.Stop()
	select {
	case <-down:
	case <-t.C:
		r.kill()
	}
}

// signal stops the process or lets it go on, if there is one.
func (r *replica) signal(f func(*os.Process) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd != nil {
		_ = f(r.cmd.Process) // it may have ended by itself
	}
}

// jump moves the replica's clock, now and for later starts. A process that is
// stopped reads it when it goes on.
func (r *replica) jump(offset time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spec.Offset = offset
	if r.cmd != nil {
		_ = json.NewEncoder(r.in).Encode(order{Offset: offset})
	}
}

// public is the base URL for programs; empty before the first start.
func (r *replica) public() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said.Public == "" {
		return ""
	}
	return "http://" + r.said.Public
}

// ready tells whether the replica says that it can serve.
func (r *replica) ready(ctx context.Context, c *http.Client) bool {
	r.mu.Lock()
	up, ops := r.up && r.cmd != nil, r.said.Ops
	r.mu.Unlock()
	if !up {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ops+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := c.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// crashed gives the error of a process that ended by itself.
func (r *replica) crashed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.crash
}

// self is the command that makes this binary a replica.
func self() ([]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("%w; %s does not tell a program where it is", err, runtime.GOOS)
	}
	return []string{exe, "chaos", "replica"}, nil
}

// dataOf is a replica's data directory.
func dataOf(dir string, index int) string {
	return filepath.Join(dir, fmt.Sprintf("replica-%d", index))
}
