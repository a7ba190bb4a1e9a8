package login

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

const (
	// commitTries is how often a login is decided anew when others wrote
	// first. They are few: the keeper, and other logins of the same person.
	commitTries = 6
	// refreshLife is the life of a user's refresh token from the exchange. It
	// cannot be renewed. developers.weixin.qq.com/doc/service/guide/h5/auth
	refreshLife = 30 * 24 * time.Hour
	profileTime = 3 * time.Second
)

// done is a committed login.
type done struct {
	session access.Session
	token   secret.Value
	taken   string // id of the invitation that was taken
	gone    string // id of the invitation that could not be taken any more
}

// commit applies the whole login in one transaction. When somebody else wrote
// first it reads, seals and decides again.
func (l *Login) commit(ctx context.Context, r *http.Request, a arrival, answer Answer) (done, error) {
	d := done{taken: a.p.Invitation}
	var hash []byte
	d.token, hash = access.NewKey(access.SessionPrefix)
	var err error
	for range commitTries {
		var e grant.Effects
		e, err = l.effects(ctx, r, a, answer, d.taken, hash)
		if err != nil {
			return done{}, err
		}
		err = l.o.Store.Login(ctx, e)
		switch {
		case err == nil:
			d.session = e.Login.Session
			return d, nil
		case errors.Is(err, access.ErrInvitationGone) && d.taken != "":
			// The pair is WeChat's newest and must be kept all the same.
			d.gone, d.taken = d.taken, ""
		case errors.Is(err, grant.ErrLost) || errors.Is(err, access.ErrStale):
		default:
			return done{}, err
		}
	}
	return done{}, fmt.Errorf("login: others wrote first %d times; let the person start again: %w", commitTries, err)
}

// effects decides what a login changes, from what is stored right now.
func (l *Login) effects(ctx context.Context, r *http.Request, a arrival, answer Answer, invitation string, token []byte) (grant.Effects, error) {
	identity, fresh, err := l.identify(ctx, a, answer)
	if err != nil {
		return grant.Effects{}, err
	}
	authorise, err := l.authorise(ctx, a, answer, identity.PersonID)
	if err != nil {
		return grant.Effects{}, err
	}
	s := l.newSession(r, a.at, token)
	s.PersonID, s.App, s.Door = identity.PersonID, a.app.ID, a.p.Door
	var notices []notice.Notice
	if !fresh {
		if notices, err = l.tellIfNew(r, &s); err != nil {
			return grant.Effects{}, err
		}
	}
	change := &grant.Login{StateHash: a.hash, Identity: identity, Session: s, Consent: a.accepted(identity.PersonID)}
	if fresh {
		change.NewPerson = identity.PersonID
	}
	if invitation != "" {
		change.Take = &grant.Take{InvitationID: invitation, PersonID: identity.PersonID, Code: fourDigits()}
	}
	e := grant.Effects{At: a.at, Authorise: authorise, Login: change, Notices: notices, Audit: []audit.Entry{loginEntry(a, change, authorise)}}
	if a.claim != nil && change.Take != nil && a.claim.owned {
		e.Notices = append(e.Notices, grant.ClaimNotice(a.at, a.claim.invitation(identity.PersonID)))
	}
	if !l.another(r, a, identity.PersonID) { // else the one before goes on until somebody answers
		e.EndSessions, err = l.replaced(r)
	}
	return e, err
}

// replaced picks the session that this browser had before.
func (l *Login) replaced(r *http.Request) ([]access.SessionFilter, error) {
	old, err := l.session(r)
	if errors.Is(err, errNoSession) {
		return nil, nil
	}
	return []access.SessionFilter{{ID: old.ID, Why: "new login"}}, err
}

// identify finds the person whom WeChat named, or makes one.
func (l *Login) identify(ctx context.Context, a arrival, answer Answer) (identity access.Identity, fresh bool, err error) {
	identity, err = l.o.Store.Identity(ctx, a.app.ID, answer.OpenID)
	if errors.Is(err, access.ErrNotFound) {
		identity = access.Identity{App: a.app.ID, OpenID: answer.OpenID, PersonID: access.NewID("p")}
		fresh, err = true, nil
	}
	if answer.UnionID != "" {
		// A silent login often names none; what is known stays.
		identity.UnionID = answer.UnionID
	}
	identity.SeenAt = a.at
	return identity, fresh, err
}

// authorise seals the new pair as the generation after the one that is kept. A mini
// program's login gives none.
func (l *Login) authorise(ctx context.Context, a arrival, answer Answer, person string) (*grant.Authorisation, error) {
	if a.p.Door == access.DoorMini {
		return nil, nil
	}
	scope := keptScope(a.p.Scope, answer.Scope)
	g, err := l.o.Store.UserGrant(ctx, a.app.ID, answer.OpenID, scope)
	if errors.Is(err, grant.ErrNotFound) || errors.Is(err, access.ErrNotFound) {
		g, err = grant.Grant{ID: access.NewID("g")}, nil
	}
	if err != nil {
		return nil, err
	}
	t, err := l.sealPair(g.ID, g.Tokens.Generation+1, a.at, answer)
	if err != nil {
		return nil, err
	}
	return &grant.Authorisation{
		GrantID: g.ID, Kind: grant.User, App: a.app.ID, PersonID: person,
		OpenID: answer.OpenID, Scope: scope, From: g.Tokens.Generation,
		Tokens: t, DueAt: l.o.Due(a.at, *t),
	}, nil
}

