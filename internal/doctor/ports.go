package doctor

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/quota"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Directory is what there is to look at.
type Directory interface {
	Apps(ctx context.Context) ([]access.App, error)
	App(ctx context.Context, id string) (access.App, error)
	Shop(ctx context.Context, id string) (access.Shop, error)
	// ShopsAfter gives a page of shops in the order of their ids.
	ShopsAfter(ctx context.Context, id string, limit int) ([]access.Shop, error)
	Clients(ctx context.Context) ([]access.Client, error)
}

// Grants is where the authorisations stand.
type Grants interface {
	ShopGrant(ctx context.Context, shopID string) (grant.Grant, error)
	// ComponentGrant is a third-party platform's own.
	ComponentGrant(ctx context.Context, app string) (grant.Grant, error)
	// GrantsAfter gives a page of grants in the order of their ids.
	GrantsAfter(ctx context.Context, id string, limit int) ([]grant.Grant, error)
}

// Platforms is what is known of third-party platforms and their accounts.
type Platforms interface {
	Tickets(ctx context.Context, app string) ([]grant.Ticket, error)
	Authorizer(ctx context.Context, app, appID string) (grant.Authorizer, error)
	Purchases(ctx context.Context, app, appID string) ([]access.Purchase, error)
}

// Notices is what humans are told.
type Notices interface {
	NoticeBacklog(ctx context.Context) (pending int, oldest time.Time, err error)
	// Notices gives the newest, at most limit.
	Notices(ctx context.Context, pending bool, limit int) ([]notice.Record, error)
}

// WeChat asks WeChat. None of its calls may change anything there. Errors of WeChat's
// are [wechat.Error].
type WeChat interface {
	// Secret asks for the token that WeChat keeps for an app, without force: WeChat
	// gives the one it has. It proves secret and address.
	Secret(ctx context.Context, app access.App) error
	// Call asks as a shop, with the kept token. A token that is refused is looked
	// into, as for any other call.
	Call(ctx context.Context, shop, method, path string, in, out any) error
	// CallPlatform asks as a third-party platform, with the kept token.
	CallPlatform(ctx context.Context, app access.App, method, path string, in, out any) error
}

// Web reaches our own public URL as the world does.
type Web interface {
	// Get fetches a URL and follows nothing. Not more than 64 KiB of the answer are
	// read.
	Get(ctx context.Context, url string) (Page, error)
}

// Page is what a URL answered.
type Page struct {
	Status  int
	Body    []byte
	CertEnd time.Time // end of the server's certificate; zero: no TLS
	Issuer  string    // of the certificate
}

// Usage is what programs really call.
type Usage interface {
	// Quotas gives the ledgers of a shop: the paths that were called lately, with
	// what is left of each. ok is false where nobody counts.
	Quotas(shop string) (states []quota.State, ok bool)
	// PathsAt gives the paths that a client called for a shop since a day.
	PathsAt(ctx context.Context, client, shop string, since time.Time) ([]string, error)
	// Unset gives the calls of a shop that were refused here, or let through and
	// noted, because it granted none of the permission sets that they need.
	Unset(shop string) []SetRefusal
}

// SetRefusal is how often calls lacked one of some permission sets.
type SetRefusal struct {
	Sets  []int64 // of which one was needed
	Times int
	Last  time.Time
}

// Pushes tells how pushes came in since the server started.
type Pushes interface {
	Pushed(app string) PushLog
}

// PushLog is what this server saw of the pushes to an app.
type PushLog struct {
	Since   time.Time // when it began to look
	Taken   time.Time // the last one that was taken; zero: none
	Refused []PushRefusal
}

// PushRefusal is how often pushes were refused for one reason.
type PushRefusal struct {
	Reason string // a word of package push
	Times  int
	Last   time.Time
}

// Strangers tells of tokens that died before their end, and whether somebody else is
// behind it.
type Strangers interface {
	// Suspicion is zero for a grant of which none did.
	Suspicion(ctx context.Context, grantID string) (Suspicion, error)
	// Suspected gives what is proven or guessed of all grants of the last day.
	Suspected(ctx context.Context) ([]Suspicion, error)
}

// Suspicion is what the deaths of a grant's tokens say of somebody else.
type Suspicion struct {
	Shop   string // empty: of a third-party platform's own token
	Deaths int    // of all time
	Last   time.Time
	Proven bool        // of the last day: no request of this server explains it
	Guess  notice.Text // of the last day, where nothing is proven: why somebody is guessed at; empty: nobody is
	// What is proven: when this server asked for no token, and when the one was made that
	// WeChat named then. Zero where it is not known.
	QuietFrom, QuietTo time.Time
	MadeFrom, MadeTo   time.Time
}

// House is the machine, its database and its keys.
type House interface {
	Health(ctx context.Context) []Trouble
	Clock() Clock
	Disk() (Disk, error)
	Database(ctx context.Context) (Database, error)
	Keys() Keys
	// Channels names where the operator's notices go, beside the log.
	Channels(ctx context.Context) ([]string, error)
	// Unopened names the channels, those of tenants too, whose secret this server cannot open.
	Unopened() []string
}

// Trouble is something that the server knows to be out of reach.
type Trouble struct {
	What  notice.Text
	Since time.Time
}

// Clock is what is known of the clock.
type Clock struct {
	Behind  time.Duration // behind the latest time seen
	Stopped bool          // so far behind that logins wait
	Skew    time.Duration // ours minus WeChat's
	Within  time.Duration // Skew is right up to this
	Samples int           // 0: nothing is known
	Wrong   bool          // the skew is too large, for sure
}

// Disk is the disk of the data directory, in bytes.
type Disk struct{ Free, Total uint64 }

// Database is how the database does.
type Database struct {
	Kind    string // sqlite or postgres
	Took    time.Duration
	Bytes   int64 // -1: not known
	WAL     int64 // -1: there is none, or it is not known
	Problem []string
}

// Keys is what seals.
type Keys struct {
	Kept  []vault.Key
	Where string    // where the master key is: file, env or command
	Since time.Time // when the master key's file was written; zero: it is in none
	Open  bool      // others than its owner may read that file
}

// Opener opens what is sealed.
type Opener interface {
	Open(sealed []byte, cell vault.Cell) (secret.Value, error)
}
