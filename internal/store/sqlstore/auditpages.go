package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

const (
	// aheadEntries and aheadHashes are the rows of one page when the whole log is
	// read. An entry is large, and two hashes belong to each.
	aheadEntries = 4096
	aheadHashes  = 16384
	// aheadPages is how many pages wait for their reader.
	aheadPages = 4
)

// Ahead reads the whole log while its caller computes: entries and hashes each in a
// goroutine, over a connection of their own. Its methods are for one goroutine. Make
// it with [Log.ReadAhead].
type Ahead struct {
	l     *Log
	ctx   context.Context
	stop  context.CancelFunc
	end   int64   // index after the last stored hash that belongs to the entries
	read  *sql.Tx // of the hashes
	pages <-chan hashRun
	page  hashRun
	turn  sync.Mutex // of the snapshot's connection, which takes one query at a time
	// last is asked for what lies beyond end, or behind the reader.
	last func(idx int64) (tlog.Hash, bool, error)
}

// hashRun is a page of stored hashes from an index on.
type hashRun struct {
	from   int64
	hashes []tlog.Hash
	holes  map[int64]bool // indexes that are not there, in a damaged log
	err    error
}

func (r hashRun) to() int64 { return r.from + int64(len(r.hashes)) }

// ReadAhead begins to read the log, which must be a snapshot. [Ahead.Records] and
// [Ahead.StoredHash] are what [audit.VerifyInput] asks for; [Ahead.Stop] must be
// called after the last use of both, and before [Log.Close]. The hashes come from a second, younger snapshot: hashes are
// never changed and never deleted, and those of younger entries are left out.
func (l *Log) ReadAhead(ctx context.Context) (*Ahead, error) {
	last, err := l.q.LastAuditEntry(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		last, err = -1, nil
	}
	if err != nil {
		return nil, l.fail("read the end of the audit log", err)
	}
	if last < -1 || last > math.MaxInt64/4 {
		return nil, l.fail("read the end of the audit log", fmt.Errorf("an entry has the number %d; somebody changed the database by hand: restore it from a backup", last))
	}
	tx, err := l.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: l.dialect.Snapshot()})
	if err != nil {
		return nil, l.fail("read audit hashes", err)
	}
	a := &Ahead{l: l, read: tx, end: tlog.StoredHashCount(last + 1), last: l.StoredHash(ctx)}
	a.ctx, a.stop = context.WithCancel(ctx)
	a.pages = a.fetchHashes()
	return a, nil
}

// Stop ends the reading.
func (a *Ahead) Stop() error {
	a.stop()
	for range a.pages { // until the reader has seen that it ended
	}
	return a.read.Rollback()
}

// send gives v to whoever reads, unless the reading ended.
func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

func (a *Ahead) fetchHashes() <-chan hashRun {
	out := make(chan hashRun, aheadPages)
	go func() {
		defer close(out)
		for from := int64(0); from < a.end; {
			run := a.l.hashRun(a.ctx, a.read, from, min(from+aheadHashes, a.end))
			if !send(a.ctx, out, run) || run.err != nil {
				return
			}
			from = run.to()
		}
	}()
	return out
}

// hashRun reads the stored hashes with the indexes from to to-1.
func (l *Log) hashRun(ctx context.Context, db sqlgen.DBTX, from, to int64) hashRun {
	run := hashRun{from: from, hashes: make([]tlog.Hash, to-from)}
	seen := int64(0)
	run.err = func() error {
		rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT idx, hash FROM audit_hashes WHERE idx >= %d AND idx < %d ORDER BY idx", from, to))
		if err != nil {
			return err
		}
		defer rows.Close()
		there := make([]bool, to-from)
		for rows.Next() {
			var idx int64
			var b sql.RawBytes
			if err := rows.Scan(&idx, &b); err != nil {
				return err
			}
			if run.hashes[idx-from], err = toHash(b); err != nil {
				return fmt.Errorf("audit hash %d: %w", idx, err)
			}
			there[idx-from] = true
			seen++
		}
		if seen < to-from {
			run.note(there)
		}
		return rows.Err()
	}()
	if run.err != nil {
		run.err = l.fail("read audit hashes", run.err)
	}
	return run
}

// note remembers which hashes are not there.
func (r *hashRun) note(there []bool) {
	r.holes = map[int64]bool{}
	for i, ok := range there {
		if !ok {
			r.holes[r.from+int64(i)] = true
		}
	}
}

// StoredHash gives a stored hash, false when there is none. It is for one
// goroutine, which asks in increasing order.
func (a *Ahead) StoredHash(idx int64) (tlog.Hash, bool, error) {
	if idx >= a.end || idx < a.page.from {
		a.turn.Lock()
		defer a.turn.Unlock()
		return a.last(idx)
	}
	for idx >= a.page.to() {
		next, ok := <-a.pages
		if !ok {
			return tlog.Hash{}, false, context.Cause(a.ctx)
		}
		if next.err != nil {
			return tlog.Hash{}, false, next.err
		}
		a.page = next
	}
	return a.page.hashes[idx-a.page.from], !a.page.holes[idx], nil
}

type entryRun struct {
	records []audit.Record
	err     error
}

// Records yields the whole log in order; it is an iter.Seq2.
func (a *Ahead) Records(yield func(audit.Record, error) bool) {
	ctx, stop := context.WithCancel(a.ctx)
	pages := a.fetchEntries(ctx)
	defer func() {
		stop()
		for range pages { // until the reader has seen that it ended
		}
	}()
	for page := range pages {
		if page.err != nil {
			yield(audit.Record{}, page.err)
			return
		}
		for _, r := range page.records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (a *Ahead) fetchEntries(ctx context.Context) <-chan entryRun {
	out := make(chan entryRun, aheadPages)
	go func() {
		defer close(out)
		for after := int64(-1); ; {
			a.turn.Lock()
			records, err := a.l.entryRun(ctx, after)
			a.turn.Unlock()
			if !send(ctx, out, entryRun{records, err}) || err != nil || len(records) < aheadEntries {
				return
			}
			after = records[len(records)-1].Seq
		}
	}()
	return out
}

// entryRun reads a page of entries into one block of memory.
func (l *Log) entryRun(ctx context.Context, after int64) ([]audit.Record, error) {
	rows, err := l.from.QueryContext(ctx, fmt.Sprintf("SELECT seq, data, leaf FROM audit_entries WHERE seq > %d ORDER BY seq LIMIT %d", after, aheadEntries))
	if err != nil {
		return nil, l.fail("read audit entries", err)
	}
	defer rows.Close()
	out := make([]audit.Record, 0, aheadEntries)
	block := make([]byte, 0, aheadEntries*256)
	for rows.Next() {
		var r audit.Record
		var data, leaf sql.RawBytes
		if err := rows.Scan(&r.Seq, &data, &leaf); err != nil {
			return nil, l.fail("read audit entries", err)
		}
		if r.Leaf, err = toHash(leaf); err != nil {
			return nil, l.fail(fmt.Sprintf("read audit entry %d", r.Seq), err)
		}
		if len(block)+len(data) > cap(block) {
			block = make([]byte, 0, max(cap(block), len(data)))
		}
		at := len(block)
		block = append(block, data...)
		r.Data = block[at:len(block):len(block)]
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, l.fail("read audit entries", err)
	}
	return out, nil
}
