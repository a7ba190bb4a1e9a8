package app

import (
	"context"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// ConfirmTaken confirms every invitation that was taken, with the code that its
// taker was shown. It is for the demo, where inviter and owner are one person at
// one machine; nothing else calls it.
func (a *App) ConfirmTaken(ctx context.Context) error {
	all, err := a.store.Invitations(ctx)
	if err != nil {
		return err
	}
	now := a.o.Now()
	for _, i := range all {
		if i.State != access.InvitationTaken {
			continue
		}
		e := grant.ConfirmEffects(now, audit.Actor{Kind: audit.ActorOperator, ID: "demo"}, i)
		if _, err := a.store.ConfirmInvitation(ctx, i.ID, i.Code, now, e); err != nil {
			return err
		}
	}
	return nil
}
