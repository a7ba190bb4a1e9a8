package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// signedLog is the audit log of a data directory as it is at one moment, with the
// heads that its key signed. It is read beside a running server.
type signedLog struct {
	*sqlstore.Log
	verifier note.Verifier
	heads    []audit.Checkpoint
	file     string // of signed heads: it has those that the database keeps no more
}

// openSigned opens the log of f. Heads that are not signed with the public key are
// left out: audit verify names them.
func openSigned(ctx context.Context, f AuditFiles) (*signedLog, error) {
	v, err := f.verifier()
	if err != nil {
		return nil, err
	}
	log, err := openLog(ctx, f.Data, f.Database)
	if err != nil {
		return nil, err
	}
	l := &signedLog{Log: log, verifier: v, file: cmp.Or(f.Heads, filepath.Join(f.Data, audit.HeadsFile))}
	all, err := log.Checkpoints(ctx)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	for _, row := range all {
		if c, err := audit.OpenCheckpoint(row.SignedNote, v); err == nil && c.Size > 0 {
			l.heads = append(l.heads, c)
		}
	}
	if len(l.heads) == 0 {
		return nil, errors.Join(errors.New("the log has no signed head yet; let the server run for ten seconds"), log.Close())
	}
	return l, nil
}

func (f AuditFiles) verifier() (note.Verifier, error) {
	return audit.ReadVerifier(cmp.Or(f.Pub, filepath.Join(f.Data, audit.PubFile)))
}

func (l *signedLog) newest() audit.Checkpoint { return l.heads[len(l.heads)-1] }

// head gives the signed head of so many entries.
func (l *signedLog) head(size int64) (audit.Checkpoint, error) {
	before, after := int64(-1), int64(-1)
	for _, c := range l.heads {
		switch {
		case c.Size == size:
			return c, nil
		case c.Size < size:
			before = c.Size
		case after < 0:
			after = c.Size
		}
	}
	c, ok, err := headInFile(l.file, l.verifier, size)
	if err != nil || ok {
		return c, err
	}
	near := fmt.Sprintf("name %d or %d, the nearest", before, after)
	switch {
	case before < 0:
		near = fmt.Sprintf("name %d, the oldest", after)
	case after < 0:
		near = fmt.Sprintf("name %d, the newest", before)
	}
	return audit.Checkpoint{}, fmt.Errorf("no head of %d entries was signed; %s", size, near)
}

