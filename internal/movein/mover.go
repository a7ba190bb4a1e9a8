package movein

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// MaxBatch is how many accounts are taken in, moved or given out at once.
const MaxBatch = 500

// lookWithin is in how long an account that came in is looked at for the first
// time, so that not all are at once.
const lookWithin = 24 * time.Hour

// Store is what is kept. Each method is one transaction, as package grant
// describes them.
type Store interface {
	App(ctx context.Context, id string) (access.App, error)
	Standings(ctx context.Context, app string, keys []grant.AccountKey) ([]grant.Standing, error)
	TakeIn(ctx context.Context, app string, at time.Time, batch []grant.Intake, entries ...audit.Entry) ([]error, error)
	HandOver(ctx context.Context, h grant.Handover) ([]error, error)
	IsvGrantsPage(ctx context.Context, app, after string, limit int) ([]grant.Grant, error)
	Append(ctx context.Context, entries ...audit.Entry) error
}

// Vault seals tokens for their places.
type Vault interface {
	Seal(s secret.Value, c vault.Cell) ([]byte, error)
	Open(sealed []byte, c vault.Cell) (secret.Value, error)
}

// Options are what a Mover works with; all are needed but Lister and Source.
type Options struct {
	Store  Store
	Vault  Vault
	Lister Lister // for [Mover.TakeList]
	Source Source // nil: nothing can be followed
	Now    func() time.Time
	// Moved is told of platforms whose grants began or ended being ours to renew.
	Moved func(grantIDs []string)
}

// Mover takes accounts in and gives them out. It is safe for concurrent use.
type Mover struct{ o Options }

// New makes a Mover.
func New(o Options) *Mover {
	if o.Source == nil {
		o.Source = nowhere{}
	}
	return &Mover{o}
}

// Order says what to do with accounts, and who wants it.
type Order struct {
	App    string // our id of the platform
	By     audit.Actor
	Hold   bool // keep them, and have the other system renew
	DryRun bool // say what would happen
}

// Errors of a Mover.
var (
	// ErrNoPlatform says that the app is no third-party platform.
	ErrNoPlatform = errors.New("movein: this app is no third-party platform; name one that is declared with the kind component")
	// ErrTooMany says that a batch is longer than [MaxBatch].
	ErrTooMany = fmt.Errorf("movein: more than %d accounts at once; send them in parts", MaxBatch)
)

// platform gives the app, if it is one.
func (m *Mover) platform(ctx context.Context, id string) (access.App, error) {
	app, err := m.o.Store.App(ctx, id)
	if errors.Is(err, access.ErrNotFound) || err == nil && app.Kind != access.Component {
		return app, ErrNoPlatform
	}
	return app, err
}

// TakeIn takes at most [MaxBatch] accounts in and tells what became of each, in
// their order. After an error nothing of the batch landed, or all of it: give it
// again.
func (m *Mover) TakeIn(ctx context.Context, o Order, rows []Row) ([]Result, error) {
	if len(rows) > MaxBatch {
		return nil, ErrTooMany
	}
	if _, err := m.platform(ctx, o.App); err != nil {
		return nil, err
	}
	b := &batch{Mover: m, Order: o, at: m.o.Now(), results: make([]Result, len(rows))}
	if err := b.decide(ctx, rows); err != nil {
		return nil, err
	}
	if o.DryRun || len(b.intakes) == 0 {
		return b.results, nil
	}
	return b.results, b.write(ctx)
}

// batch is one call of TakeIn.
type batch struct {
	*Mover
	Order
	at      time.Time
	results []Result
	intakes []grant.Intake
	of      []int // the result of each intake
}

// decide looks at what is kept and says what is to become of each account.
func (b *batch) decide(ctx context.Context, rows []Row) error {
	keys := make([]grant.AccountKey, len(rows))
	for i, r := range rows {
		if cause := r.Check(); cause != "" {
			b.results[i] = Result{Outcome: Refused, Cause: cause}
			continue
		}
		r = r.ids()
		rows[i], keys[i] = r, grant.AccountKey{AppID: r.AppID, ShopID: r.Shop}
	}
	kept, err := b.o.Store.Standings(ctx, b.App, keys)
	if err != nil {
		return err
	}
	for i, r := range rows {
		if b.results[i].Outcome == "" {
			b.one(i, r, kept[i])
		}
	}
	return nil
}

// one decides about an account: see the table of the package.
func (b *batch) one(i int, r Row, k grant.Standing) {
	shop := r.Shop
	if k.Shop.AppID == r.AppID {
		shop = k.Shop.ID
	}
	result := Result{AppID: r.AppID, Shop: shop}
	result.Outcome, result.Cause = b.verdict(r, k)
	if result.Outcome == Imported || result.Outcome == Replaced {
		in, err := b.intake(r, k, shop)
		if err != nil {
			result.Outcome, result.Cause = Refused, CauseNotSealed
		} else {
			b.intakes, b.of = append(b.intakes, in), append(b.of, i)
		}
	}
	b.results[i] = result
}

