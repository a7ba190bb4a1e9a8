package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// State gives what the database says beside its log: the head row as it is, and
// what every grant keeps. Digests are computed from the tokens; the column of
// that name is not believed.
func (l *Log) State(ctx context.Context) (audit.State, error) {
	var s audit.State
	var err error
	if s.Grants, err = l.kept(ctx); err != nil {
		return s, err
	}
	switch head, err := l.q.AuditHead(ctx); {
	case errors.Is(err, sql.ErrNoRows):
		_, root, err := readHead(ctx, l.q)
		s.Root = root[:]
		return s, err
	case err != nil:
		return audit.State{}, l.fail("read audit head", err)
	default:
		s.Size, s.Root = head.Size, head.Root
		return s, nil
	}
}

func (l *Log) kept(ctx context.Context) ([]audit.Kept, error) {
	var all []audit.Kept
	for last := ""; ; {
		page, err := keptPage(ctx, l.q, last, keptPageSize)
		if err != nil {
			return nil, l.fail("read grants", err)
		}
		all = append(all, page...)
		if len(page) < keptPageSize {
			return all, nil
		}
		last = page[len(page)-1].Grant
	}
}

const keptPageSize = 1000

// keptPage gives what at most limit grants keep that follow the one with the id
// last, in the database's order of ids. An empty id begins; nobody here gives one
// to a grant, and a row that has it is in the first page.
func keptPage(ctx context.Context, q *sqlgen.Queries, last string, limit int) ([]audit.Kept, error) {
	rows, err := q.KeptGrants(ctx, sqlgen.KeptGrantsParams{First: last, MaxRows: rowLimit(limit + 1)})
	if err != nil {
		return nil, err
	}
	if last != "" && len(rows) > 0 && rows[0].ID == last {
		rows = rows[1:]
	}
	out := make([]audit.Kept, min(limit, len(rows)))
	for i := range out {
		out[i] = keptBy(rows[i])
	}
	return out, nil
}

func keptBy(r sqlgen.KeptGrantsRow) audit.Kept {
	k := audit.Kept{Grant: r.ID, Generation: r.Generation, Digest: audit.NoTokens, Revoked: grant.State(r.State) == grant.Revoked}
	tokens := toTokens(sqlgen.Grant{
		Generation: r.Generation, Access: r.Access, AccessExpires: r.AccessExpires,
		Refresh: r.Refresh, RefreshIssued: r.RefreshIssued, RefreshExpires: r.RefreshExpires,
	})
	if hasTokens(tokens) {
		k.Digest = tokens.Digest()
	}
	return k
}

// CheckGrants compares every grant with the newest audit entry about it, on one
// state of the database, and gives those that disagree. It reads the whole log
// once.
func (s *Store) CheckGrants(ctx context.Context) ([]audit.Disagreement, error) {
	var found []audit.Disagreement
	err := s.view(ctx, "check grants", func(q *sqlgen.Queries) error {
		l := &Log{q: q, dialect: s.dialect}
		var said audit.Grants
		for r, err := range l.AuditRecords(ctx) {
			if err != nil {
				return err
			}
			said.Read(r)
		}
		rows, err := l.kept(ctx)
		found = said.Compare(rows)
		return err
	})
	return found, err
}

// EndPutBack revokes grants that [Store.CheckGrants] found, whatever their rows
// say, and records that one is gone. Each has an entry and a notice. The
// generation goes on from the higher of row and log, so that no number names two
// pairs.
func (s *Store) EndPutBack(ctx context.Context, at time.Time, found ...audit.Disagreement) error {
	return s.write(ctx, "end grants that were put back", func(t *tx) error {
		for _, d := range found {
			if err := t.endPutBack(ctx, at, d); err != nil {
				return fmt.Errorf("grant %s: %w", d.Grant(), err)
			}
		}
		return nil
	})
}

func (t *tx) endPutBack(ctx context.Context, at time.Time, d audit.Disagreement) error {
	row, err := t.Grant(ctx, d.Grant())
	found, err := exists(row, err)
	if err != nil {
		return err
	}
	if found && endedAlready(row, d) {
		return nil
	}
	entry := audit.Entry{At: at, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.disagrees", Subject: "grant:" + d.Grant(),
		Outcome: audit.Refused, Reason: string(d.Kind), Details: disagreement(d)}
	t.record(entry)
	e := grant.Effects{At: at}
	if !found {
		t.recordReason(e, d.Grant(), grant.Tokens{Generation: d.Said.Generation}, audit.GrantRemoved)
	} else if err := t.endRow(ctx, row, d, e); err != nil {
		return err
	}
	return t.notify(ctx, notice.Notice{At: at, Kind: notice.AuditBroken, Subject: "grant:" + d.Grant(), Details: entry.Details})
}

// endedAlready tells whether a row was ended for it before: by another replica
// that looked at the same time, or because no entry can name its id.
func endedAlready(row sqlgen.Grant, d audit.Disagreement) bool {
	if grant.State(row.State) != grant.Revoked || row.Cause != audit.GrantRowPutBack || d.Row == nil {
		return false
	}
	return row.Generation > max(d.Row.Generation, d.Said.Generation) || d.Kind == audit.GrantUnknown && !hasTokens(toTokens(row))
}

// endRow revokes a row after raising its generation to the one that the log
// knows.
func (t *tx) endRow(ctx context.Context, row sqlgen.Grant, d audit.Disagreement, e grant.Effects) error {
	last := grant.Tokens{Generation: max(row.Generation, d.Said.Generation)}
	if err := t.writeTokens(ctx, row.ID, last); err != nil {
		return err
	}
	err := t.RevokeGrant(ctx, sqlgen.RevokeGrantParams{ID: row.ID, State: string(grant.Revoked), Cause: audit.GrantRowPutBack, UpdatedAt: millis(e.At)})
	last.Generation++
	t.recordReason(e, row.ID, last, audit.GrantRowPutBack)
	return err
}

// disagreement is what an entry and a notice say of one.
func disagreement(d audit.Disagreement) map[string]string {
	m := map[string]string{"cause": audit.GrantRowPutBack, "kind": string(d.Kind), "said": d.Said.String()}
	if d.Row != nil {
		m["row"] = d.Row.String()
	}
	if d.Seq >= 0 {
		m["entry"] = fmt.Sprint(d.Seq)
	}
	return m
}
