package standby

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/feed"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Source is the shared store that is copied. Lookups answer
// [access.ErrNotFound] and [grant.ErrNotFound] for what is not there. The After
// methods give at most limit rows behind the id, in one order of ids.
type Source interface {
	Keyset(ctx context.Context) (wrapped []byte, ok bool, err error)
	App(ctx context.Context, id string) (access.App, error)
	Shop(ctx context.Context, id string) (access.Shop, error)
	Client(ctx context.Context, id string) (access.Client, error)
	Grant(ctx context.Context, id string) (grant.Grant, error)
	Clients(ctx context.Context) ([]access.Client, error)
	AppsAfter(ctx context.Context, id string, limit int) ([]access.App, error)
	ShopsAfter(ctx context.Context, id string, limit int) ([]access.Shop, error)
	GrantsAfter(ctx context.Context, id string, limit int) ([]grant.Grant, error)
}

// CopyOptions are what a Copy is made of. File, Source and Database must be set.
type CopyOptions struct {
	File     *File
	Source   Source
	Database string           // names the shared database, the same at every start
	Now      func() time.Time // default time.Now
	Log      *slog.Logger     // default discards
	Page     int              // rows in one page of the first copy; default 500
	// Share is how many times as long as a page took is waited after it, so that
	// copying a million rows, or catching up with as many renewals, leaves room for
	// others; default 4.
	Share int
}

// Copy keeps a File like the shared store. It is a [feed.Listener] whose methods
// only take note; [Copy.Run] does the work.
type Copy struct {
	o    CopyOptions
	wake chan struct{}

	mu    sync.Mutex
	heard heard
	state State // what the file says, or will say with its next write
	saved time.Time
	why   error // the file cannot be written; nil: it can
}

// NewCopy makes a Copy. What the file holds already is gone on with if it is of
// this database, complete and not older than [Grace]; from is then where the feed
// is to begin, else nil.
func NewCopy(ctx context.Context, o CopyOptions) (c *Copy, from *feed.Position, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Page, o.Share = cmp.Or(o.Page, 500), cmp.Or(o.Share, 4)
	c = &Copy{o: o, wake: make(chan struct{}, 1), heard: newHeard()}
	c.state, err = o.File.ReadState(ctx)
	if err == nil {
		err = c.state.trusted(o.Database, o.Now())
	}
	if err == nil && c.state.Complete {
		return c, &c.state.To, nil
	}
	if err != nil && !c.state.Contact.IsZero() {
		o.Log.WarnContext(ctx, "standby.db is filled anew", "error", err)
	}
	c.state = State{Database: o.Database, To: feed.None}
	return c, nil, o.File.empty(ctx, c.state)
}

// heard is what was heard and is not in the file yet.
type heard struct {
	anew    bool            // copy everything again
	urgent  map[row]bool    // rows without values: who may be served may have changed
	renewed map[string]bool // grants that keep newer tokens
	keyset  bool            // read it again
	// withdrawn are rows that were ended here, and that the feed has not told yet.
	withdrawn map[row]bool
	to        feed.Position // all of this was told up to here
	current   time.Time     // everything committed before was told
	pages     []func(context.Context) (bool, error)
}

func newHeard() heard {
	return heard{urgent: map[row]bool{}, withdrawn: map[row]bool{}, renewed: map[string]bool{}, to: feed.None}
}

// Changed implements feed.Listener.
func (c *Copy) Changed(_ context.Context, x feed.Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.heard
	if x.All {
		*t = newHeard()
		t.anew = true
	}
	t.to, t.keyset = x.To, t.keyset || x.Keyset
	for r := range rowsOf(x) {
		t.urgent[r] = true
		delete(t.withdrawn, r) // what is read from now on is newer
	}
	for id := range x.Renewed {
		t.renewed[id] = true
	}
	return nil
}

// Current implements feed.Listener.
func (c *Copy) Current(_ context.Context, at time.Time) {
	c.mu.Lock()
	c.heard.current = at
	c.mu.Unlock()
	c.nudge()
}

// Lost implements feed.Listener.
func (c *Copy) Lost(context.Context, error) {}

func (c *Copy) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// State gives what the file says of itself, and why it cannot be written, if so.
func (c *Copy) State() (State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state, c.why
}

// Run writes what is heard into the file until ctx ends.
func (c *Copy) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		for c.step(ctx) {
		}
	}
}

// step does one piece of work and reports whether there is more to do now. After
// an error it waits for the next poll of the feed, which tells whether the
// database is there again.
func (c *Copy) step(ctx context.Context) (more bool) {
	began := c.o.Now()
	more, paced, err := c.next(ctx)
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, errFile):
		c.broken(ctx, err)
		return false
	case err != nil:
		return false // of the source: whoever reads the log tells of it
	case paced && more:
		return pause(ctx, min(time.Duration(c.o.Share)*c.o.Now().Sub(began), longestPause))
	}
	return more
}

// longestPause keeps changes from waiting for the copy of everything.
const longestPause = 300 * time.Millisecond

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errFile marks errors of the file, as opposed to those of the source.
var errFile = errors.New("standby.db cannot be written")

// broken says once that the file cannot be written. What it holds is not trusted
// from then on; the next poll begins it anew.
func (c *Copy) broken(ctx context.Context, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == nil {
		c.o.Log.ErrorContext(ctx, "standby.db cannot be written and would not serve in an outage; check the disk", "error", err)
	}
	c.why = err
	to, current := c.heard.to, c.heard.current
	c.heard = newHeard()
	c.heard.anew, c.heard.to, c.heard.current = true, to, current
	c.state.Complete, c.state.Contact = false, time.Time{}
}

