package postgres

import (
	"context"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// settleColumns are what a settle writes, each from an array of its own: one
// statement for any number of rows.
var settleColumns = []struct {
	name, kind string
	of         func([]sqlgen.Grant) any
}{
	{"generation", "bigint", column(func(g sqlgen.Grant) int64 { return g.Generation })},
	{"access", "bytea", column(func(g sqlgen.Grant) []byte { return g.Access })},
	{"access_expires", "bigint", column(func(g sqlgen.Grant) int64 { return g.AccessExpires })},
	{"refresh", "bytea", column(func(g sqlgen.Grant) []byte { return g.Refresh })},
	{"refresh_issued", "bigint", column(func(g sqlgen.Grant) int64 { return g.RefreshIssued })},
	{"refresh_expires", "bigint", column(func(g sqlgen.Grant) int64 { return g.RefreshExpires })},
	{"digest", "text", column(func(g sqlgen.Grant) string { return g.Digest })},
	{"state", "text", column(func(g sqlgen.Grant) string { return g.State })},
	{"cause", "text", column(func(g sqlgen.Grant) string { return g.Cause })},
	{"err_code", "bigint", column(func(g sqlgen.Grant) int64 { return g.ErrCode })},
	{"due_at", "bigint", column(func(g sqlgen.Grant) int64 { return g.DueAt })},
	{"attempt", "bigint", column(func(g sqlgen.Grant) int64 { return g.Attempt })},
	{"proved_at", "bigint", column(func(g sqlgen.Grant) int64 { return g.ProvedAt })},
	{"doubts", "bigint", column(func(g sqlgen.Grant) int64 { return g.Doubts })},
	{"kills", "bigint", column(func(g sqlgen.Grant) int64 { return g.Kills })},
	{"settled_term", "bigint", column(func(g sqlgen.Grant) int64 { return g.SettledTerm })},
	{"updated_at", "bigint", column(func(g sqlgen.Grant) int64 { return g.UpdatedAt })},
	{"settled_at", "bigint", column(func(g sqlgen.Grant) int64 { return g.SettledAt })},
}

func column[T any](of func(sqlgen.Grant) T) func([]sqlgen.Grant) any {
	return func(rows []sqlgen.Grant) any { return each(rows, of) }
}

// settleSQL is made once from the columns.
var settleSQL = func() string {
	set, arrays, names := "", "$1::text[]", "id"
	for i, c := range settleColumns {
		if i > 0 {
			set += ", "
		}
		set += c.name + " = new." + c.name
		arrays += ", $" + strconv.Itoa(i+2) + "::" + c.kind + "[]"
		names += ", " + c.name
	}
	return "UPDATE grants SET " + set + " FROM unnest(" + arrays + ") AS new (" + names + ") WHERE grants.id = new.id"
}()

// Settle writes all rows with one statement.
func (dialect) Settle(ctx context.Context, t sqlstore.Tx, rows []sqlgen.Grant) error {
	if len(rows) == 0 {
		return nil
	}
	args := []any{described, column(func(g sqlgen.Grant) string { return g.ID })(rows)}
	for _, c := range settleColumns {
		args = append(args, c.of(rows))
	}
	_, err := t.SQL.ExecContext(ctx, settleSQL, args...)
	return err
}

// LockHead locks the head row, which is there from the first migration on.
func (dialect) LockHead(ctx context.Context, t sqlstore.Tx) error {
	_, err := t.SQL.ExecContext(ctx, "SELECT FROM audit_head WHERE id = 1 FOR UPDATE")
	return err
}

// Channel is what is notified after every change that the audit log records,
// with the new size of the log.
const Channel = "zhanggui"

const appendSQL = `
	WITH entries AS (
		INSERT INTO audit_entries (seq, data, leaf) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])),
	hashes AS (
		INSERT INTO audit_hashes (idx, hash) SELECT * FROM unnest($4::bigint[], $5::bytea[])),
	head AS (
		INSERT INTO audit_head (id, size, root) VALUES (1, $6, $7)
		ON CONFLICT (id) DO UPDATE SET size = excluded.size, root = excluded.root)
	SELECT pg_notify('` + Channel + `', $8)`

// AppendLog writes everything with one statement. The listeners hear of it when,
// and only if, the transaction commits.
func (dialect) AppendLog(ctx context.Context, t sqlstore.Tx, p sqlstore.LogPart) error {
	seqs, leaves := make([]int64, len(p.Leaves)), make([][]byte, len(p.Leaves))
	for i, data := range p.Leaves {
		leaf := tlog.RecordHash(data)
		seqs[i], leaves[i] = p.Size+int64(i), leaf[:]
	}
	first := tlog.StoredHashIndex(0, p.Size)
	indexes, hashes := make([]int64, len(p.Hashes)), make([][]byte, len(p.Hashes))
	for i, h := range p.Hashes {
		indexes[i], hashes[i] = first+int64(i), h[:]
	}
	size := p.Size + int64(len(p.Leaves))
	_, err := t.SQL.ExecContext(ctx, appendSQL, described, seqs, p.Leaves, leaves, indexes, hashes, size, p.Root[:], strconv.FormatInt(size, 10))
	return err
}