func (l *Login) sealPair(grantID string, generation int64, at time.Time, answer Answer) (*grant.Tokens, error) {
	kind := string(grant.User)
	sealedAccess, err := l.o.Vault.Seal(answer.Access, vault.GrantAccess(grantID, kind, generation))
	if err != nil {
		return nil, fmt.Errorf("login: seal the access token: %w", err)
	}
	sealedRefresh, err := l.o.Vault.Seal(answer.Refresh, vault.GrantRefresh(grantID, kind, generation))
	if err != nil {
		return nil, fmt.Errorf("login: seal the refresh token: %w", err)
	}
	return &grant.Tokens{
		Generation: generation,
		Access:     sealedAccess, AccessExpires: answer.AccessExpires,
		Refresh: sealedRefresh, RefreshIssued: at, RefreshExpires: at.Add(refreshLife),
	}, nil
}

// keptScope says under which scope the pair is kept: the one that was asked,
// unless WeChat granted something else.
func keptScope(asked, answered string) string {
	if answered == "" {
		return asked
	}
	granted := strings.Split(answered, ",")
	if slices.Contains(granted, asked) {
		return asked
	}
	slices.Sort(granted)
	return strings.Join(granted, ",")
}

// accepted gives the consent that came with this login, if any.
func (a arrival) accepted(person string) *access.Consent {
	if a.p.Consent == "" {
		return nil
	}
	return &access.Consent{PersonID: person, App: a.app.ID, TenantID: a.p.Tenant, Version: a.p.Consent, At: a.at}
}

// loginEntry is the audit entry of a login. The digest of the sealed pair is
// in it, as in a keeper's settle.
func loginEntry(a arrival, change *grant.Login, g *grant.Authorisation) audit.Entry {
	details := map[string]string{"app": a.app.ID, "door": string(a.p.Door)}
	if g != nil {
		details[g.GrantID] = strconv.FormatInt(g.Tokens.Generation, 10) + " " + g.Tokens.Digest()
	}
	if change.NewPerson != "" {
		details["new"] = "true"
	}
	if change.Take != nil {
		details["invitation"] = change.Take.InvitationID
	}
	if change.Consent != nil {
		details["consent"] = change.Consent.Version
	}
	return audit.Entry{
		At: a.at, Actor: audit.Actor{Kind: audit.ActorPerson, ID: change.Identity.PersonID},
		Action: "login", Subject: "session:" + change.Session.ID, Outcome: audit.Done, Details: details,
	}
}

// newSession makes a session that still lacks its owner.
func (l *Login) newSession(r *http.Request, at time.Time, token []byte) access.Session {
	return access.Session{
		ID: access.NewID("s"), TokenHash: token,
		CreatedAt: at, SeenAt: at, ProvedAt: at,
		ExpiresAt: at.Add(l.o.Absolute), IdleLimit: l.o.Idle,
		Device: web.DeviceName(r.UserAgent()), System: web.SystemName(r.UserAgent()), Address: network(r.Context()),
	}
}

// fourDigits makes the code that the person invited tells the inviter. Three
// tries against ten thousand codes are few enough.
func fourDigits() string {
	n, err := rand.Int(rand.Reader, big.NewInt(10_000))
	if err != nil {
		panic("login: no randomness") // crypto/rand never fails since Go 1.24
	}
	return fmt.Sprintf("%04d", n)
}

// fetchProfile asks for name and face with the token that is committed now.
// The login stands without them.
func (l *Login) fetchProfile(ctx context.Context, app access.App, answer Answer, person string) {
	if !slices.ContainsFunc(strings.Split(answer.Scope, ","), func(s string) bool {
		return s == "snsapi_userinfo" || s == "snsapi_login"
	}) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, profileTime)
	defer cancel()
	profile, err := l.o.Platform.UserInfo(ctx, app, answer.Access, answer.OpenID)
	if err == nil {
		profile.PersonID, profile.UpdatedAt = person, l.o.Now()
		err = l.o.Store.SaveProfile(ctx, profile)
	}
	if err != nil {
		l.o.Log.WarnContext(ctx, "the profile was not fetched; the next login tries again",
			"app", app.ID, "person", person, "error", secret.Scrub(err, answer.Access))
	}
}

// afterLogin says where a finished login goes.
func (l *Login) afterLogin(ctx context.Context, w http.ResponseWriter, r *http.Request, a arrival, answer Answer, d done) string {
	if id := d.taken + d.gone; id != "" {
		return l.path("/invited/"+id, nil)
	}
	if l.offerLink(ctx, w, r, a, answer, d.session) {
		return l.path("/link", nil)
	}
	return a.p.Return
}
