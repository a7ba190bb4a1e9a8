package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Bouncer is a PgBouncer in transaction mode in front of a server. Close it
// before the server.
type Bouncer struct {
	dir string
	dog *watchdog
	run *process
}

// bouncerConfig lets everybody in who can reach the socket, as the server does.
// Server connections are few, so that clients really share them.
const bouncerConfig = `
[databases]
* = host=%[1]s port=%[2]s user=%[3]s
[pgbouncer]
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
unix_socket_dir = %[4]s
listen_port = %[2]s
auth_type = any
pidfile = %[4]s/bouncer.pid
server_fast_close = 1
server_idle_timeout = 2
`

// Bouncer starts a PgBouncer in front of the server.
func (s *Server) Bouncer(ctx context.Context) (*Bouncer, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // not in everybody's path
	}
	if _, err := os.Stat(program); err != nil {
		return nil, errors.New("pgtest: PgBouncer is not installed; run make deps, or install the package pgbouncer")
	}
	dir, err := s.user.directory("zhanggui-pgb-")
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	dog, err := watch(dir, s.user)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: %w", err), os.RemoveAll(dir))
	}
	b := &Bouncer{dir: dir, dog: dog}
	if err := b.start(ctx, s, program); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Bouncer) start(ctx context.Context, s *Server, program string) (err error) {
	config := filepath.Join(b.dir, "bouncer.ini")
	if err := os.WriteFile(config, fmt.Appendf(nil, bouncerConfig, s.dir, port, superuser, b.dir), 0o644); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	log := filepath.Join(b.dir, "log")
	if b.run, err = s.user.start(log, program, config); err != nil {
		return fmt.Errorf("pgtest: start pgbouncer: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := b.run.answers(ctx, b.URL("postgres"), "SELECT 1"); err != nil {
		return fmt.Errorf("pgtest: pgbouncer does not answer: %w; its log ends: %s", err, tail(log))
	}
	return nil
}

// URL names a database of the server behind it.
func (b *Bouncer) URL(database string) secret.Value { return socketURL(b.dir, database) }

// Close ends the pooler and deletes everything of it.
func (b *Bouncer) Close() error {
	var err error
	if b.run != nil {
		err = b.run.end(syscall.SIGTERM)
	}
	return errors.Join(err, b.dog.close())
}

// answers waits until a statement succeeds at url, or the process ended.
func (p *process) answers(ctx context.Context, url secret.Value, statement string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := Exec(ctx, url, statement)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return err
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
