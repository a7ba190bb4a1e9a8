package people

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// lookEvery is how often [People.Run] looks for transfers whose time has come.
const lookEvery = time.Minute

// postOffer offers a member the ownership that the reader has, be it of the shop or of
// its tenant. Nothing changes until they accept.
func (p *People) postOffer(w http.ResponseWriter, r *http.Request) error {
	s, m, err := p.member(r)
	if err != nil {
		return err
	}
	mine, ok := p.gives(s, m)
	if !ok || m.Role == access.Owner {
		return errGone(s.Shop.ID)
	}
	now := p.o.Now()
	t := grant.NewTransfer(mine.TenantID, mine.ShopID, s.Person.ID, m.PersonID, s.by(), now)
	if err := p.o.Store.StartTransfer(r.Context(), t, grant.TransferEffects(now, s.by(), grant.TransferOfferAction, t)); err != nil {
		return refusal(err, s.Shop.ID)
	}
	return back(w, r, s.Shop.ID)
}

// transfer finds one that waits at the shop that a request names.
func (p *People) transfer(r *http.Request, s seat) (access.Transfer, error) {
	t, err := p.o.Store.Transfer(r.Context(), r.PathValue("id"))
	if err != nil {
		return t, refusal(err, s.Shop.ID)
	}
	if !t.Open(p.o.Now()) || t.TenantID != s.Shop.TenantID || t.ShopID != "" && t.ShopID != s.Shop.ID {
		return t, errGone(s.Shop.ID)
	}
	return t, nil
}

// postAccept is the yes of whom ownership is offered to. WeChat named them within
// ten minutes, as it did with whoever offered.
func (p *People) postAccept(w http.ResponseWriter, r *http.Request) error {
	s, err := p.sit(r, access.Viewer)
	if err != nil {
		return err
	}
	t, err := p.transfer(r, s)
	if err != nil {
		return err
	}
	if t.State != access.TransferOffered || t.To != s.Person.ID {
		return errGone(s.Shop.ID)
	}
	now := p.o.Now()
	e := grant.TransferEffects(now, s.by(), grant.TransferDoneAction, t)
	if err := p.o.Store.FinishTransfer(r.Context(), t.ID, now, e); err != nil {
		return refusal(err, s.Shop.ID)
	}
	return back(w, r, s.Shop.ID)
}

// mayStop tells whether somebody may stop a transfer: who is offered it, and every
// owner of the place.
func mayStop(person access.Person, t access.Transfer, now time.Time) bool {
	return person.ID != "" && (t.State == access.TransferOffered && t.To == person.ID || owns(person.Members, t.TenantID, t.ShopID, now))
}

// postStop wants no new word of WeChat's: stopping must be easy.
func (p *People) postStop(w http.ResponseWriter, r *http.Request) error {
	session, person, err := p.o.Login.Require(r, access.Viewer, r.PathValue("shop"))
	if err != nil {
		return err
	}
	shop, err := p.o.Store.Shop(r.Context(), r.PathValue("shop"))
	if err != nil {
		return err
	}
	s := seat{session, person, shop}
	t, err := p.transfer(r, s)
	if err != nil {
		return err
	}
	now := p.o.Now()
	if !mayStop(person, t, now) {
		return errGone(shop.ID)
	}
	if err := p.o.Store.StopTransfer(r.Context(), t.ID, now, grant.TransferEffects(now, s.by(), grant.TransferStopAction, t)); err != nil {
		return refusal(err, shop.ID)
	}
	return back(w, r, shop.ID)
}

// Run carries out transfers whose notice is over, and ends offers that nobody
// accepted, until ctx ends. Of several replicas one does each.
func (p *People) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := p.carryOut(ctx); err != nil && ctx.Err() == nil {
			p.o.Log.WarnContext(ctx, "transfers of ownership could not be carried out; the next try is in a minute", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// carryOut does what is due now.
func (p *People) carryOut(ctx context.Context) error {
	now := p.o.Now()
	due, err := p.o.Store.DueTransfers(ctx, now)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range due {
		errs = append(errs, p.settle(ctx, t, now))
	}
	return errors.Join(errs...)
}

// settle ends one transfer. A notice that cannot be carried out any more is stopped.
func (p *People) settle(ctx context.Context, t access.Transfer, now time.Time) error {
	by := audit.Actor{Kind: audit.ActorSystem}
	var err error
	if t.State == access.TransferNoticed {
		err = p.o.Store.FinishTransfer(ctx, t.ID, now, grant.TransferEffects(now, by, grant.TransferDoneAction, t))
	}
	if t.State == access.TransferOffered || errors.Is(err, access.ErrNotFound) || errors.Is(err, access.ErrLastOwner) {
		e := grant.TransferEffects(now, by, grant.TransferStopAction, t)
		e.Audit[0].Reason = "over"
		if err != nil {
			e.Audit[0].Reason = "not_possible"
		}
		err = p.o.Store.StopTransfer(ctx, t.ID, now, e)
	}
	if errors.Is(err, access.ErrTransferGone) {
		return nil // somebody else was first
	}
	return err
}
