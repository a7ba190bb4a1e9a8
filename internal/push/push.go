package push

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

// DefaultBudget is how long a push may take from the first byte of its body to
// the commit. It leaves the answer some of the 3 seconds that WeChat waits.
const DefaultBudget = 2800 * time.Millisecond

const (
	// believed is how long an app with its keys, or the shop of an appid, is used
	// without asking the store again.
	believed = 15 * time.Second
	// most is how many apps, and how many shops, are remembered at once.
	most = 1 << 16
)

// Options are what a receiver needs. Store and Vault are required.
type Options struct {
	Store Store
	Vault Opener
	// Decide is asked about a platform's authorisation events and about the
	// events of service accounts and websites, by the kind of the app. What has
	// no entry is recorded and changes nothing.
	Decide   map[access.AppKind]Decide
	Pass     Passer   // nil: nothing is passed on
	Tally    Tally    // nil: refusals are not recorded
	Observer Observer // nil: nobody counts
	// Opened is told of each push that was taken: whether it came with the current
	// token and with the current AES key, and of which version the current ones are
	// here, where a change arrives a moment later than elsewhere. It must return at
	// once. nil: nobody is.
	Opened func(app string, version int64, token, key bool, at time.Time)
	Now    func() time.Time // nil: time.Now
	Window msgcrypt.Window  // how old a push may be
	Budget time.Duration    // 0: DefaultBudget
}

// Receiver takes pushes. Make one with [New]. It is safe for concurrent use.
type Receiver struct {
	o     Options
	doors *memo[door]
	shops *memo[served]
	batch *gatherer
}

// New checks the options and makes a Receiver.
func New(o Options) (*Receiver, error) {
	if o.Store == nil || o.Vault == nil {
		return nil, errors.New("push: Store and Vault are required; set both")
	}
	if o.Pass == nil {
		o.Pass = nobody{}
	}
	if o.Tally == nil {
		o.Tally = nobody{}
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Opened == nil {
		o.Opened = func(string, int64, bool, bool, time.Time) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Budget <= 0 {
		o.Budget = DefaultBudget
	}
	p := &Receiver{o: o, batch: newGatherer(o.Store.RecordPush)}
	p.doors = newMemo(o.Now, errNoDoor, p.loadDoor)
	p.shops = newMemo(o.Now, nil, p.loadServed) // an unknown shop may be opened any moment
	return p, nil
}

// Mount adds the routes. They are for WeChat, not for browsers: no cookies, no
// pages.
func (p *Receiver) Mount(mux *http.ServeMux) {
	for _, path := range []string{"/wechat/push/{app}/auth", "/wechat/push/{app}/event/{appid}"} {
		mux.Handle("GET "+path, plain(p.check))
		mux.Handle("POST "+path, plain(p.receive))
	}
}

// Forget drops what is remembered of apps and shops. Call it when the directory
// changed, here or on another replica.
func (p *Receiver) Forget() {
	p.doors.forget()
	p.shops.forget()
}

// Close waits for transactions that are under way; nobody else waits for those
// whose callers were told to come again. No push may arrive any more. The error
// is that of ctx.
func (p *Receiver) Close(ctx context.Context) error { return p.batch.close(ctx) }
