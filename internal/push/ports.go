package push

import (
	"context"
	"net/netip"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/event"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Decide says what follows from a push to app that arrived at at. It may read and
// must not write, because it runs again when another writer was first. An error
// that wraps [event.ErrIncomplete] or [ErrRefused] refuses the push, any other makes
// WeChat send it again.
type Decide func(ctx context.Context, app access.App, e event.Event, at time.Time) (grant.Effects, error)

// Store is the storage that a receiver needs.
type Store interface {
	// App gives an app by our id, or [access.ErrNotFound].
	App(ctx context.Context, id string) (access.App, error)
	// ShopByAppID gives a shop by WeChat's id, or [access.ErrNotFound].
	ShopByAppID(ctx context.Context, appID string) (access.Shop, error)
	// RecordPush writes a batch in one transaction. Each item has its own result:
	// nil, [grant.ErrSeen], [grant.ErrLost], or why it alone was not written. The
	// error beside them means that nothing of the batch was written.
	RecordPush(ctx context.Context, batch []grant.Push) ([]error, error)
}

// Opener opens what is sealed.
type Opener interface {
	Open(sealed []byte, cell vault.Cell) (secret.Value, error)
}

// Tally records refusals and caps what a flood can write. It fills in the
// stranger's id from the address, must not block and does not fail.
type Tally interface {
	Refused(ctx context.Context, e audit.Entry, from netip.Addr)
}

// Passer is given each push that was taken, when it is on record and for the first
// time, as it came. It must not block, and may keep the body.
type Passer interface {
	Pass(app, account, query, contentType string, body []byte)
}

// Observer counts pushes. outcome is one of those in the package comment, reason
// a word of a fixed set, empty when there is none.
type Observer interface {
	Pushed(outcome, reason string, took time.Duration)
}

// nobody is the observer of those who need none.
type nobody struct{}

func (nobody) Pass(string, string, string, string, []byte)      {}
func (nobody) Pushed(string, string, time.Duration)             {}
func (nobody) Refused(context.Context, audit.Entry, netip.Addr) {}
