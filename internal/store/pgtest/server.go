package pgtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Options are what a server can be told. The zero value is ready for use.
type Options struct {
	// Durable writes to the disk as a real server does, so that what was
	// committed survives kill -9 of the whole machine. Without it, the server's
	// own crash is survived, and everything is faster.
	Durable bool
	// Set holds further settings of the server, such as "max_connections".
	Set map[string]string
}

// Server is a PostgreSQL server of our own. Its methods are for one goroutine at
// a time, apart from [Server.URL].
type Server struct {
	o    Options
	bin  string // directory of the programs
	dir  string // of everything that belongs to this server
	user *account
	dog  *watchdog
	run  *process // nil while it is stopped

	databases *cluster
}

// superuser is the user of every server here. Connections on the socket are
// trusted.
const superuser = "postgres"

// port only names the socket: nothing listens on a network.
const port = "5432"

// readyWithin is how long a server may take to start, recovery included.
const readyWithin = 60 * time.Second

// Start makes a server and starts it. Close it when it is not needed any more.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := place(o)
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	initdb := []string{"-D", s.data(), "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"}
	if err := s.tool(ctx, "initdb", initdb...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// place makes a server's directory, with nothing in it.
func place(o Options) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	user, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := user.directory("zhanggui-pg-")
	if err != nil {
		return nil, err
	}
	dog, err := watch(dir, user)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &Server{o: o, bin: bin, dir: dir, user: user, dog: dog}
	s.databases = &cluster{admin: s.URL("postgres"), url: s.URL}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// URL names a database of the server.
func (s *Server) URL(database string) secret.Value { return socketURL(s.dir, database) }

func socketURL(dir, database string) secret.Value {
	q := url.Values{"host": {dir}, "port": {port}, "user": {superuser}}
	return secret.New([]byte("postgres:///" + database + "?" + q.Encode()))
}

// Create makes a migrated database and gives its URL.
func (s *Server) Create(ctx context.Context) (secret.Value, error) {
	return s.databases.create(ctx, true)
}

// Drop deletes a database, whoever is connected to it.
func (s *Server) Drop(ctx context.Context, url secret.Value) error { return s.databases.drop(ctx, url) }

// Start starts a server that was stopped or killed, and waits until it answers.
func (s *Server) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		run, err := s.user.start(s.log(), filepath.Join(s.bin, "postgres"), s.arguments()...)
		if err != nil {
			return fmt.Errorf("pgtest: start postgres: %w", err)
		}
		s.run = run
		err = run.answers(ctx, s.URL(superuser), "SELECT 1")
		if err == nil {
			return nil
		}
		if !run.ended() || ctx.Err() != nil {
			return fmt.Errorf("pgtest: the server does not answer: %w; its log ends: %s", err, tail(s.log()))
		}
		// What a killed server left behind may still be ending.
	}
}

func (s *Server) arguments() []string {
	set := map[string]string{
		"unix_socket_directories": s.dir, "listen_addresses": "", "port": port,
		"max_connections": "200", "shared_buffers": "128MB", "timezone": "UTC", "log_line_prefix": "%m [%p] ",
		"max_wal_size": "2GB", "cluster_name": standbyName, // by which its primary knows a standby
	}
	if !s.o.Durable {
		set["fsync"], set["full_page_writes"] = "off", "off"
	}
	maps.Copy(set, s.o.Set)
	args := []string{"-D", s.data()}
	for name, value := range set {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// Exec runs statements on the database that url names, on a connection of its
// own.
func Exec(ctx context.Context, url secret.Value, statements ...string) error {
	conn, err := pgx.Connect(ctx, url.RevealString())
	if err != nil {
		return fmt.Errorf("pgtest: connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("pgtest: %s: %w", statement, err)
		}
	}
	return nil
}

// Stop ends the server in good order: connections are cut, what was committed is
// written. A server that is stopped stays so.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Kill ends the server at once, as kill -9 does. What it had committed is there
// again after [Server.Start].
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

func (s *Server) end(sig syscall.Signal) error {
	if s.run == nil {
		return nil
	}
	if err := s.run.end(sig); err != nil {
		return fmt.Errorf("pgtest: end the server: %w", err)
	}
	s.run = nil
	return nil
}

// Close ends the server and deletes everything of it.
func (s *Server) Close() error {
	err := s.end(syscall.SIGQUIT)
	return errors.Join(err, s.dog.close())
}

// tool runs a program of PostgreSQL and waits for it.
func (s *Server) tool(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.SysProcAttr = s.user.attributes()
	cmd.Dir, cmd.Env = s.dir, s.user.environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// programs finds the directory of PostgreSQL's programs: Debian keeps them out of
// the path, the newest version last.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	newest := ""
	for _, f := range found {
		if newest == "" || version(f) > version(newest) {
			newest = f
		}
	}
	if newest == "" {
		if newest, err = exec.LookPath("postgres"); err == nil {
			newest, err = filepath.EvalSymlinks(newest)
		}
	}
	if err != nil || newest == "" {
		return "", errors.New("PostgreSQL is not installed; run make deps, or install the package postgresql")
	}
	return filepath.Dir(newest), nil
}

// version is the major version in a path such as /usr/lib/postgresql/15/bin/postgres.
func version(path string) int {
	n := 0
	fmt.Sscanf(filepath.Base(filepath.Dir(filepath.Dir(path))), "%d", &n)
	return n
}

// tail gives the end of a file, for messages.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return cmp.Or(strings.TrimSpace(string(b[max(0, len(b)-1000):])), "nothing")
}
