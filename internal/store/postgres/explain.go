package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/zhanggui/zhanggui/internal/outage"
)

// Codes of errors, from the PostgreSQL documentation, appendix A.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	readOnlyTransaction  = "25006"
)

// remedies by SQLSTATE.
var remedies = map[string]string{
	"28P01":             "the password is wrong, or the user is unknown; check the database's URL",
	"28000":             "the server does not let this user in from here; check the user in the database's URL, and pg_hba.conf",
	"3D000":             "there is no such database; make it with CREATE DATABASE, or check the name in the URL",
	"3F000":             "there is no such schema; make it, or check the user's search_path",
	"42501":             "the user lacks rights; give it GRANT ALL ON SCHEMA public and ownership of the tables",
	readOnlyTransaction: "this is a standby, or the server takes no writes; name the primary, or all hosts in the URL so that the primary is found",
	"53100":             "the server's disk is full and nothing was written; free some space there",
	"53200":             "the server is out of memory; give it more, or fewer connections",
	"53300":             "the server has no connection left; raise max_connections, or put a pooler in front",
	"57P01":             "the server is shutting down or was told to end the connection; it works again when the server is back",
	"57P03":             "the server is starting up or shutting down; try again in a moment",
	"58030":             "the server's disk failed; check it and the server's log",
	"XX001":             "the database is damaged; keep its files aside and restore a backup",
	"XX002":             "an index of the database is damaged; run REINDEX, and check the disk",
	"25P03":             "the server let go of a transaction that was idle for too long; this process was paused, or the network was",
	"42704":             "the server does not know a setting; remove parameters from the URL that it does not know",
	pooler:              "the pooler or the server refused the connection's settings; remove parameters from the URL that it does not know",
	"42P01":             "a table is missing; somebody changed the database by hand: restore a backup",
}

func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// poolerAlone is what a pooler says whose way to the server is shut. PgBouncer
// gives the same code to all of its own errors, so its words decide.
var poolerAlone = []string{
	"server_login_retry", "query_wait_timeout", "server login failed", "server conn crashed",
	"connect failed", "cannot connect", "server down", "server connection closed", "shutting down", "max_client_conn",
}

const pooler = "08P01"

// poolerIsAlone tells whether a pooler answers in place of a server that is away.
func poolerIsAlone(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == pooler && slices.ContainsFunc(poolerAlone, func(words string) bool { return strings.Contains(e.Message, words) })
}

// kinds by SQLSTATE, of those that are no outage by being [Unreachable] or broken by
// having a remedy.
var kinds = map[string]outage.Kind{
	"25P03":              outage.Away,
	"53100":              outage.Full,
	"53200":              outage.Busy,
	"55P03":              outage.Busy, // a lock was not to be had in time
	"57014":              outage.Busy, // told to give up: statement_timeout, or an operator
	serializationFailure: outage.Busy,
	deadlockDetected:     outage.Busy,
}

// kindOf tells which outage an error is; empty when it is none.
func kindOf(err error) outage.Kind {
	state := sqlState(err)
	switch kind, known := kinds[state]; {
	case errors.Is(err, context.Canceled):
		return "" // whoever asked went away
	case known:
		return kind
	case Unreachable(err):
		return outage.Away
	case remedies[state] != "":
		return outage.Broken
	}
	return ""
}

// explain adds to an error what to do about it, and says whether it is an outage.
func explain(err error) error {
	said := remedied(err)
	if kind := kindOf(err); kind != "" {
		return &outage.Error{Kind: kind, Err: said}
	}
	return said
}

func remedied(err error) error {
	if err == nil {
		return nil
	}
	if poolerIsAlone(err) {
		return fmt.Errorf("the pooler answers, and does not reach the server; start the server, or check where the pooler looks for it: %w", err)
	}
	if remedy, ok := remedies[sqlState(err)]; ok {
		return fmt.Errorf("%s: %w", remedy, err)
	}
	if remedy := onTheWay(err); remedy != "" {
		return fmt.Errorf("%s: %w", remedy, err)
	}
	return err
}

// onTheWay says what stood between us and the server.
func onTheWay(err error) string {
	connecting := isA[*pgconn.ConnectError](err)
	switch {
	case isA[*net.DNSError](err):
		return "the server's name is not known; check the host in the database's URL"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT) && connecting:
		return "no server answers there; start it, or check host and port in the database's URL"
	case connecting && isTimeout(err):
		return "the server does not answer; check host and port in the database's URL, and what stands in between"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection to the server was lost; it works again when the server is back"
	case connecting && readOnlyConnection(err):
		return remedies[readOnlyTransaction]
	}
	return ""
}

// Unreachable tells whether an error says that no server that takes writes could
// be reached, or that it was lost on the way: trouble that waiting may end. What
// a server answers to a question is not such trouble.
func Unreachable(err error) bool {
	switch sqlState(err) {
	case "57P01", "57P02", "57P03", "53300", readOnlyTransaction:
		return true
	case pooler:
		return poolerIsAlone(err)
	case "":
	default:
		return false
	}
	return onTheWay(err) != "" || isA[*net.OpError](err) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, context.DeadlineExceeded)
}

func isA[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// readOnlyConnection knows what the check of a new connection says of a standby.
// It is no type of its own, and wrapped in a text.
func readOnlyConnection(err error) bool { return strings.Contains(err.Error(), "read only connection") }
