package witness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// Path is where a server takes heads; the log's name follows.
const Path = "/v1/witness/"

// maxBody bounds a request and an answer. A proof of a log of any size has fewer
// than 128 hashes.
const maxBody = 32 << 10

// Message hands a head over.
type Message struct {
	Head string `json:"head"` // signed note
	// OldSize and OldRoot are of the head that the witness is known to hold, as the
	// sender's log has it; Proof leads from there. 0: the witness holds none.
	OldSize int64       `json:"old_size"`
	OldRoot tlog.Hash   `json:"old_root"`
	Proof   []tlog.Hash `json:"proof"`
}

// State is what a witness makes of a head.
type State string

// The states.
const (
	Taken  State = "taken"  // remembered
	Known  State = "known"  // seen before
	Behind State = "behind" // the proof does not begin at the newest head that was seen
	Forked State = "forked" // it contradicts a head that was seen
)

// Answer is what a witness says. Head is the newest head that it holds; of a fork,
// the one that is contradicted.
type Answer struct {
	State State  `json:"state"`
	Head  string `json:"head"`
}

// Log is the log that is sent; *sqlstore.Store has it.
type Log interface {
	NewestCheckpoint(ctx context.Context) (audit.Checkpoint, bool, error)
	RootAt(ctx context.Context, size int64) (tlog.Hash, error)
	AuditHashes(ctx context.Context) tlog.HashReader
}

// ErrDisagrees says that a place holds a signed head that the log does not lead to.
var ErrDisagrees = errors.New("witness: a place holds a head that this log does not lead to: the log was cut or rewritten, or another database stands in its place; run zhanggui audit verify, and keep what the place holds")

// leads tells whether the log leads to a head that a place holds.
func leads(ctx context.Context, l Log, held audit.Checkpoint) error {
	newest, _, err := l.NewestCheckpoint(ctx)
	if err != nil {
		return err
	}
	if held.Size > newest.Size {
		return fmt.Errorf("%w (the place holds %d entries, the log's newest head counts %d)", ErrDisagrees, held.Size, newest.Size)
	}
	root, err := l.RootAt(ctx, held.Size)
	if err != nil {
		return err
	}
	if root != held.Root {
		return fmt.Errorf("%w (at %d entries)", ErrDisagrees, held.Size)
	}
	return nil
}

// message makes what is sent to a place that holds the head of old entries.
func message(ctx context.Context, l Log, old int64, head audit.Checkpoint) (m Message, err error) {
	m = Message{Head: string(head.SignedNote), OldSize: old, Proof: []tlog.Hash{}}
	if old == 0 {
		return m, nil
	}
	if m.OldRoot, err = l.RootAt(ctx, old); err != nil || old >= head.Size {
		return m, err
	}
	m.Proof, err = tlog.ProveTree(head.Size, old, l.AuditHashes(ctx))
	return m, err
}

// decodeStrict reads one JSON value with the fields of v and nothing after it.
func decodeStrict[T any](b []byte) (v T, err error) {
	var extra json.RawMessage
	d := newDecoder(b)
	if err := d.Decode(&v); err != nil {
		return v, err
	}
	if d.Decode(&extra) == nil {
		return v, errors.New("something follows the value")
	}
	return v, nil
}
