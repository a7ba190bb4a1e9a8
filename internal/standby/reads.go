package standby

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/outage"
)

// Main is the shared store as serving reads it.
type Main interface {
	ClientByKey(ctx context.Context, hash []byte) (access.Client, error)
	Shop(ctx context.Context, id string) (access.Shop, error)
	App(ctx context.Context, id string) (access.App, error)
	Apps(ctx context.Context) ([]access.App, error)
	Grant(ctx context.Context, id string) (grant.Grant, error)
	ShopGrant(ctx context.Context, shopID string) (grant.Grant, error)
}

// unavailable says that the database does not answer, and why the file cannot stand
// in for it.
func unavailable(since time.Time, why error) error {
	return &outage.Error{Kind: outage.Away, Since: since, Err: fmt.Errorf(
		"standby: the database does not answer since %s, and standby.db cannot serve: %w; bring the database back", stamp(since), why)}
}

// ReadsOptions are what Reads are made of. Main must be set.
type ReadsOptions struct {
	Main Main
	File *File // nil: nothing stands in
	// State says what the file may be used for.
	State    func() (State, error)
	Database string
	Now      func() time.Time // default time.Now
	Log      *slog.Logger     // default discards
	Patience time.Duration    // how long the database may take to answer; default 1 s
}

// Reads answers what serving asks, from the database or, while that is down,
// from the file. It may be used by many goroutines.
type Reads struct {
	o ReadsOptions

	mu        sync.Mutex
	since     time.Time // zero: the database answers
	confirmed bool      // by the feed, too
}

// NewReads makes Reads.
func NewReads(o ReadsOptions) *Reads {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Patience = cmp.Or(o.Patience, time.Second)
	return &Reads{o: o}
}

// Down says that the database did not answer. The feed tells it; a failed read
// is as good, until the feed says otherwise.
func (r *Reads) Down(ctx context.Context, err error) { r.note(ctx, err, true) }

func (r *Reads) note(ctx context.Context, err error, confirmed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.confirmed = r.confirmed || confirmed
	if r.since.IsZero() {
		r.since = r.o.Now()
		r.o.Log.WarnContext(ctx, "the database does not answer; calls are served from standby.db", "error", err)
	}
}

// Up says that the database answers.
func (r *Reads) Up(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.since.IsZero() {
		r.o.Log.InfoContext(ctx, "the database answers again", "after", r.o.Now().Sub(r.since).Round(time.Millisecond))
	}
	r.since, r.confirmed = time.Time{}, false
}

// Outage is what is known of a database that does not answer.
type Outage struct {
	Since time.Time
	Until time.Time // the file serves up to here; zero: it does not
	Why   error     // why it does not
}

// Outage tells of a database that does not answer. With sure, only of one that
// the feed could not read either: one slow answer is no outage.
func (r *Reads) Outage(sure bool) (o Outage, down bool) {
	r.mu.Lock()
	since, confirmed := r.since, r.confirmed
	r.mu.Unlock()
	if since.IsZero() || sure && !confirmed {
		return Outage{}, false
	}
	o.Since = since
	s, err := r.usable()
	if err != nil {
		o.Why = err
	} else {
		o.Until = s.Contact.Add(Grace)
	}
	return o, true
}

// usable gives the state of the file if it may serve now.
func (r *Reads) usable() (State, error) {
	if r.o.File == nil {
		return State{}, errors.New("it is switched off (standby: false)")
	}
	s, err := r.o.State()
	if err == nil {
		err = s.trusted(r.o.Database, r.o.Now())
	}
	return s, err
}

// Check is nil while the database answers, else an [outage.Error]: for whatever
// cannot do without it.
func (r *Reads) Check() error {
	if o, down := r.Outage(true); down {
		return unavailable(o.Since, errNeedsDatabase)
	}
	return nil
}

var errNeedsDatabase = errors.New("this cannot be done without the database")

