package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// process is a server in a process of its own.
type process struct {
	*rig
	cmd *exec.Cmd
	err bytes.Buffer
}

// taken holds the ports that freeAddress gave.
var taken sync.Map

// freeAddress is an address of loopback for a program that opens it itself. Its port is
// below those that a system gives to whoever asks for any: another test, running beside
// this one, would get it in the meantime.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		if _, given := taken.LoadOrStore(address, true); given {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err == nil && l.Close() == nil {
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// spawn starts the server on the rig's directory.
func (r *rig) spawn(environ ...string) *process {
	r.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	r.layDatabase()
	public, ops := freeAddress(r.t), freeAddress(r.t)
	r.root, r.base, r.ops = "http://"+public, "http://"+public, "http://"+ops
	r.connect(&net.UnixAddr{Name: filepath.Join(r.dir, app.SocketFile), Net: "unix"})
	p := &process{rig: r, cmd: exec.Command(exe)}
	p.cmd.Stderr = &p.err
	p.cmd.Env = append(os.Environ(), serveVariable+"=1", "ZHANGGUI_PUBLIC_URL="+r.base, "ZHANGGUI_LISTEN="+public, "ZHANGGUI_OPS_LISTEN="+ops,
		"ZHANGGUI_DATA="+r.dir, "ZHANGGUI_WECHAT_OPEN="+r.sim.URL, "ZHANGGUI_WECHAT_API="+r.sim.URL, "ZHANGGUI_WECHAT_MP="+r.sim.URL)
	p.cmd.Env = append(append(p.cmd.Env, r.env...), environ...)
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// kill is kill -9, and the wait for the end.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait() // "signal: killed"
	p.http.CloseIdleConnections()
	p.admin.CloseIdleConnections()
}

// end stops the server as an operator does: what it began, it finishes.
func (p *process) end() {
	p.t.Helper()
	p.http.CloseIdleConnections()
	p.admin.CloseIdleConnections()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	_ = p.cmd.Wait() // "exit status 1": it says why it ended
}

// ready waits until the server can serve.
func (p *process) ready() {
	p.t.Helper()
	p.await("a server that is ready", func() bool {
		resp, err := http.Get(p.ops + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK
	})
}

// load calls the gateway and makes invitations until the server is gone. It
// sends on enough when a few were made.
func (p *process) load(enough chan<- struct{}) (made []string) {
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var calls atomic.Int64
	for range 2 {
		wg.Go(func() {
			for p.tryCall(ctx) {
				calls.Add(1)
			}
		})
		wg.Go(func() {
			for {
				id, ok := p.tryInvite(ctx)
				if !ok {
					return
				}
				mu.Lock()
				made = append(made, id)
				if len(made) == 20 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if calls.Load() == 0 {
		p.t.Error("no call was answered before the kill")
	}
	return made
}

func (p *process) tryCall(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, "GET", p.base+"/wx/lantian/channels/ec/basics/info/get", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	resp, err := p.http.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil
}

func (p *process) tryInvite(ctx context.Context) (id string, ok bool) {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://admin.sock/v1/invitations", strings.NewReader(`{"tenant":"lantian","role":"viewer"}`))
	if err != nil {
		return "", false
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.admin.Do(req)
	if err != nil {
		return "", false
	}
	defer resp.Body.Close()
	var inv adminapi.InvitationView
	err = json.NewDecoder(resp.Body).Decode(&inv)
	return inv.ID, err == nil && inv.ID != ""
}

// TestKill: after kill -9 in the middle of work, everything that was answered is
// kept, the log verifies, and the next start needs nobody.
func TestKill(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	p := r.spawn()
	p.ready()
	r.declare()
	var made []string
	for range 3 {
		enough, done := make(chan struct{}), make(chan []string)
		go func(p *process) { done <- p.load(enough) }(p)
		<-enough
		p.kill()
		made = append(made, <-done...)
		verifies(t, r.dir)
		p = r.spawn()
		p.ready()
		if status, body := r.call(); status != http.StatusOK {
			t.Errorf("call after the restart: %d %s", status, body)
		}
	}
	var all struct{ Items []adminapi.InvitationView }
	r.ask("GET", "/v1/invitations", nil, &all)
	kept := map[string]bool{}
	for _, i := range all.Items {
		kept[i.ID] = true
	}
	for _, id := range made {
		if !kept[id] {
			t.Errorf("invitation %s was answered and is lost", id)
		}
	}
	p.kill()
	nothingHalfWritten(t, r.dir)
	if strings.Contains(p.err.String(), "panic") {
		t.Errorf("the server said: %s", &p.err)
	}
}

func verifies(t *testing.T, dir string) {
	t.Helper()
	report, err := app.VerifyAudit(t.Context(), app.AuditFiles{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	if first, bad := report.First(); bad {
		t.Error(first)
	}
}

// nothingHalfWritten knows every file that a server leaves.
func nothingHalfWritten(t *testing.T, dir string) {
	t.Helper()
	known := map[string]bool{app.DatabaseFile: true, app.DatabaseFile + "-wal": true, app.DatabaseFile + "-shm": true, app.DatabaseFile + ".lock": true,
		app.SummaryFile: true, app.SummaryFile + ".new": true, app.MasterKeyFile: true, app.SocketFile: true, audit.KeyFile: true, audit.PubFile: true, audit.HeadsFile: true}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			t.Errorf("%s was left behind", f.Name())
		}
	}
}

// TestKilledFirstStart kills the very first start at each thing that it makes;
// the next start finishes the work.
func TestKilledFirstStart(t *testing.T) {
	t.Parallel()
	for _, made := range []string{app.DatabaseFile, app.MasterKeyFile, audit.KeyFile, audit.PubFile, audit.HeadsFile, app.SocketFile} {
		t.Run(made, func(t *testing.T) {
			t.Parallel()
			r := newStoppedRig(t)
			r.bare = true
			p := r.spawn()
			await(t, made, func() bool {
				_, err := os.Stat(filepath.Join(r.dir, made))
				return !errors.Is(err, os.ErrNotExist)
			})
			p.kill()
			p = r.spawn()
			p.ready()
			r.declare()
			if status, body := r.call(); status != http.StatusOK {
				t.Errorf("call: %d %s", status, body)
			}
			p.kill()
			verifies(t, r.dir)
		})
	}
}
