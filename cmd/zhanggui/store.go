package main

import (
	"context"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/store/storecopy"
)

// storeCmd is about the database as a whole.
type storeCmd struct {
	Copy storeCopyCmd `cmd:"" help:"Copy everything to another, empty database. Servers must be stopped."`
}

type storeCopyCmd struct {
	From string `required:"" help:"Where the store is." placeholder:"PLACE"`
	To   string `required:"" help:"Where it goes. There must be nothing yet." placeholder:"PLACE"`
	JSON bool   `help:"Print JSON for programs."`
}

// Help shows examples.
func (storeCopyCmd) Help() string {
	return `Moves SQLite to PostgreSQL, or back. A PLACE is postgres://user:password@host/name, sqlite:FILE, the data directory of a server, or env:NAME for a variable that holds one of these, which keeps a password out of the list of processes.

The source is read while no server works on it, and is not changed. The target must be empty: a database in which nothing was made yet, or a file that is not there. Afterwards both sides are read again by themselves and compared: rows and digests of every table, the audit log computed anew, every grant. If anything fails, the target is as it was.

Keys are files and are not copied: keep master.key, audit.key, audit.pub and audit.heads of the data directory, and give them to every server. Never start a server on the old database again: two that renew one shop's tokens end each other's.

Examples:
  zhanggui store copy --from ./zhanggui-data --to postgres://zhanggui@db.example.com/zhanggui?sslmode=verify-full
  zhanggui store copy --from env:ZHANGGUI_DATABASE --to sqlite:/var/lib/zhanggui/zhanggui.db`
}

// Run implements the command.
func (s storeCopyCmd) Run(ctx context.Context, c console) error {
	from, err := app.ParsePlace(s.From)
	if err != nil {
		return &usageError{"--from: " + err.Error()}
	}
	to, err := app.ParsePlace(s.To)
	if err != nil {
		return &usageError{"--to: " + err.Error()}
	}
	report, err := app.CopyStore(ctx, from, to, progress(c))
	if err != nil {
		return fmt.Errorf("nothing was copied: %w", err)
	}
	if s.JSON {
		return c.printJSON(report)
	}
	return s.tell(c, report, from, to)
}

// progress writes a line for every table, and now and then for a large one.
func progress(c console) func(table string, rows, of int64) {
	const every = 100_000
	told := int64(0)
	return func(table string, rows, of int64) {
		if rows < of && rows < told+every {
			return
		}
		told = rows
		if rows == of {
			told = 0
		}
		fmt.Fprintf(c.err, "%s: %d of %d rows\n", table, rows, of)
	}
}

// tell says what is in the target now, and what is left to do.
func (storeCopyCmd) tell(c console, r storecopy.Report, from, to app.Place) error {
	fmt.Fprintf(c.out, `copied %d rows of %d tables from %s to %s
  rows and digests   equal in every table, read on both sides
  audit log          %d entries, root %s, computed on both sides
  grants             %d, each keeps what the log says

Still to do:
  1. The keys are files of the data directory and were not copied: master.key (or what master_key names), audit.key, audit.pub, audit.heads.
`, r.Rows(), len(r.Tables), from, to, r.Entries, r.Root, r.Grants)
	if to.PostgreSQL() {
		fmt.Fprintln(c.out, "     Every server needs the same ones. Set database to the URL of the target, on all of them.")
	} else {
		fmt.Fprintln(c.out, "     Put them beside the file, and leave database out of the settings.")
	}
	_, err := fmt.Fprintln(c.out, `  2. Run zhanggui audit verify: it compares the signed heads too, which needs the keys.
  3. Never start a server on the old database again: two that renew one shop's tokens end each other's.`)
	return err
}