// ProveConsistency proves that the log which had old entries is the beginning of
// the log which had size; both must be sizes of signed heads. size 0 stands for the
// newest head.
func ProveConsistency(ctx context.Context, f AuditFiles, old, size int64) (_ audit.Proof, err error) {
	l, err := openSigned(ctx, f)
	if err != nil {
		return audit.Proof{}, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	from, err := l.head(old)
	if err != nil {
		return audit.Proof{}, err
	}
	to := l.newest()
	if size > 0 {
		if to, err = l.head(size); err != nil {
			return audit.Proof{}, err
		}
	}
	return audit.ProveConsistency(from, to, l.AuditHashes(ctx))
}

// ProveEntry proves that an entry stands in the log of the newest signed head.
func ProveEntry(ctx context.Context, f AuditFiles, seq int64) (_ audit.Proof, err error) {
	l, err := openSigned(ctx, f)
	if err != nil {
		return audit.Proof{}, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	rows, err := l.AuditEntries(ctx, seq-1, 1)
	if err != nil {
		return audit.Proof{}, err
	}
	if len(rows) == 0 || rows[0].Seq != seq {
		return audit.Proof{}, fmt.Errorf("the database has no entry %d; an archive may: take its proof from an export of that", seq)
	}
	return audit.ProveInclusion(rows[0], l.newest(), l.AuditHashes(ctx))
}

// AuditExport says what is exported.
type AuditExport struct {
	From, To int64                     // numbers of the first entry and the one after the last; To 0: up to the newest signed head
	Subject  string                    // what the entries are chosen by, as Chosen does; empty: all
	Chosen   func(r audit.Record) bool // used with Subject
	Table    bool                      // CSV for people, with no proof
}

// Exported is what was written.
type Exported struct {
	From    int64  `json:"from"`
	To      int64  `json:"to"`
	Entries int64  `json:"entries"`
	SHA256  string `json:"sha256,omitempty"` // of the file; empty for a table
}

// ExportAudit writes entries for an inspector. It needs no server and no secret.
func ExportAudit(ctx context.Context, f AuditFiles, x AuditExport, w io.Writer) (_ Exported, err error) {
	l, err := openSigned(ctx, f)
	if err != nil {
		return Exported{}, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if x.To == 0 {
		x.To = l.newest().Size
	}
	if x.Table {
		return l.table(ctx, x, w)
	}
	return l.export(ctx, x, w)
}

// table writes CSV.
func (l *signedLog) table(ctx context.Context, x AuditExport, w io.Writer) (Exported, error) {
	out := Exported{From: x.From, To: x.To}
	t, err := audit.NewTable(w)
	if err != nil {
		return out, err
	}
	for r, err := range l.AuditRecordsFrom(ctx, x.From) {
		if err != nil {
			return out, err
		}
		if r.Seq >= x.To {
			break
		}
		if x.Subject != "" && !x.Chosen(r) {
			continue
		}
		out.Entries++
		if err := t.Entry(r); err != nil {
			return out, err
		}
	}
	return out, t.Close()
}

// export writes an export that proves itself.
func (l *signedLog) export(ctx context.Context, x AuditExport, w io.Writer) (Exported, error) {
	out := Exported{From: x.From, To: x.To}
	kind := audit.ExportRange
	if x.Subject != "" {
		kind = audit.ExportEntries
	}
	h, err := audit.NewExportHeader(kind, x.From, x.To, l.newest(), l.AuditHashes(ctx))
	if err != nil {
		return out, err
	}
	h.Subject = x.Subject
	if x.Subject == "" {
		stored := l.StoredHash(ctx)
		var sum [32]byte
		out.Entries, sum, err = audit.WriteRange(w, h, audit.RangeSource{Records: l.AuditRecordsFrom(ctx, x.From), Heads: l.heads, Leaf: leafOf(stored)})
		out.SHA256 = fmt.Sprintf("%x", sum)
		return out, err
	}
	e, err := audit.NewExport(w, h)
	if err != nil {
		return out, err
	}
	if out.Entries, err = chosenOf(ctx, l, x, e); err != nil {
		return out, err
	}
	sum, err := e.Close()
	out.SHA256 = fmt.Sprintf("%x", sum)
	return out, err
}

// leafOf gives the stored hash of an entry.
func leafOf(stored func(idx int64) (tlog.Hash, bool, error)) func(seq int64) (tlog.Hash, error) {
	return func(seq int64) (tlog.Hash, error) {
		h, ok, err := stored(tlog.StoredHashIndex(0, seq))
		if err == nil && !ok {
			err = fmt.Errorf("the stored hash of entry %d is missing; run zhanggui audit verify", seq)
		}
		return h, err
	}
}

// chosenOf writes the chosen entries, each with its proof.
func chosenOf(ctx context.Context, l *signedLog, x AuditExport, e *audit.Export) (n int64, err error) {
	for r, err := range l.AuditRecordsFrom(ctx, x.From) {
		if err != nil {
			return n, err
		}
		if r.Seq >= x.To {
			break
		}
		if !x.Chosen(r) {
			continue
		}
		proof, err := audit.ProveInclusion(r, l.newest(), l.AuditHashes(ctx))
		if err != nil {
			return n, err
		}
		if err := e.Entry(r, proof.Hashes); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// CheckAuditProof checks a proof with the public key alone.
func CheckAuditProof(file, pub string) (audit.Proved, error) {
	v, err := audit.ReadVerifier(pub)
	if err != nil {
		return audit.Proved{}, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return audit.Proved{}, fmt.Errorf("read the proof: %w", err)
	}
	p, err := audit.DecodeProof(b)
	if err != nil {
		return audit.Proved{}, err
	}
	return p.Check(v)
}

// CheckAuditExport verifies an export with the public key alone.
func CheckAuditExport(file, pub string) (audit.ExportReport, error) {
	v, err := audit.ReadVerifier(pub)
	if err != nil {
		return audit.ExportReport{}, err
	}
	return checkExport(file, v)
}

func checkExport(file string, v note.Verifier) (_ audit.ExportReport, err error) {
	f, err := os.Open(file)
	if err != nil {
		return audit.ExportReport{}, fmt.Errorf("read the export: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return audit.VerifyExport(f, v, nil)
}
