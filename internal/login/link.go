package login

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

const (
	linkLife     = 15 * time.Minute
	unlinkedLife = 180 * 24 * time.Hour
)

// linkOffer asks whether two persons are one. It lives in a sealed cookie, and
// everything in it is checked again before it counts.
type linkOffer struct {
	App     string `json:"a"` // with OpenID: the identity that would move
	OpenID  string `json:"o"`
	To      string `json:"t"` // the person it would move to
	Other   string `json:"p"` // the one of the two who did not log in here
	Session string `json:"s"`
	Return  string `json:"r"`
	Until   int64  `json:"u"` // Unix milliseconds
}

// offerLink sets the cookie of an offer when WeChat's unionid names somebody
// who is another person to us. Failing to find out is not worth losing a login
// for: the next one asks again.
func (l *Login) offerLink(ctx context.Context, w http.ResponseWriter, r *http.Request, a arrival, answer Answer, s access.Session) bool {
	if answer.UnionID == "" {
		return false
	}
	mine := access.Identity{App: a.app.ID, OpenID: answer.OpenID, UnionID: answer.UnionID, PersonID: s.PersonID}
	o, ok, err := l.findLink(ctx, mine)
	if err != nil {
		l.o.Log.WarnContext(ctx, "looking for the same person failed; the next login tries again", "person", s.PersonID, "error", err)
	}
	if !ok {
		return false
	}
	o.Session, o.Return, o.Until = s.ID, a.p.Return, a.at.Add(linkLife).UnixMilli()
	if declined, ok := l.jar.Get(r, unlinkedCookie); ok && declined == pairKey(s.PersonID, o.Other) {
		return false
	}
	value, err := l.sealCookie(linkCookie, o)
	if err != nil || len(value) > maxCookie {
		return false
	}
	l.jar.Set(w, linkCookie, value, linkLife)
	return true
}

// findLink looks for another person with the same unionid and says which
// identity would move where: always towards the person who holds roles.
func (l *Login) findLink(ctx context.Context, mine access.Identity) (linkOffer, bool, error) {
	same, err := l.o.Store.IdentitiesByUnionID(ctx, mine.UnionID)
	if err != nil {
		return linkOffer{}, false, err
	}
	others := slices.DeleteFunc(slices.Clone(same), func(i access.Identity) bool { return i.PersonID == mine.PersonID })
	if len(others) == 0 {
		return linkOffer{}, false, nil
	}
	newest := slices.MaxFunc(others, func(a, b access.Identity) int { return a.SeenAt.Compare(b.SeenAt) })
	mineHolds, err := l.holdsRoles(ctx, mine.PersonID)
	if err != nil {
		return linkOffer{}, false, err
	}
	if !mineHolds {
		return linkOffer{App: mine.App, OpenID: mine.OpenID, To: newest.PersonID, Other: newest.PersonID}, true, nil
	}
	otherHolds, err := l.holdsRoles(ctx, newest.PersonID)
	if err != nil || otherHolds {
		return linkOffer{}, false, err
	}
	return linkOffer{App: newest.App, OpenID: newest.OpenID, To: mine.PersonID, Other: newest.PersonID}, true, nil
}

func (l *Login) holdsRoles(ctx context.Context, person string) (bool, error) {
	p, err := l.o.Store.Person(ctx, person)
	if errors.Is(err, access.ErrNotFound) {
		return false, nil
	}
	now := l.o.Now()
	return slices.ContainsFunc(p.Members, func(m access.Member) bool { return m.Active(now) }), err
}

func pairKey(a, b string) string { return digestHex(min(a, b) + "\x00" + max(a, b))[:32] }

func digestHex(s string) string { return hex.EncodeToString(digest(s)) }