// answered tells whether an error is the database's answer.
func answered(err error) bool {
	return err == nil || errors.Is(err, access.ErrNotFound) || errors.Is(err, grant.ErrNotFound)
}

// ask asks the database, and the file when that is down.
func ask[T any](ctx context.Context, r *Reads, notFound error, main, local func(context.Context) (T, error)) (T, error) {
	if _, down := r.Outage(false); !down {
		v, err := within(ctx, r.o.Patience, main)
		if answered(err) || ctx.Err() != nil {
			return v, err
		}
		r.note(ctx, err, false)
	}
	return fromFile(ctx, r, notFound, local)
}

func within[T any](ctx context.Context, d time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d, errSlow)
	defer cancel()
	return do(ctx)
}

var errSlow = errors.New("the database did not answer in time")

// fromFile asks the file. What is not in a file that is not complete may be in
// the database all the same.
func fromFile[T any](ctx context.Context, r *Reads, notFound error, local func(context.Context) (T, error)) (v T, err error) {
	s, err := r.usable()
	if err == nil {
		if v, err = local(ctx); err == nil {
			return v, nil
		}
		if errors.Is(err, errNoRow) && s.Complete {
			return v, notFound
		}
	}
	o, _ := r.Outage(false)
	return v, unavailable(o.Since, err)
}

// ClientByKey gives the client whose key has this hash, or access.ErrNotFound.
func (r *Reads) ClientByKey(ctx context.Context, hash []byte) (access.Client, error) {
	return ask(ctx, r, access.ErrNotFound,
		func(ctx context.Context) (access.Client, error) { return r.o.Main.ClientByKey(ctx, hash) },
		func(ctx context.Context) (access.Client, error) { return r.o.File.clientByKey(ctx, hash) })
}

// Shop gives a shop, or access.ErrNotFound.
func (r *Reads) Shop(ctx context.Context, id string) (access.Shop, error) {
	return ask(ctx, r, access.ErrNotFound,
		func(ctx context.Context) (access.Shop, error) { return r.o.Main.Shop(ctx, id) },
		func(ctx context.Context) (access.Shop, error) { return r.o.File.shop(ctx, id) })
}

// App gives an app, or access.ErrNotFound.
func (r *Reads) App(ctx context.Context, id string) (access.App, error) {
	return ask(ctx, r, access.ErrNotFound,
		func(ctx context.Context) (access.App, error) { return r.o.Main.App(ctx, id) },
		func(ctx context.Context) (access.App, error) { return r.o.File.app(ctx, id) })
}

// Apps gives all apps in the order of their ids.
func (r *Reads) Apps(ctx context.Context) ([]access.App, error) {
	return ask(ctx, r, errNoRow, r.o.Main.Apps, func(ctx context.Context) ([]access.App, error) {
		if s, err := r.usable(); err != nil || !s.Complete {
			return nil, errors.Join(errPart, err)
		}
		return r.o.File.apps(ctx)
	})
}

var errPart = errors.New("it does not hold everything yet")

// Grant gives a grant, or grant.ErrNotFound.
func (r *Reads) Grant(ctx context.Context, id string) (grant.Grant, error) {
	return ask(ctx, r, grant.ErrNotFound,
		func(ctx context.Context) (grant.Grant, error) { return r.o.Main.Grant(ctx, id) },
		func(ctx context.Context) (grant.Grant, error) { return r.o.File.grant(ctx, id) })
}

// ShopGrant gives a shop's own grant, or grant.ErrNotFound.
func (r *Reads) ShopGrant(ctx context.Context, shopID string) (grant.Grant, error) {
	return ask(ctx, r, grant.ErrNotFound,
		func(ctx context.Context) (grant.Grant, error) { return r.o.Main.ShopGrant(ctx, shopID) },
		func(ctx context.Context) (grant.Grant, error) { return r.o.File.shopGrant(ctx, shopID) })
}
