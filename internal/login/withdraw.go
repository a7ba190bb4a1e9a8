package login

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// causeWithdrawn is why a grant ended that its person withdrew.
const causeWithdrawn = "withdrawn"

// getWithdraw says what withdrawing (取消授权) will end.
func (l *Login) getWithdraw(w http.ResponseWriter, r *http.Request) error {
	_, p, err := l.whoPerson(r, "/withdraw")
	if err != nil {
		return err
	}
	shops, err := l.shopsToStop(r.Context(), p)
	if err != nil {
		return err
	}
	names := make([]string, len(shops))
	for i, s := range shops {
		names[i] = s.Name
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.withdraw.title"}, withdrawPage(names))
}

// postWithdraw ends the person's grants and sessions in one transaction, and
// says how to withdraw inside WeChat too, which only the person can do.
func (l *Login) postWithdraw(w http.ResponseWriter, r *http.Request) error {
	s, p, err := l.whoPerson(r, "/withdraw")
	if err != nil {
		return err
	}
	e, err := l.withdrawal(r.Context(), s, p)
	if err != nil {
		return err
	}
	if err := l.o.Store.Revoke(r.Context(), e); err != nil {
		return err
	}
	l.loggedOut(w)
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.withdrawn.title"}, withdrawnPage(len(e.Revoke)))
}

// whoPerson is Who for pages that only a person has a use for, whom
// WeChat named lately: somebody else's hand on an open browser stops no shop.
func (l *Login) whoPerson(r *http.Request, back string) (access.Session, access.Person, error) {
	s, p, err := l.Who(r)
	switch {
	case err != nil:
	case s.AdminID != "":
		err = withLink(page(http.StatusForbidden, "persons-only"), "home", "/")
	case s.PersonID == "":
		err = l.needsPerson(s.ShopID)
	default:
		err = l.provedLately(s, "", back)
	}
	return s, p, err
}

// withdrawal decides what a withdrawal ends: the person's own grants, and the
// grants of shops of theirs that say so.
func (l *Login) withdrawal(ctx context.Context, s access.Session, p access.Person) (grant.Effects, error) {
	grants, err := l.o.Store.Grants(ctx, grant.Filter{PersonID: p.ID, Kind: grant.User})
	if err != nil {
		return grant.Effects{}, err
	}
	return l.ending(ctx, l.o.Now(), actorOf(s), p, causeWithdrawn, grants)
}

// ending decides what ends with some of a person's grants: they themselves, the
// grants of shops of theirs that say so, and every session of the person.
func (l *Login) ending(ctx context.Context, now time.Time, by audit.Actor, p access.Person, cause string, grants []grant.Grant) (grant.Effects, error) {
	shops, err := l.shopsToStop(ctx, p)
	if err != nil {
		return grant.Effects{}, err
	}
	for _, shop := range shops {
		g, err := l.o.Store.ShopGrant(ctx, shop.ID)
		if errors.Is(err, grant.ErrNotFound) {
			continue
		}
		if err != nil {
			return grant.Effects{}, err
		}
		grants = append(grants, g)
	}
	e := grant.Effects{
		At: now, Revoke: revocations(grants, cause),
		EndSessions: []access.SessionFilter{{PersonID: p.ID, Why: cause}},
		Audit: []audit.Entry{{
			At: now, Actor: by, Action: "grant.withdraw", Subject: "person:" + p.ID, Outcome: audit.Done,
		}},
	}
	e.Audit[0].Details = map[string]string{"grants": strconv.Itoa(len(e.Revoke)), "shops": strconv.Itoa(len(shops))}
	e.Notices = revokedNotices(now, e.Revoke)
	return e, nil
}

// shopsToStop are the shops whose own grant ends with this owner's.
func (l *Login) shopsToStop(ctx context.Context, p access.Person) ([]access.Shop, error) {
	all, err := l.o.Store.Shops(ctx)
	if err != nil {
		return nil, err
	}
	var stop []access.Shop
	for _, shop := range all {
		if role, ok := access.RoleIn(p.Members, shop, l.o.Now()); ok && role == access.Owner && shop.RevokeOnWithdraw {
			stop = append(stop, shop)
		}
	}
	return stop, nil
}

func revocations(grants []grant.Grant, cause string) []grant.Revocation {
	var all []grant.Revocation
	for _, g := range grants {
		if g.State != grant.Revoked {
			all = append(all, grant.Revocation{GrantID: g.ID, Cause: cause})
		}
	}
	return all
}

func revokedNotices(at time.Time, ended []grant.Revocation) []notice.Notice {
	var all []notice.Notice
	for _, r := range ended {
		all = append(all, notice.Notice{
			At: at, Kind: notice.GrantRevoked, Subject: "grant:" + r.GrantID,
			Details: map[string]string{"cause": r.Cause},
		})
	}
	return all
}
