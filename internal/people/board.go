package people

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// shownVisits is how many visits of staff the board shows.
const shownVisits = 5

// board is what the owner of a shop sees of it.
type board struct {
	Shop        access.Shop
	Role        access.Role // of the reader
	Me          string      // the reader's person id; empty for staff
	Watching    bool        // the reader may change nothing
	Now         time.Time
	State       grant.State // of what the shop is called with; empty: nothing yet
	Since       time.Time   // that state, as far as is known
	People      []row
	Programs    []access.Client
	Invitations []access.Invitation
	Transfers   []transferRow
	Visits      []visitRow
}

// row is one member.
type row struct {
	access.Member
	Name    string
	Devices int       // live logins
	Seen    time.Time // last use of any of them; zero: none
	Mine    bool      // the reader's own role
	Open    bool      // the reader may change it
}

type transferRow struct {
	access.Transfer
	FromName, ToName string
	Accept           bool // the reader is who it is offered to
	Stop             bool // the reader may stop it
}

type visitRow struct {
	access.Visit
	Name string
}

// Board is the part of a shop's page that says who may do what there. role is the
// reader's; somebody who is no owner sees what concerns them. watching leaves out
// whatever changes something: for staff, who read as an owner does.
func (p *People) Board(ctx context.Context, person access.Person, shop access.Shop, role access.Role, watching bool) (templ.Component, error) {
	b := board{Shop: shop, Role: role, Me: person.ID, Watching: watching, Now: p.o.Now()}
	if err := p.connection(ctx, &b); err != nil {
		return nil, err
	}
	if err := p.transfers(ctx, person, &b); err != nil {
		return nil, err
	}
	if role != access.Owner {
		b.Transfers = slices.DeleteFunc(b.Transfers, func(t transferRow) bool { return !t.Accept })
		return boardOfMember(b, person.Members), nil
	}
	err := errors.Join(p.rows(ctx, person, &b), p.programs(ctx, &b), p.invitations(ctx, person, &b), p.visits(ctx, &b))
	if err != nil {
		return nil, err
	}
	return boardOfOwner(b), nil
}

// connection says what the shop is called with.
func (p *People) connection(ctx context.Context, b *board) error {
	g, err := p.o.Store.ShopGrant(ctx, b.Shop.ID)
	if errors.Is(err, grant.ErrNotFound) {
		return nil
	}
	b.State, b.Since = g.State, g.CreatedAt
	if g.State != grant.Active {
		b.Since = g.UpdatedAt
	}
	return err
}

// rows reads the members of the shop, those of its tenant among them.
func (p *People) rows(ctx context.Context, person access.Person, b *board) error {
	members, err := p.o.Store.Members(ctx, b.Shop.TenantID)
	if err != nil {
		return err
	}
	for _, m := range members {
		if !m.Active(b.Now) || m.ShopID != "" && m.ShopID != b.Shop.ID {
			continue
		}
		r := row{Member: m, Mine: m.PersonID == person.ID}
		r.Open = !b.Watching && !r.Mine && owns(person.Members, m.TenantID, m.ShopID, b.Now)
		if r.Name, err = p.name(ctx, m.PersonID); err != nil {
			return err
		}
		if r.Devices, r.Seen, err = p.devices(ctx, m.PersonID); err != nil {
			return err
		}
		b.People = append(b.People, r)
	}
	slices.SortStableFunc(b.People, func(x, y row) int {
		return cmp.Or(cmp.Compare(rank(x.Role), rank(y.Role)), x.Since.Compare(y.Since))
	})
	return nil
}

// rank puts the widest role first.
func rank(r access.Role) int {
	return slices.Index([]access.Role{access.Owner, access.Operator, access.Viewer}, r)
}

// name is what people call somebody: what WeChat last told, or our id.
func (p *People) name(ctx context.Context, person string) (string, error) {
	if person == "" {
		return "", nil
	}
	found, err := p.o.Store.Person(ctx, person)
	if errors.Is(err, access.ErrNotFound) {
		return person, nil
	}
	return cmp.Or(found.Profile.Nickname, person), err
}

// devices counts somebody's live logins. Sessions that hang on one are the same device.
func (p *People) devices(ctx context.Context, person string) (n int, seen time.Time, err error) {
	all, err := p.o.Store.Sessions(ctx, access.SessionFilter{PersonID: person})
	for _, s := range all {
		if s.Parent != "" || !s.Live(p.o.Now()) {
			continue
		}
		n++
		if s.SeenAt.After(seen) {
			seen = s.SeenAt
		}
	}
	return n, seen, err
}

// programs are those that hold a living key for the shop.
func (p *People) programs(ctx context.Context, b *board) error {
	all, err := p.o.Store.Clients(ctx)
	b.Programs = slices.DeleteFunc(all, func(c access.Client) bool { return !c.Live(b.Now) || !c.Holds(b.Shop.ID) })
	return err
}

// invitations are those that the reader may confirm or withdraw. Claims are asked
// for elsewhere.
func (p *People) invitations(ctx context.Context, person access.Person, b *board) error {
	all, err := p.o.Store.Invitations(ctx)
	if err != nil || b.Watching {
		return err
	}
	b.Invitations = slices.DeleteFunc(all, func(i access.Invitation) bool {
		return !p.confirms(person, b.Shop, i)
	})
	return nil
}

// confirms tells whether an owner may confirm or withdraw an invitation here.
func (p *People) confirms(person access.Person, shop access.Shop, i access.Invitation) bool {
	now := p.o.Now()
	waits := i.State == access.InvitationOpen || i.State == access.InvitationTaken
	return waits && now.Before(i.ExpiresAt) && !i.Claim() && i.TenantID == shop.TenantID && (i.ShopID == "" || i.ShopID == shop.ID) &&
		owns(person.Members, i.TenantID, i.ShopID, now)
}

func (p *People) transfers(ctx context.Context, person access.Person, b *board) error {
	all, err := p.o.Store.Transfers(ctx, b.Shop.TenantID)
	if err != nil {
		return err
	}
	for _, t := range all {
		if !t.Open(b.Now) || t.ShopID != "" && t.ShopID != b.Shop.ID {
			continue
		}
		r := transferRow{Transfer: t, Stop: !b.Watching && mayStop(person, t, b.Now),
			Accept: t.State == access.TransferOffered && t.To == person.ID && person.ID != ""}
		var errs [2]error
		r.FromName, errs[0] = p.name(ctx, t.From)
		r.ToName, errs[1] = p.name(ctx, t.To)
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
		b.Transfers = append(b.Transfers, r)
	}
	return nil
}

func (p *People) visits(ctx context.Context, b *board) error {
	all, err := p.o.Store.Visits(ctx, b.Shop.TenantID, shownVisits)
	if err != nil {
		return err
	}
	for _, v := range all {
		a, err := p.o.Store.Admin(ctx, v.AdminID)
		if err != nil {
			return err
		}
		b.Visits = append(b.Visits, visitRow{v, a.Name})
	}
	return nil
}
