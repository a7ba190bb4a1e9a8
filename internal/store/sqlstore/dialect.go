package sqlstore

import (
	"context"
	"database/sql"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// Dialect is what differs between databases.
type Dialect interface {
	Turns
	Leases
	Hearing
	Moving
	Tree
	Errors
}

// Turns is how transactions keep out of each other's way.
type Turns interface {
	// Begin is the first step of a write transaction and waits for its turn. One
	// that is not shared runs alone. Shared ones may run beside each other, but
	// never beside one that is not.
	Begin(ctx context.Context, t Tx, shared bool) error
	// Snapshot is the isolation in which every read of a transaction sees the
	// same state.
	Snapshot() sql.IsolationLevel
}

// Leases is how grants are leased and leases end. Whatever these lock stays
// locked until the transaction ends.
type Leases interface {
	// ClaimDue takes the next term of at most r.Limit grants that can be claimed
	// now, the longest due first, and gives the rows in any order. Rows that
	// another transaction is claiming are left out.
	ClaimDue(ctx context.Context, t Tx, r grant.ClaimRequest) ([]sqlgen.Grant, error)
	// Claim takes the next term of one grant, or gives [sql.ErrNoRows] when it
	// cannot be claimed now.
	Claim(ctx context.Context, t Tx, id string, r grant.ClaimRequest) (sqlgen.Grant, error)
	// Lock reads the grants with these ids and locks their rows in that order.
	// Ids of none are left out.
	Lock(ctx context.Context, t Tx, ids []string) ([]sqlgen.Grant, error)
	// Apps reads the applications with these ids, in any order. Ids of none are
	// left out.
	Apps(ctx context.Context, t Tx, ids []string) ([]sqlgen.App, error)
	// Settle writes rows that Lock gave, with everything in them that a settle
	// may change.
	Settle(ctx context.Context, t Tx, rows []sqlgen.Grant) error
}

// Hearing is how pushes and events are written, of which there are many.
type Hearing interface {
	// SeePushes writes down those pushes that were not before, and gives them: of
	// those that are the same among rows, one.
	SeePushes(ctx context.Context, t Tx, rows []sqlgen.Push) ([]sqlgen.Push, error)
	// AddEvents writes rows that have their ids.
	AddEvents(ctx context.Context, t Tx, rows []sqlgen.Event) error
}

// Moving is how accounts of a platform are read and written that come in numbers.
type Moving interface {
	// Accounts reads the rows with these keys, and the tenants of the shops among
	// them.
	Accounts(ctx context.Context, t Tx, k AccountKeys) (AccountRows, error)
	// PutAccounts writes whole rows, in place of those with the same keys.
	PutAccounts(ctx context.Context, t Tx, rows AccountRows) error
}

// LogPart is what one transaction adds to the audit log, and the head after it.
type LogPart struct {
	Size   int64 // of the log before
	Leaves [][]byte
	Hashes []tlog.Hash // from the stored index of the first leaf on
	Root   tlog.Hash
}

// Tree is how the audit log grows.
type Tree interface {
	// LockHead waits until no other transaction is adding to the log. What is
	// read after it is the log's end.
	LockHead(ctx context.Context, t Tx) error
	// AppendLog writes entries, hashes and the head.
	AppendLog(ctx context.Context, t Tx, p LogPart) error
}

// Errors is what the errors of a driver mean.
type Errors interface {
	// Explain adds to an error what to do about it, and makes an outage.Error of
	// one that says that the database does not answer. An error that it does not
	// know comes back as it is.
	Explain(err error) error
	// RolledBack tells whether the database undid a transaction because of
	// another one, so that it may be begun again.
	RolledBack(err error) bool
}
