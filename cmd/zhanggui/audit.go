package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// auditCmd is about the audit log.
type auditCmd struct {
	List   auditListCmd   `cmd:"" default:"withargs" help:"Read the audit log, oldest first."`
	Show   auditShowCmd   `cmd:"" help:"Show what happened to one thing, such as a shop or a grant."`
	Verify auditVerifyCmd `cmd:"" help:"Verify the audit log, an export or a proof, with or without a running server."`
	Export auditExportCmd `cmd:"" help:"Write entries to a file that proves itself, for an inspector."`
	Prove  auditProveCmd  `cmd:"" help:"Make a small file that proves that one log is the beginning of another, or that an entry stands in it."`
}

type auditListCmd struct {
	remote
	After int64 `help:"Begin after this sequence number." default:"-1"`
	Limit int   `help:"How many entries at most." default:"100"`
}

// Help shows an example.
func (auditListCmd) Help() string { return "Example:\n  zhanggui audit list --limit 20" }

// Run implements the command.
func (a auditListCmd) Run(ctx context.Context, c console) error {
	records, err := a.page(ctx, a.After, a.Limit)
	if err != nil {
		return err
	}
	if a.JSON {
		return c.printJSON(records)
	}
	return printEntries(c, records, nil)
}

func (r remote) page(ctx context.Context, after int64, limit int) ([]adminapi.RecordView, error) {
	q := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}
	var page items[adminapi.RecordView]
	err := r.do(ctx, http.MethodGet, "/v1/audit?"+q.Encode(), nil, &page)
	return page.Items, err
}

type auditShowCmd struct {
	remote
	Subject string `arg:"" help:"What to look for: the id of a shop, grant, person, client, session…"`
}

// Help shows an example.
func (auditShowCmd) Help() string { return "Example:\n  zhanggui audit show lantian" }

// Run implements the command.
func (a auditShowCmd) Run(ctx context.Context, c console) error {
	var found []adminapi.RecordView
	for after := int64(-1); ; {
		page, err := a.page(ctx, after, 1000)
		if err != nil {
			return err
		}
		for _, r := range page {
			if about(r, a.Subject) {
				found = append(found, r)
			}
		}
		if len(page) < 1000 {
			break
		}
		after = page[len(page)-1].Seq
	}
	if a.JSON {
		return c.printJSON(found)
	}
	return printEntries(c, found, nil)
}

// about tells whether an entry names id, as actor, subject or detail.
func about(r adminapi.RecordView, id string) bool {
	e, err := audit.Decode(r.Entry)
	if err != nil {
		return false
	}
	if e.Actor.ID == id || e.Subject == id || len(e.Subject) > len(id) && e.Subject[len(e.Subject)-len(id)-1:] == ":"+id {
		return true
	}
	for k, v := range e.Details {
		if k == id || v == id {
			return true
		}
	}
	return false
}

func printEntries(c console, records []adminapi.RecordView, rows [][]string) error {
	for _, r := range records {
		e, err := audit.Decode(r.Entry)
		if err != nil {
			return err
		}
		rows = append(rows, []string{strconv.FormatInt(r.Seq, 10), when(&e.At), e.Actor.Kind + " " + e.Actor.ID, e.Action, dash(e.Subject), string(e.Outcome), dash(e.Reason)})
	}
	return c.table("SEQ TIME ACTOR ACTION SUBJECT OUTCOME REASON", rows)
}

// auditVerifyCmd needs no server: files and the public key are enough.
type auditVerifyCmd struct {
	Data     string   `help:"Data directory." default:"./zhanggui-data" env:"ZHANGGUI_DATA" type:"path"`
	Database string   `help:"Database URL, as the server has it (default: SQLite in the data directory)." env:"ZHANGGUI_DATABASE"`
	Heads    string   `help:"File of signed heads (default: the one in the data directory); name a copy from elsewhere to prove more." type:"path"`
	Pub      string   `help:"Public key file (default: the one in the data directory)." type:"path"`
	Archive  []string `help:"Archive of entries that were moved out of the database, to be verified too; may be given many times." type:"path"`
	File     string   `help:"Verify this export alone, with the public key and no database." type:"path" xor:"what"`
	Proof    string   `help:"Check this proof alone, with the public key and no database." type:"path" xor:"what"`
	JSON     bool     `help:"Print JSON for programs."`
}

// Help shows an example.
func (auditVerifyCmd) Help() string {
	return `Compares every row with its leaf, the tree with every signed head, and names the first bad entry. It reads files only and may run beside a server. With --file or --proof it needs that file and the public key, and nothing else.

Example:
  zhanggui audit verify --data ./zhanggui-data --heads /mnt/worm/audit.heads
  zhanggui audit verify --file export.jsonl --pub audit.pub
  zhanggui audit verify --proof proof.json --pub audit.pub`
}

