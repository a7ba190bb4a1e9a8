package feed

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// Log is the audit log of the shared store.
type Log interface {
	// AuditHead gives the number of entries.
	AuditHead(ctx context.Context) (size int64, root [32]byte, err error)
	// AuditEntries gives at most limit entries behind the one at after, in order.
	AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Record, error)
}

// Listener takes what the feed brings. Its methods are called by one goroutine,
// the one of [Feed.Run].
type Listener interface {
	// Changed takes a change. After an error the same change comes again.
	Changed(ctx context.Context, c Change) error
	// Current says that everything that was committed before at was told.
	Current(ctx context.Context, at time.Time)
	// Lost says that the store could not be read, with every try that fails.
	Lost(ctx context.Context, err error)
}

// Options are what a feed is made of. Log and Listener must be set.
type Options struct {
	Log      Log
	Listener Listener
	Now      func() time.Time // default time.Now
	Logger   *slog.Logger     // default discards
	Every    time.Duration    // how often the log is read without a wake; default 400 ms
	Timeout  time.Duration    // bounds one reading of the log; default 2 s
	Page     int              // entries in one change; default 500
	// From is where to begin. Nil begins at the end of the log as it is at the
	// first poll: right for a process that knows nothing yet.
	From *Position
}

// Feed follows the log. Make it with [New].
type Feed struct {
	o    Options
	wake chan struct{}

	mu      sync.Mutex
	at      *Position // nil: not begun
	current time.Time // everything before was told; zero: nothing was
}

// New makes a feed. It panics when a part is missing: that is a mistake in the
// program, not in its use.
func New(o Options) *Feed {
	if o.Log == nil || o.Listener == nil {
		panic("feed: Log and Listener must be set")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Every = cmp.Or(o.Every, 400*time.Millisecond)
	o.Timeout = cmp.Or(o.Timeout, 2*time.Second)
	o.Page = cmp.Or(o.Page, 500)
	return &Feed{o: o, wake: make(chan struct{}, 1), at: o.From}
}

// Wake has the log read at once. It never blocks and may be called from any
// goroutine.
func (f *Feed) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Lag is how old the newest complete view of the log is; ok is false before the
// first one.
func (f *Feed) Lag() (lag time.Duration, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current.IsZero() {
		return 0, false
	}
	return max(0, f.o.Now().Sub(f.current)), true
}

// Run follows the log until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	tick := time.NewTicker(f.o.Every)
	defer tick.Stop()
	for {
		f.Poll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-f.wake:
		}
	}
}

// Poll reads the log to its end once and tells the listener. [Feed.Run] does it
// over and over; call it directly only before Run.
func (f *Feed) Poll(ctx context.Context) {
	for {
		began := f.o.Now()
		more, err := f.page(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.o.Listener.Lost(ctx, err)
			return
		case !more:
			f.mu.Lock()
			f.current = began
			f.mu.Unlock()
			f.o.Listener.Current(ctx, began)
			return
		}
	}
}

// page takes the next entries and reports whether there may be more.
func (f *Feed) page(ctx context.Context) (more bool, err error) {
	from := f.position()
	if from == nil {
		return true, f.begin(ctx)
	}
	records, err := f.read(ctx, *from)
	if errors.Is(err, errOther) {
		f.o.Logger.WarnContext(ctx, "the audit log is not the one that was followed; everything that was known is read anew", "entry", from.Seq)
		return true, f.begin(ctx)
	}
	if err != nil || len(records) == 0 {
		return false, err
	}
	g := newGather()
	for _, r := range records {
		g.read(r)
	}
	last := records[len(records)-1]
	c := g.change(Position{Seq: last.Seq, Leaf: last.Leaf})
	if err := f.tell(ctx, c); err != nil {
		return false, err
	}
	return len(records) == f.o.Page, nil
}

func (f *Feed) tell(ctx context.Context, c Change) error {
	if err := f.o.Listener.Changed(ctx, c); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = &c.To
	return nil
}

func (f *Feed) position() *Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

// begin starts at the end of the log. Nothing that the listener knew counts.
func (f *Feed) begin(ctx context.Context) error {
	end, err := f.end(ctx)
	if err != nil {
		return err
	}
	return f.tell(ctx, Change{To: end, All: true})
}

// end gives the position of the last entry.
func (f *Feed) end(ctx context.Context) (Position, error) {
	ctx, cancel := context.WithTimeout(ctx, f.o.Timeout)
	defer cancel()
	size, _, err := f.o.Log.AuditHead(ctx)
	if err != nil || size == 0 {
		return None, err
	}
	records, err := f.o.Log.AuditEntries(ctx, size-2, 1)
	if err != nil {
		return None, err
	}
	if len(records) == 0 {
		return None, errOther // cut short since the head was read
	}
	return Position{Seq: records[0].Seq, Leaf: records[0].Leaf}, nil
}

var errOther = errors.New("the log does not go on from the entry that was read last; it is read anew with the next poll")

// read gives the entries behind from, after a look at from itself.
func (f *Feed) read(ctx context.Context, from Position) ([]audit.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, f.o.Timeout)
	defer cancel()
	if from.Seq < 0 {
		return f.o.Log.AuditEntries(ctx, -1, f.o.Page)
	}
	records, err := f.o.Log.AuditEntries(ctx, from.Seq-1, f.o.Page+1)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 || records[0].Seq != from.Seq || records[0].Leaf != from.Leaf {
		return nil, errOther
	}
	return records[1:], nil
}
