package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Advisory locks of the database: "zgui" and a number.
const (
	writeLock     = applicationID<<8 + 1 // alone for ordinary transitions, shared by claims and settles
	migrationLock = applicationID<<8 + 2 // who migrates
)

// databaseClock is the present in milliseconds. It moves on within a statement,
// so that a claim which waited for a row does not lease it by an older time.
const databaseClock = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

// dialect is what PostgreSQL says in words of its own.
type dialect struct {
	clock func(asked time.Time) string // see Options
}

// now gives the SQL of the present.
func (d dialect) now(asked time.Time) string {
	if d.clock != nil {
		return d.clock(asked)
	}
	return databaseClock
}

// idleLimit is how long the server waits for the next statement of a write
// transaction. A replica that is paused or cut off in the middle of one would
// otherwise keep every other from writing for as long as its connection lives.
// The server rolls back what it had begun; its commit fails.
const idleLimit = 3 * time.Second

// beginSQL bounds a transaction for itself alone, nothing is left to the session,
// and takes the lock that ordinary transitions do not share.
const beginSQL = "SELECT set_config('idle_in_transaction_session_timeout', $2, true), pg_advisory_xact_lock($1)"

// beginSharedSQL is beginSQL for claims and settles. They read few rows, by an
// index and in its order. A planner whose statistics are old or missing, as they
// are after a restore, would rather read and sort all that is due for each claim,
// and that is everything after an outage; so it has no other way.
const beginSharedSQL = `SELECT set_config('idle_in_transaction_session_timeout', $2, true), pg_advisory_xact_lock_shared($1),
	set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`

// Begin is one statement.
func (dialect) Begin(ctx context.Context, t sqlstore.Tx, shared bool) error {
	begin := beginSQL
	if shared {
		begin = beginSharedSQL
	}
	_, err := t.SQL.ExecContext(ctx, begin, int64(writeLock), fmt.Sprint(idleLimit.Milliseconds()))
	return err
}

// Snapshot is the level at which a transaction reads one state.
func (dialect) Snapshot() sql.IsolationLevel { return sql.LevelRepeatableRead }

// claimable is the condition of a row that can be claimed at the time %[1]s.
const claimable = `(state IN ('active', 'stopped') OR kills > 0) AND (lease_term = settled_term OR lease_until <= %[1]s)`

// claimDueSQL claims in one statement. The time is read once, in a part of its
// own: a condition on the index must not change from row to row.
func claimDueSQL(now string) string {
	return fmt.Sprintf(`
		WITH clock AS MATERIALIZED (SELECT %[2]s AS now),
		due AS MATERIALIZED (
			SELECT id FROM grants
			WHERE due_at > 0 AND due_at <= (SELECT now FROM clock) AND `+claimable+`
			ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
		UPDATE grants SET lease_owner = $2, lease_term = lease_term + 1,
			lease_until = %[1]s + $3, updated_at = %[1]s
		WHERE id IN (SELECT id FROM due)
		RETURNING `+grantColumns, "(SELECT now FROM clock)", now)
}

// ClaimDue passes over rows that somebody else is claiming or settling.
func (d dialect) ClaimDue(ctx context.Context, t sqlstore.Tx, r grant.ClaimRequest) ([]sqlgen.Grant, error) {
	return queryGrants(ctx, t.SQL, claimDueSQL(d.now(r.Now)), max(0, r.Limit), r.Owner, r.For.Milliseconds())
}

// Claim waits for a claim or settle of the same grant that is running, and looks
// at what that left.
func (d dialect) Claim(ctx context.Context, t sqlstore.Tx, id string, r grant.ClaimRequest) (sqlgen.Grant, error) {
	query := fmt.Sprintf(`
		UPDATE grants SET lease_owner = $2, lease_term = lease_term + 1,
			lease_until = %[1]s + $3, updated_at = %[1]s
		WHERE id = $1 AND `+claimable+`
		RETURNING `+grantColumns, d.now(r.Now))
	rows, err := queryGrants(ctx, t.SQL, query, id, r.Owner, r.For.Milliseconds())
	if err == nil && len(rows) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return sqlgen.Grant{}, err
	}
	return rows[0], nil
}

// Lock locks rows in the order of their ids, as everybody does.
func (dialect) Lock(ctx context.Context, t sqlstore.Tx, ids []string) ([]sqlgen.Grant, error) {
	return queryGrants(ctx, t.SQL, "SELECT "+grantColumns+" FROM grants WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids)
}

// Explain adds what to do to errors of PostgreSQL and of the way to it, and says
// which are outages.
func (dialect) Explain(err error) error { return explain(err) }

// RolledBack knows the two ways in which one transaction ends another.
func (dialect) RolledBack(err error) bool {
	code := sqlState(err)
	return code == serializationFailure || code == deadlockDetected
}