// next picks what is most pressing.
func (c *Copy) next(ctx context.Context) (more, paced bool, err error) {
	c.mu.Lock()
	t := &c.heard
	switch {
	case t.anew:
		state := State{Database: c.o.Database, To: t.to}
		c.mu.Unlock()
		return true, false, c.anew(ctx, state)
	case len(t.urgent) > 0:
		rows := take(t.urgent, itself)
		c.mu.Unlock()
		return true, false, c.refresh(ctx, rows, c.back)
	case t.keyset:
		t.keyset = false
		c.mu.Unlock()
		return true, false, c.keyset(ctx)
	case t.current.After(c.state.Contact) && c.o.Now().Sub(c.saved) >= saveEvery:
		s := c.stateNow()
		c.mu.Unlock()
		return true, false, c.save(ctx, s)
	case len(t.renewed) > 0:
		rows := take(t.renewed, grantOf)
		behind := len(t.renewed) > 0 // then there is no hurry, and others want the database
		c.mu.Unlock()
		return true, behind, c.refresh(ctx, rows, c.backRenewed)
	case len(t.pages) > 0:
		page := t.pages[0]
		c.mu.Unlock()
		return true, true, c.page(ctx, page)
	}
	c.state = c.stateNow() // in memory; written with the next save
	c.mu.Unlock()
	return false, false, nil
}

// saveEvery is how often the time of the last contact is written without need. A
// start without the database counts [Grace] from what was written.
const saveEvery = 5 * time.Second

// stateNow is what the file may say of itself: who may be served is up to date,
// and up to which entry everything is in it. The caller holds the lock.
func (c *Copy) stateNow() State {
	s := c.state
	if len(c.heard.urgent) == 0 && !c.heard.keyset && c.heard.current.After(s.Contact) {
		s.Contact = c.heard.current
	}
	if len(c.heard.renewed) == 0 && len(c.heard.urgent) == 0 {
		s.To = c.heard.to
	}
	s.Complete = len(c.heard.pages) == 0 && !c.heard.anew
	return s
}

// chunk is how many rows are read and written in one step.
const chunk = 100

// take takes at most a chunk away from a set, each as the row that it stands for.
func take[K comparable](from map[K]bool, as func(K) row) (rows []row) {
	for k := range from {
		if len(rows) == chunk {
			break
		}
		rows = append(rows, as(k))
		delete(from, k)
	}
	return rows
}

func itself(r row) row { return r }

func grantOf(id string) row { return row{kind: kindGrant, id: id} }

func (c *Copy) back(rows []row) {
	for _, r := range rows {
		c.heard.urgent[r] = true
	}
}

func (c *Copy) backRenewed(rows []row) {
	for _, r := range rows {
		c.heard.renewed[r.id] = true
	}
}

// save writes what the file says of itself.
func (c *Copy) save(ctx context.Context, s State) error {
	err := c.write(ctx, func(tx *sql.Tx) error { return c.o.File.putState(ctx, tx, s) })
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.saved = s, c.o.Now()
	return nil
}

func (c *Copy) write(ctx context.Context, change func(*sql.Tx) error) error {
	if err := c.o.File.write(ctx, change); err != nil {
		return errors.Join(errFile, err)
	}
	return nil
}

// refresh reads rows anew and writes them, or deletes those that are gone. back
// takes them again when that failed.
func (c *Copy) refresh(ctx context.Context, rows []row, back func([]row)) error {
	put, gone, err := c.readRows(ctx, rows)
	if err == nil {
		err = c.write(ctx, func(tx *sql.Tx) error {
			for _, r := range gone {
				if err := drop(ctx, tx, r.kind, r.id); err != nil {
					return err
				}
			}
			return c.put(ctx, tx, put...)
		})
	}
	if err != nil {
		c.mu.Lock()
		back(rows)
		c.mu.Unlock()
	}
	return err
}

func (c *Copy) readRows(ctx context.Context, rows []row) (put, gone []row, err error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	for _, r := range rows {
		full, err := c.readRow(ctx, r)
		switch {
		case errors.Is(err, access.ErrNotFound) || errors.Is(err, grant.ErrNotFound):
			gone = append(gone, r)
		case err != nil:
			return nil, nil, err
		default:
			put = append(put, full...)
		}
	}
	return put, gone, nil
}

// sourceTimeout bounds one step's reading of the source.
const sourceTimeout = 10 * time.Second

// readRow reads a row, and with a shop its own app: that changes under the shop's
// name.
func (c *Copy) readRow(ctx context.Context, r row) ([]row, error) {
	switch r.kind {
	case kindApp:
		a, err := c.o.Source.App(ctx, r.id)
		return []row{appRow(a)}, err
	case kindShop:
		s, err := c.o.Source.Shop(ctx, r.id)
		if err != nil {
			return nil, err
		}
		a, err := c.o.Source.App(ctx, s.App)
		return []row{shopRow(s), appRow(a)}, err
	case kindClient:
		x, err := c.o.Source.Client(ctx, r.id)
		return []row{clientRow(x)}, err
	}
	g, err := c.o.Source.Grant(ctx, r.id)
	return []row{grantRow(g)}, err
}

// keyset copies the wrapped keyset.
func (c *Copy) keyset(ctx context.Context) error {
	wrapped, ok, err := c.o.Source.Keyset(ctx)
	if err == nil && ok {
		err = c.write(ctx, func(tx *sql.Tx) error { return putMeta(ctx, tx, metaKeyset, wrapped) })
	}
	if err != nil {
		c.mu.Lock()
		c.heard.keyset = true
		c.mu.Unlock()
	}
	return err
}