func (b *batch) verdict(r Row, k grant.Standing) (Outcome, string) {
	g := k.Grant
	switch {
	case k.Shop.ID != "" && k.Shop.AppID != r.AppID:
		return Refused, CauseShopTaken
	case g.State == grant.Revoked:
		return Refused, CauseRevoked
	case k.Authorizer.State == grant.AuthorizerWithdrawn:
		return Refused, CauseWithdrawn
	case g.ID == "":
		return Imported, ""
	case len(g.Tokens.Refresh) == 0:
		return Replaced, ""
	}
	kept, err := b.o.Vault.Open(g.Tokens.Refresh, refreshCell(g.ID, g.Tokens.Generation))
	switch {
	case err != nil:
		return Refused, CauseNotSealed
	case kept.Equal(r.Refresh):
		return Kept, CauseSame
	case g.State.Elsewhere(), g.State == grant.NeedsOwner, len(g.Tokens.Access) == 0:
		return Replaced, ""
	}
	return Kept, CauseRenewed
}

func refreshCell(grantID string, generation int64) vault.Cell {
	return vault.GrantRefresh(grantID, string(grant.ISV), generation)
}

// intake seals the token as the generation after the one that is kept.
func (b *batch) intake(r Row, k grant.Standing, shop string) (grant.Intake, error) {
	id, from := k.Grant.ID, k.Grant.Tokens.Generation
	if id == "" {
		id = access.NewID("g")
	}
	sealed, err := b.o.Vault.Seal(r.Refresh, refreshCell(id, from+1))
	if err != nil {
		return grant.Intake{}, err
	}
	in := grant.Intake{
		State: b.state(k.Grant.State),
		Authorise: grant.Authorisation{
			GrantID: id, Kind: grant.ISV, App: b.App, ShopID: shop, Authorizer: r.AppID, From: from, DueAt: b.at,
			Tokens: &grant.Tokens{Generation: from + 1, Refresh: sealed},
		},
		Authorizer: b.authorizer(r, k.Authorizer, shop, b.state(k.Grant.State)),
	}
	if k.Shop.ID == "" {
		in.Open = &grant.Opening{
			Tenant: access.Tenant{ID: r.Tenant, Name: r.Name},
			Shop:   access.Shop{ID: shop, TenantID: r.Tenant, App: b.App, AppID: r.AppID, Name: r.Name},
		}
	}
	return in, nil
}

// state is what a grant that stands at now is taken in as: only a change of mode
// has us lead.
func (b *batch) state(now grant.State) grant.State {
	switch {
	case now.Elsewhere():
		return now
	case b.Hold:
		return grant.Held
	}
	return grant.Active
}

// authorizer is the account as it stands afterwards. What WeChat says of it is
// asked within a day, and not while another system leads. The code of an event that
// was not used yet stays, for a grant that we lead: it is newer than what is imported.
func (b *batch) authorizer(r Row, a grant.Authorizer, shop string, state grant.State) grant.Authorizer {
	if a.Name == "" {
		a.Name = r.Name
	}
	a.App, a.AppID, a.ShopID, a.Account = b.App, r.AppID, shop, grant.AccountShop
	if a.State == grant.AuthorizerNew && len(a.Code) > 0 && b.at.Before(a.CodeEnds) && state == grant.Active {
		return a
	}
	a.State = grant.AuthorizerKept
	a.Code, a.CodeEnds, a.Attempt, a.Cause = nil, time.Time{}, 0, ""
	if a.DueAt = b.at.Add(rand.N(lookWithin)); b.Hold {
		a.DueAt = time.Time{} // begins with the lead
	}
	return a
}

// write has the store take the decided ones in.
func (b *batch) write(ctx context.Context) error {
	errs, err := b.o.Store.TakeIn(ctx, b.App, b.at, b.intakes, b.entry())
	if err != nil {
		return err
	}
	var moved []string
	for j, err := range errs {
		if err == nil {
			moved = append(moved, b.intakes[j].Authorise.GrantID)
			continue
		}
		r := &b.results[b.of[j]]
		r.Outcome, r.Cause = Refused, CauseChanged
		if errors.Is(err, grant.ErrShopTaken) {
			r.Cause = CauseShopTaken
		}
	}
	b.o.Moved(moved)
	return nil
}

// entry says that a batch came in; the store adds which tokens.
func (b *batch) entry() audit.Entry {
	mode := "lead"
	if b.Hold {
		mode = "hold"
	}
	return audit.Entry{At: b.at, Actor: b.By, Action: "platform.import", Subject: "app:" + b.App, Outcome: audit.Done,
		Details: map[string]string{"mode": mode, "accounts": strconv.Itoa(len(b.results))}, Count: int64(len(b.intakes))}
}