// Run implements the command.
func (v auditVerifyCmd) Run(ctx context.Context, c console) error {
	switch {
	case v.File != "":
		return v.file(c)
	case v.Proof != "":
		return v.proof(c)
	}
	report, err := app.VerifyAudit(ctx, app.AuditFiles{Data: v.Data, Heads: v.Heads, Pub: v.Pub, Archives: v.Archive, Database: secret.FromString(v.Database)})
	if err != nil {
		return err
	}
	if v.JSON {
		if err := c.printJSON(report); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(c.out, "%d entries, %d hashes, %d signed heads in the database, %d in the file; %d entries are newer than the newest head\n",
			report.Entries, report.Hashes, report.Checkpoints, report.Heads, report.Unsigned())
		printPruned(c, report)
		for _, p := range report.Problems {
			fmt.Fprintln(c.out, "  "+p.String())
		}
	}
	if first, bad := report.First(); bad {
		return fmt.Errorf("the audit log does not verify: %s", first)
	}
	fmt.Fprintln(c.err, "the audit log verifies")
	return nil
}

// keyCmd is about the keys that seal what is kept.
type keyCmd struct {
	List   keyListCmd   `cmd:"" default:"withargs" help:"List the keys."`
	Rotate keyRotateCmd `cmd:"" help:"Seal with a new key from now on; older ones still open."`
	Sign   keySignCmd   `cmd:"" help:"List the keys that sign what others verify, or replace those that may be in other hands."`
	Rewrap keyRewrapCmd `cmd:"" help:"Wrap the keys with another master key. The server must be stopped."`
}

type keyListCmd struct{ remote }

// Help shows an example.
func (keyListCmd) Help() string { return "Example:\n  zhanggui key list" }

// Run implements the command.
func (k keyListCmd) Run(ctx context.Context, c console) error {
	return k.show(ctx, c, http.MethodGet, "/v1/keys")
}

type keyRotateCmd struct{ remote }

// Help shows an example.
func (keyRotateCmd) Help() string { return "Example:\n  zhanggui key rotate" }

// Run implements the command.
func (k keyRotateCmd) Run(ctx context.Context, c console) error {
	return k.show(ctx, c, http.MethodPost, "/v1/keys/rotate")
}

type keySignCmd struct {
	remote
	Replace string `placeholder:"ALG" help:"End the keys of ES256 (assertions) or RS256 (OpenID Connect) at once and make another. What they signed is worth nothing from then on." enum:"ES256,RS256," default:""`
}

// Help shows an example.
func (keySignCmd) Help() string {
	return "Example:\n  zhanggui key sign\n  zhanggui key sign --replace RS256"
}

// Run implements the command.
func (k keySignCmd) Run(ctx context.Context, c console) error {
	method, path := http.MethodGet, "/v1/signing-keys"
	if k.Replace != "" {
		method, path = http.MethodPost, path+"/"+k.Replace+"/replace"
	}
	var keys items[adminapi.SigningKeyView]
	if err := k.do(ctx, method, path, nil, &keys); err != nil {
		return err
	}
	if k.JSON {
		return c.printJSON(keys.Items)
	}
	var rows [][]string
	for _, key := range keys.Items {
		rows = append(rows, []string{key.ID, key.Alg, key.SignsFrom.Format(time.RFC3339), key.SignsUntil.Format(time.RFC3339), key.PublishedUntil.Format(time.RFC3339)})
	}
	return c.table("KEY ALG SIGNS-FROM SIGNS-UNTIL PUBLISHED-UNTIL", rows)
}

func (r remote) show(ctx context.Context, c console, method, path string) error {
	var keys items[vault.Key]
	if err := r.do(ctx, method, path, nil, &keys); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(keys.Items)
	}
	var rows [][]string
	for _, k := range slices.Backward(keys.Items) {
		rows = append(rows, []string{k.ID, strconv.FormatBool(k.Primary), k.Status})
	}
	return c.table("KEY SEALS STATUS", rows)
}

// keyRewrapCmd opens the database itself: a wrong step must not leave a running
// server with a key that is gone.
type keyRewrapCmd struct {
	settings
	To string `required:"" help:"File of the new master key; made (0600) if it is not there." type:"path"`
}

// Help shows an example.
func (keyRewrapCmd) Help() string {
	return `Sealed values stay as they are; only the keyset's wrapping changes. Keep the old master key until no backup needs it. Then name the new file as master_key.file in the configuration.

Example:
  zhanggui key rewrap --to /etc/zhanggui/master-2.key`
}

// Run implements the command.
func (k keyRewrapCmd) Run(ctx context.Context, c console) error {
	cfg, err := k.load()
	if err != nil {
		return err
	}
	id, err := app.Rewrap(ctx, *cfg, k.To)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "the keyset is wrapped with master key %s now; set master_key.file to %s\n", id, k.To)
	return nil
}
