package retain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Least is the shortest time that entries stay in the database.
const Least = 180 * 24 * time.Hour

// Store is what archiving needs of a store; *sqlstore.Store has it.
type Store interface {
	PrunedTo(ctx context.Context) (int64, error)
	CheckpointBefore(ctx context.Context, before time.Time, most int64) (audit.Checkpoint, bool, error)
	CheckpointsAfter(ctx context.Context, size int64, limit int) ([]audit.Checkpoint, error)
	AuditRecordsFrom(ctx context.Context, first int64) iter.Seq2[audit.Record, error]
	AuditHashes(ctx context.Context) tlog.HashReader
	Prune(ctx context.Context, p audit.Pruning, keep []int64, by audit.Actor) error
	Conditions
}

// Signer signs prunings; *audit.Signer is one.
type Signer interface {
	SignPruning(p audit.Pruning) (audit.Pruning, error)
	Verifier() note.Verifier
}

// Options are what an Archiver is made of. All but Log, Stretch and Look must be
// set.
type Options struct {
	Store  Store
	Signer Signer
	Dir    string        // where archives go
	Keep   time.Duration // how long entries stay in the database
	Now    func() time.Time
	Log    *slog.Logger // nil: discards

	Stretch int64 // entries of one archive at most; 0: 20,000
	Look    int   // entries looked at after a stretch for what is needed of it; 0: 200,000
}

const (
	stretch = 20_000
	look    = 200_000
	// every is how often it is looked whether entries are old enough.
	every = 6 * time.Hour
	// retry is how long a failed run waits.
	retry = 10 * time.Minute
)

// condition is what people are told of when entries cannot be archived.
const condition = "audit.archive"

// Archiver moves old entries. Make it with [New]; its methods are for one goroutine.
type Archiver struct{ o Options }

// New makes an archiver.
func New(o Options) *Archiver {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Stretch <= 0 {
		o.Stretch = stretch
	}
	if o.Look <= 0 {
		o.Look = look
	}
	return &Archiver{o}
}

// Run archives what is old enough, now and every six hours, until ctx ends.
func (a *Archiver) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		wait := every
		if err := a.Archive(ctx); err != nil && ctx.Err() == nil {
			a.o.Log.ErrorContext(ctx, "old audit entries were not archived and stay in the database; it is tried again in ten minutes", "error", err)
			wait = retry
		}
		timer.Reset(wait)
	}
}

// Archive archives what is old enough, and has people told when it fails, and when
// it works again.
func (a *Archiver) Archive(ctx context.Context) error {
	var err error
	for more := true; more && err == nil; {
		more, err = a.step(ctx)
	}
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(err, a.tell(ctx, err))
}

func (a *Archiver) tell(ctx context.Context, failed error) error {
	return tell(ctx, a.o.Store, a.o.Now(), failed != nil)
}

// Conditions is how people are told; *sqlstore.Store has it.
type Conditions interface {
	SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, entries ...audit.Entry) (changed bool, err error)
}

// Retire ends what was told of an archive that could not be written, where nothing is
// archived any more: nothing else would end it.
func Retire(ctx context.Context, s Conditions, now time.Time) error {
	return tell(ctx, s, now, false)
}

func tell(ctx context.Context, s Conditions, now time.Time, failed bool) error {
	n := notice.Notice{At: now, Kind: notice.CheckpointUnsent, Subject: "audit:archive", Details: map[string]string{"place": "archive"}}
	if !failed {
		n = notice.OverOf(n, now)
		n.Details["place"] = "archive"
	}
	_, err := s.SetCondition(ctx, condition, failed, n)
	return err
}

// step archives one stretch. more says that there may be another.
func (a *Archiver) step(ctx context.Context) (more bool, err error) {
	from, err := a.o.Store.PrunedTo(ctx)
	if err != nil {
		return false, err
	}
	head, ok, err := a.end(ctx, from)
	if err != nil || !ok {
		return false, err
	}
	if _, err := audit.OpenCheckpoint(head.SignedNote, a.o.Signer.Verifier()); err != nil {
		return false, fmt.Errorf("the head of %d entries in the database is not signed with our key; run zhanggui audit verify: %w", head.Size, err)
	}
	need, err := a.needed(ctx, from, head.Size)
	if err != nil {
		return false, err
	}
	path := filepath.Join(a.o.Dir, fmt.Sprintf("audit-%012d-%012d.jsonl", from, head.Size-1))
	p, err := a.write(ctx, path, from, head)
	if err != nil {
		return false, err
	}
	return a.prune(ctx, p, need, path)
}

// end gives the signed head that a stretch ends with. Where one head follows another
// at more entries than a stretch has, the stretch is longer.
func (a *Archiver) end(ctx context.Context, from int64) (audit.Checkpoint, bool, error) {
	old := a.o.Now().Add(-a.o.Keep)
	head, ok, err := a.o.Store.CheckpointBefore(ctx, old, from+a.o.Stretch)
	if err != nil || ok && head.Size > from {
		return head, ok, err
	}
	next, err := a.o.Store.CheckpointsAfter(ctx, from, 1)
	if err != nil || len(next) == 0 || next[0].At.After(old) {
		return audit.Checkpoint{}, false, err
	}
	return next[0], true, nil
}

// needed finds the entries of a stretch that must stay.
func (a *Archiver) needed(ctx context.Context, from, to int64) ([]int64, error) {
	var n audit.Needed
	looked := 0
	for r, err := range a.o.Store.AuditRecordsFrom(ctx, from) {
		if err != nil {
			return nil, err
		}
		if r.Seq < to {
			n.Read(r)
			continue
		}
		if looked++; looked > a.o.Look || n.Open() == 0 {
			break
		}
		n.Later(r)
	}
	return n.Seqs(), nil
}

// prune deletes the entries of a stretch whose archive is on disk.
func (a *Archiver) prune(ctx context.Context, p audit.Pruning, keep []int64, path string) (more bool, err error) {
	var sum audit.SeqSum
	for _, seq := range keep {
		sum.Add(seq)
	}
	p.At = a.o.Now()
	p.Kept, p.KeptSum = sum.Sum()
	if p, err = a.o.Signer.SignPruning(p); err != nil {
		return false, err
	}
	err = a.o.Store.Prune(ctx, p, keep, audit.Actor{Kind: audit.ActorSystem})
	if errors.Is(err, access.ErrStale) {
		return false, a.lost(ctx, p, path, err)
	}
	if err == nil {
		a.o.Log.InfoContext(ctx, "old audit entries were archived", "from", p.From, "to", p.To-1, "kept", p.Kept, "archive", path)
	}
	return err == nil, err
}

// lost removes the file of a stretch that another server archived meanwhile. When
// none did, the stretch is not what it should be.
func (a *Archiver) lost(ctx context.Context, p audit.Pruning, path string, cause error) error {
	now, err := a.o.Store.PrunedTo(ctx)
	if err != nil {
		return err
	}
	if now == p.From {
		return fmt.Errorf("entries %d to %d are not all there; run zhanggui audit verify: %w", p.From, p.To-1, cause)
	}
	return os.Remove(path)
}