// getLink asks "the same human?".
func (l *Login) getLink(w http.ResponseWriter, r *http.Request) error {
	s, _, err := l.Who(r)
	if err != nil {
		return err
	}
	o, _, err := l.readOffer(r, s)
	if err != nil {
		return err
	}
	app, err := l.o.Store.App(r.Context(), o.App)
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return err
	}
	p, err := l.o.Store.Person(r.Context(), o.To)
	if err != nil {
		return err
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.link.title"},
		linkPage(linkView{Nickname: p.Profile.Nickname, App: app.Name}))
}

// readOffer opens the offer of this browser and checks it against what is
// stored now.
func (l *Login) readOffer(r *http.Request, s access.Session) (linkOffer, access.Identity, error) {
	gone := withLink(page(http.StatusGone, "link-gone"), "home", "/")
	value, ok := l.jar.Get(r, linkCookie)
	if !ok {
		return linkOffer{}, access.Identity{}, gone
	}
	var o linkOffer
	if err := l.openCookie(linkCookie, value, &o); err != nil {
		return linkOffer{}, access.Identity{}, l.refuse(r, "identity.link", "", gone)
	}
	if o.Session != s.ID || !l.o.Now().Before(time.UnixMilli(o.Until)) {
		return linkOffer{}, access.Identity{}, gone
	}
	moving, err := l.stillSame(r.Context(), o, s.PersonID)
	if errors.Is(err, errNotSame) {
		err = gone
	}
	return o, moving, err
}

var errNotSame = errors.New("login: the two identities no longer share a unionid")

// stillSame checks that the moving identity and the person it would move to
// still share a unionid, that me is one of the two, and that no role is lost.
func (l *Login) stillSame(ctx context.Context, o linkOffer, me string) (access.Identity, error) {
	moving, err := l.o.Store.Identity(ctx, o.App, o.OpenID)
	if errors.Is(err, access.ErrNotFound) || err == nil && (moving.UnionID == "" || moving.PersonID == o.To) {
		return access.Identity{}, errNotSame
	}
	if err != nil {
		return access.Identity{}, err
	}
	if me == "" || moving.PersonID != me && o.To != me {
		return access.Identity{}, errNotSame
	}
	same, err := l.o.Store.IdentitiesByUnionID(ctx, moving.UnionID)
	if err != nil {
		return access.Identity{}, err
	}
	if !slices.ContainsFunc(same, func(i access.Identity) bool { return i.PersonID == o.To }) {
		return access.Identity{}, errNotSame
	}
	holds, err := l.holdsRoles(ctx, moving.PersonID)
	if err == nil && holds {
		err = errNotSame
	}
	return moving, err
}

// postLink does what the person answered. No is remembered in the browser.
func (l *Login) postLink(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	s, _, err := l.Who(r)
	if err != nil {
		return err
	}
	o, moving, err := l.readOffer(r, s)
	if err != nil {
		return err
	}
	switch r.PostForm.Get("same") {
	case "yes":
		if err := l.link(r.Context(), o, moving, s); err != nil {
			return err
		}
	case "no":
		l.jar.Set(w, unlinkedCookie, pairKey(s.PersonID, o.Other), unlinkedLife)
	default:
		return badForm(nil)
	}
	l.jar.Drop(w, linkCookie)
	return redirect(w, r, o.Return)
}

// link moves the identity. This browser's session moves along if it is the
// mover's.
func (l *Login) link(ctx context.Context, o linkOffer, moving access.Identity, s access.Session) error {
	session := ""
	if moving.PersonID == s.PersonID {
		session = s.ID
	}
	return l.o.Store.LinkIdentity(ctx, o.App, o.OpenID, o.To, session, audit.Entry{
		At: l.o.Now(), Actor: actorOf(s), Action: "identity.link", Subject: "person:" + o.To, Outcome: audit.Done,
		Details: map[string]string{"app": o.App, "from": moving.PersonID},
	})
}

// linkView is what the question shows.
type linkView struct {
	Nickname string // of the person that would remain
	App      string // through which the moving identity came
}
