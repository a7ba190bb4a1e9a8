package pgtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// standbyName is how a standby is known to its primary.
const standbyName = "zhanggui_standby"

// Standby makes a synchronous standby of the server: from when it returns on, a
// commit is acknowledged only after the standby has it on disk. Promote it after
// the primary is gone; close both.
func (s *Server) Standby(ctx context.Context) (*Server, error) {
	b, err := place(s.o)
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	if err := b.follow(ctx, s); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (s *Server) follow(ctx context.Context, primary *Server) error {
	err := s.tool(ctx, "pg_basebackup", "-D", s.data(), "-h", primary.dir, "-p", port, "-U", superuser,
		"-X", "stream", "-c", "fast", "-R", "--no-sync")
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	return primary.waitForStandby(ctx)
}

// waitForStandby makes commits wait for the standby, once it streams. Each look is
// a connection of its own: an older one may not know of the setting yet.
func (s *Server) waitForStandby(ctx context.Context) error {
	err := Exec(ctx, s.URL(superuser), "ALTER SYSTEM SET synchronous_standby_names = '"+standbyName+"'", "SELECT pg_reload_conf()")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	return s.run.answers(ctx, s.URL(superuser), `DO $$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = '`+standbyName+`' AND sync_state = 'sync') THEN
			RAISE 'the standby does not stream';
		END IF;
	END $$`)
}

// Promote makes a standby the primary and waits until it takes writes. It waits
// for no standby of its own.
func (s *Server) Promote(ctx context.Context) error {
	if err := s.tool(ctx, "pg_ctl", "promote", "-D", s.data(), "-w"); err != nil {
		return err
	}
	return Exec(ctx, s.URL(superuser), "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
}

// log is where the server writes what happens.
func (s *Server) log() string { return filepath.Join(s.dir, "log") }
