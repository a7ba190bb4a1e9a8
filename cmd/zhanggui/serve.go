package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/web"
)

// settings are the flags that say how the server is configured. Flags win over
// the environment, which wins over the file.
type settings struct {
	Config    string `short:"c" help:"Configuration file (YAML)." type:"existingfile"`
	Data      string `help:"Data directory (default ./zhanggui-data)." type:"path"`
	Database  string `help:"Database URL (default: SQLite in the data directory)."`
	Listen    string `help:"Address of the public listener (default 127.0.0.1:8080)."`
	OpsListen string `help:"Address of the operations listener (default 127.0.0.1:9090)."`
}

func (s settings) load() (*config.Config, error) {
	flags := map[string]string{}
	for name, value := range map[string]string{"data": s.Data, "database": s.Database, "listen": s.Listen, "ops_listen": s.OpsListen} {
		if value != "" {
			flags[name] = value
		}
	}
	return config.Load(config.Source{File: s.Config, Environ: os.Environ(), Flags: flags})
}

// serveCmd runs the server.
type serveCmd struct{ settings }

// Help shows examples.
func (serveCmd) Help() string {
	return `The first start makes the keys and the database in the data directory and prints a link that makes the first administrator.

Examples:
  zhanggui serve
  zhanggui serve --config /etc/zhanggui.yaml --data /var/lib/zhanggui`
}

// Run implements the command.
func (s serveCmd) Run(ctx context.Context, c console) error {
	cfg, err := s.load()
	if err != nil {
		return err
	}
	app.KeepHeadroom()
	log, flush := newLog(c, cfg.Log)
	defer flush()
	a, err := app.New(ctx, app.Options{Config: *cfg, Version: version, Log: log})
	if err != nil {
		return err
	}
	listeners, err := a.Listen(ctx)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	if err := welcome(ctx, c, a, cfg); err != nil {
		return errors.Join(err, listeners.Close(), a.Close())
	}
	return a.Run(ctx, listeners)
}

// welcome says where the server is, and how its first administrator is made.
func welcome(ctx context.Context, c console, a *app.App, cfg *config.Config) error {
	fmt.Fprintf(c.out, "zhanggui %s listens on %s\n  console  %s\n", version, cfg.Listen, a.Link("/"))
	if a.Alone() {
		fmt.Fprintln(c.out, "  alone    the database does not answer; calls are served from standby.db until it does, or for 15 minutes")
	}
	link, first, err := a.SetupLink(ctx)
	if err != nil {
		return err
	}
	if first {
		fmt.Fprintf(c.out, "  set up   %s\n           works once, for 30 minutes: it makes the first administrator\n", link)
	}
	return nil
}

// newLog makes the log that the configuration asks for. flush must be called at
// the end: lines are written in batches.
func newLog(c console, l config.Log) (log *slog.Logger, flush func()) {
	buffer := web.NewLogBuffer(c.err)
	h := web.NewLogHandler(buffer, l.Format == "json", l.Level)
	return slog.New(h), func() { _ = buffer.Close() } // nobody is left to tell
}

// configCmd is about the configuration.
type configCmd struct {
	Show      configShowCmd      `cmd:"" default:"withargs" help:"Check the configuration and show what is in effect, without secrets."`
	Reference configReferenceCmd `cmd:"" help:"Print the table of all settings."`
}

type configShowCmd struct{ settings }

// Help shows an example.
func (configShowCmd) Help() string {
	return "Tells every problem at once, each with its line and its remedy.\n\nExample:\n  zhanggui config show --config zhanggui.yaml"
}

// Run implements the command.
func (s configShowCmd) Run(c console) error {
	cfg, err := s.load()
	if err != nil {
		return err
	}
	text, err := cfg.YAML()
	if err != nil {
		return err
	}
	_, err = c.out.Write(text)
	return err
}

type configReferenceCmd struct{}

// Help shows an example.
func (configReferenceCmd) Help() string {
	return "Example:\n  zhanggui config reference > docs/guide/settings.md"
}

// Run implements the command.
func (configReferenceCmd) Run(c console) error {
	_, err := fmt.Fprintln(c.out, config.Reference())
	return err
}
