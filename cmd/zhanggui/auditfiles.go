package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// auditSource says which log is read.
type auditSource struct {
	Data     string `help:"Data directory." default:"./zhanggui-data" env:"ZHANGGUI_DATA" type:"path"`
	Database string `help:"Database URL, as the server has it (default: SQLite in the data directory)." env:"ZHANGGUI_DATABASE"`
	Pub      string `help:"Public key file (default: the one in the data directory)." type:"path"`
}

func (s auditSource) files() app.AuditFiles {
	return app.AuditFiles{Data: s.Data, Pub: s.Pub, Database: secret.FromString(s.Database)}
}

// auditExportCmd needs no server, and may run beside one.
type auditExportCmd struct {
	auditSource
	Out     string `required:"" help:"File to write; it must not be there yet. A dash writes to standard output." type:"path"`
	From    int64  `help:"Number of the first entry." default:"0"`
	To      int64  `help:"Number after the last entry (default: up to the newest signed head)." default:"0"`
	Subject string `help:"Only entries about one thing: the id of a shop, grant, person, client… Each carries its proof; that none was left out is proved by a range only."`
	Format  string `help:"jsonl proves itself; csv is for people and proves nothing." enum:"jsonl,csv" default:"jsonl"`
	JSON    bool   `help:"Print JSON for programs."`
}

// Help shows an example.
func (auditExportCmd) Help() string {
	return `Entries hold ids of ours, codes and counts; openids, names and addresses are not among them.

Example:
  zhanggui audit export --out export.jsonl
  zhanggui audit export --out lantian.jsonl --subject lantian
  zhanggui audit export --out export.csv --format csv`
}

// Run implements the command.
func (a auditExportCmd) Run(ctx context.Context, c console) error {
	x := app.AuditExport{From: a.From, To: a.To, Subject: a.Subject, Table: a.Format == "csv"}
	x.Chosen = func(r audit.Record) bool { return about(adminapi.RecordView{Seq: r.Seq, Entry: r.Data}, a.Subject) }
	done, err := writeFile(c, a.Out, func(w io.Writer) (app.Exported, error) { return app.ExportAudit(ctx, a.files(), x, w) })
	if err != nil {
		return err
	}
	if a.JSON {
		return json.NewEncoder(c.err).Encode(done)
	}
	fmt.Fprintf(c.err, "%d entries between %d and %d\n", done.Entries, done.From, done.To-1)
	if done.SHA256 != "" {
		fmt.Fprintf(c.err, "SHA-256 %s\n", done.SHA256)
	}
	return nil
}

// writeFile writes a new file, or to standard output; a file that could not be
// finished is removed.
func writeFile[T any](c console, path string, write func(io.Writer) (T, error)) (v T, err error) {
	if filepath.Base(path) == "-" {
		return write(c.out)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return v, fmt.Errorf("%w; name a file that is not there yet", err)
	}
	v, err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(path) // the error that broke it off is the one to tell
	}
	return v, err
}

type auditProveCmd struct {
	auditSource
	Old   int64  `arg:"" optional:"" help:"How many entries the older head counts."`
	New   int64  `arg:"" optional:"" help:"How many the newer one counts (default: the newest)."`
	Entry *int64 `help:"Prove this entry under the newest head instead."`
	Out   string `help:"File to write; it must not be there yet." default:"-" type:"path"`
}

// Help shows an example.
func (auditProveCmd) Help() string {
	return `The sizes of signed heads are in audit.heads and at /v1/audit/checkpoints. Check the file with zhanggui audit verify --proof.

Example:
  zhanggui audit prove 1200 3400 --out proof.json
  zhanggui audit prove --entry 17 --out proof.json`
}

// Run implements the command.
func (a auditProveCmd) Run(ctx context.Context, c console) error {
	p, err := a.prove(ctx)
	if err != nil {
		return err
	}
	b, err := p.Encode()
	if err != nil {
		return err
	}
	_, err = writeFile(c, a.Out, func(w io.Writer) (int64, error) { return io.Copy(w, bytes.NewReader(b)) })
	return err
}

func (a auditProveCmd) prove(ctx context.Context) (audit.Proof, error) {
	switch {
	case a.Entry != nil && a.Old != 0:
		return audit.Proof{}, &usageError{"name two heads, or --entry and no head"}
	case a.Entry != nil:
		return app.ProveEntry(ctx, a.files(), *a.Entry)
	case a.Old <= 0 || a.New < 0:
		return audit.Proof{}, &usageError{"name how many entries the older head counts, and the newer one"}
	}
	return app.ProveConsistency(ctx, a.files(), a.Old, a.New)
}

// key is where the public key is.
func (v auditVerifyCmd) key() string { return cmp.Or(v.Pub, filepath.Join(v.Data, audit.PubFile)) }

// file verifies an export alone.
func (v auditVerifyCmd) file(c console) error {
	report, err := app.CheckAuditExport(v.File, v.key())
	if err != nil {
		return err
	}
	if v.JSON {
		if err := c.printJSON(report); err != nil {
			return err
		}
	} else {
		for _, p := range report.Problems {
			fmt.Fprintln(c.out, "  "+p.String())
		}
	}
	if first, bad := report.First(); bad {
		return fmt.Errorf("the export does not verify: %s", first)
	}
	fmt.Fprintf(c.err, "the export verifies: %s\nSHA-256 %s\n", report, report.SHA256)
	return nil
}

// proof checks a proof alone.
func (v auditVerifyCmd) proof(c console) error {
	proved, err := app.CheckAuditProof(v.Proof, v.key())
	if err != nil {
		return err
	}
	if v.JSON {
		return c.printJSON(proved)
	}
	if proved.Kind == audit.Inclusion {
		fmt.Fprintf(c.out, "%s\n", proved.Data)
	}
	fmt.Fprintln(c.err, "the proof holds: "+proved.String())
	return nil
}

// printPruned says which entries are in archives.
func printPruned(c console, r audit.Report) {
	for _, p := range r.Pruned {
		state := "the archive was not given"
		if p.Given {
			state = "the archive verifies"
		}
		fmt.Fprintf(c.out, "entries %d to %d were archived %s, SHA-256 %s: %s\n", p.From, p.To-1, p.At.UTC().Format("2006-01-02 15:04:05Z"), p.Archive, state)
	}
}
