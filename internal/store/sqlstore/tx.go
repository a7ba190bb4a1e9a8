package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Tx is a write transaction that is running, as a [Dialect] sees it. Only the
// store begins and ends it.
type Tx struct {
	*sqlgen.Queries
	SQL *sql.Tx
}

// tx is a Tx with what the store adds to it.
type tx struct {
	Tx
	dialect Dialect
	entries []audit.Entry // appended to the audit log when the change is made
	events  []grant.Event // written, and given their ids, when the change is made
	opened  int           // shops, which the directory's revision counts when the change is made
	apps    []string      // that were seen to be there
	touched []touch       // those of whom something changes that servers remember
}

// alone makes one of several changes of a transaction so that its refusal undoes it
// alone. err says that the whole transaction cannot go on.
func (t *tx) alone(ctx context.Context, change func() error) (refused, err error) {
	if _, err := t.SQL.ExecContext(ctx, "SAVEPOINT alone"); err != nil {
		return nil, err
	}
	entries, events, opened, touched := len(t.entries), len(t.events), t.opened, len(t.touched)
	refused = change()
	if refused == nil {
		_, err = t.SQL.ExecContext(ctx, "RELEASE SAVEPOINT alone")
		return nil, err
	}
	if ctx.Err() != nil || t.dialect.RolledBack(refused) {
		return nil, refused
	}
	if _, undo := t.SQL.ExecContext(ctx, "ROLLBACK TO SAVEPOINT alone"); undo != nil {
		return nil, errors.Join(refused, undo)
	}
	t.entries, t.events, t.opened, t.touched = t.entries[:entries], t.events[:events], opened, t.touched[:touched]
	return t.dialect.Explain(refused), nil
}

func (t *tx) record(entries ...audit.Entry) { t.entries = append(t.entries, entries...) }

// actor says who the transaction's recorded entries are of, for an entry that
// the store adds to them.
func actor(entries []audit.Entry) audit.Actor {
	if len(entries) == 0 {
		return audit.Actor{Kind: audit.ActorSystem}
	}
	return entries[0].Actor
}

// kept is how an audit entry names what a grant keeps: "generation digest", or
// "generation none".
func kept(k grant.Tokens) string {
	if !hasTokens(k) {
		return fmt.Sprintf("%d %s", k.Generation, audit.NoTokens)
	}
	return fmt.Sprintf("%d %s", k.Generation, k.Digest())
}

// hasTokens tells whether anything is kept that opens to a token. The refresh token
// alone is kept of isv grants that wait for their first access token.
func hasTokens(k grant.Tokens) bool { return len(k.Access) > 0 || len(k.Refresh) > 0 }
