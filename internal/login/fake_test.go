package login

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// memStore keeps the store's promises in memory: every method is atomic,
// generations are compared, states and codes are used once.
type memStore struct {
	mu          sync.Mutex
	apps        []access.App
	shops       []access.Shop
	tenants     []access.Tenant
	callbacks   []grant.Callback
	persons     map[string]*access.Person
	identities  []access.Identity
	grants      []grant.Grant
	sessions    []access.Session
	invitations []access.Invitation
	consents    []access.Consent
	admins      []access.Administrator
	setup       map[string]bool // hash → used
	audit       []audit.Entry
	notices     []notice.Notice
	highest     time.Time
	purchases   []access.Purchase
	scans       []access.Scan
	logins      int // calls of Login

	// beforeLogin runs before the n-th Login, from 1; an error is its result.
	beforeLogin func(n int) error
	// fail makes a method fail, by its name.
	fail map[string]error
}

var errDown = errors.New("fake: the database is down")

func (m *memStore) failing(method string) error { return m.fail[method] }

func (m *memStore) App(_ context.Context, id string) (access.App, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("App"); err != nil {
		return access.App{}, err
	}
	return find(m.apps, func(a access.App) bool { return a.ID == id })
}

func find[T any](all []T, ok func(T) bool) (T, error) {
	if i := slices.IndexFunc(all, ok); i >= 0 {
		return all[i], nil
	}
	var none T
	return none, access.ErrNotFound
}

func (m *memStore) Apps(context.Context) ([]access.App, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.apps), m.failing("Apps")
}

func (m *memStore) Shop(_ context.Context, id string) (access.Shop, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m.shops, func(s access.Shop) bool { return s.ID == id })
}

func (m *memStore) Shops(context.Context) ([]access.Shop, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.shops), nil
}

func (m *memStore) Tenant(_ context.Context, id string) (access.Tenant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m.tenants, func(t access.Tenant) bool { return t.ID == id })
}

func (m *memStore) UseState(_ context.Context, c grant.Callback, e ...audit.Entry) (*grant.Callback, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("UseState"); err != nil {
		return nil, err
	}
	for _, was := range m.callbacks {
		if bytes.Equal(was.StateHash, c.StateHash) || len(c.CodeHash) > 0 && was.App == c.App && bytes.Equal(was.CodeHash, c.CodeHash) {
			return &was, access.ErrUsed
		}
	}
	m.callbacks = append(m.callbacks, c)
	m.audit = append(m.audit, e...)
	return nil, nil
}

func (m *memStore) StateUsed(_ context.Context, stateHash []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.callbacks, func(c grant.Callback) bool { return bytes.Equal(c.StateHash, stateHash) }), m.failing("StateUsed")
}

func (m *memStore) Login(ctx context.Context, e grant.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logins++
	if m.beforeLogin != nil {
		if err := m.beforeLogin(m.logins); err != nil {
			return err
		}
	}
	if err := errors.Join(ctx.Err(), m.failing("Login")); err != nil {
		return err
	}
	if err := m.mayLogin(e); err != nil {
		return err
	}
	l := e.Login
	if l.NewPerson != "" {
		m.persons[l.NewPerson] = &access.Person{ID: l.NewPerson}
	}
	if l.Identity.PersonID != "" {
		m.identities = slices.DeleteFunc(m.identities, func(i access.Identity) bool { return sameIdentity(i, l.Identity) })
		m.identities = append(m.identities, l.Identity)
	}
	if e.Authorise != nil {
		m.keep(*e.Authorise)
	}
	m.purchases = append(m.purchases, e.Purchases...)
	m.notices = append(m.notices, e.Notices...)
	m.endLocked(e)
	m.sessions = append(m.sessions, l.Session)
	if l.Consent != nil {
		m.consents = append(m.consents, *l.Consent)
	}
	if l.Take != nil {
		i := slices.IndexFunc(m.invitations, func(i access.Invitation) bool { return i.ID == l.Take.InvitationID })
		inv := &m.invitations[i]
		inv.State, inv.PersonID, inv.Code = access.InvitationTaken, l.Take.PersonID, l.Take.Code
	}
	i := slices.IndexFunc(m.callbacks, func(c grant.Callback) bool { return bytes.Equal(c.StateHash, l.StateHash) })
	m.callbacks[i].SessionID = l.Session.ID
	m.audit = append(m.audit, e.Audit...)
	return nil
}

// mayLogin makes every check before anything changes.
func (m *memStore) mayLogin(e grant.Effects) error {
	l := e.Login
	was, err := find(m.identities, func(i access.Identity) bool { return sameIdentity(i, l.Identity) })
	if err == nil && was.PersonID != l.Identity.PersonID {
		return access.ErrStale
	}
	if e.Authorise == nil {
		return nil
	}
	g, err := find(m.grants, func(g grant.Grant) bool { return sameGrant(g, *e.Authorise) })
	if err == nil && (g.Tokens.Generation != e.Authorise.From || g.ID != e.Authorise.GrantID) || err != nil && e.Authorise.From != 0 {
		return grant.ErrLost
	}
	if l.Take != nil {
		inv, err := find(m.invitations, func(i access.Invitation) bool { return i.ID == l.Take.InvitationID })
		if err != nil || !inv.Usable(e.At) {
			return access.ErrInvitationGone
		}
	}
	return nil
}

func sameIdentity(a, b access.Identity) bool { return a.App == b.App && a.OpenID == b.OpenID }

func sameGrant(g grant.Grant, a grant.Authorisation) bool {
	return g.App == a.App && g.OpenID == a.OpenID && g.Scope == a.Scope
}

func (m *memStore) keep(a grant.Authorisation) {
	m.grants = slices.DeleteFunc(m.grants, func(g grant.Grant) bool { return sameGrant(g, a) })
	m.grants = append(m.grants, grant.Grant{
		ID: a.GrantID, Kind: a.Kind, App: a.App, PersonID: a.PersonID, OpenID: a.OpenID, Scope: a.Scope,
		State: grant.Active, Tokens: *a.Tokens, DueAt: a.DueAt,
	})
}

func (m *memStore) endLocked(e grant.Effects) (n int) {
	for _, f := range e.EndSessions {
		for i := range m.sessions {
			if s := &m.sessions[i]; s.EndedAt.IsZero() && picks(f, *s) {
				s.EndedAt, s.EndedWhy = e.At, f.Why
				n++
				n += m.endLocked(grant.Effects{At: e.At, EndSessions: []access.SessionFilter{{Parent: s.ID, Why: f.Why}}})
			}
		}
	}
	return n
}

func picks(f access.SessionFilter, s access.Session) bool {
	if f.ID == "" && f.PersonID == "" && f.AdminID == "" && f.ShopID == "" && f.Parent == "" {
		return false
	}
	return (f.ShopID == "" || f.ShopID == s.ShopID) && (f.ID == "" || f.ID == s.ID) && (f.PersonID == "" || f.PersonID == s.PersonID) &&
		(f.AdminID == "" || f.AdminID == s.AdminID) && (f.NotID == "" || f.NotID != s.ID && f.NotID != s.Parent) &&
		(f.Parent == "" || f.Parent == s.Parent)
}

func (m *memStore) ObserveTime(_ context.Context, now time.Time) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.After(m.highest) {
		m.highest = now
	}
	return m.highest, m.failing("ObserveTime")
}

func (m *memStore) InvitationByToken(_ context.Context, hash []byte) (access.Invitation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m.invitations, func(i access.Invitation) bool { return bytes.Equal(i.TokenHash, hash) })
}

func (m *memStore) Invitation(_ context.Context, id string) (access.Invitation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m.invitations, func(i access.Invitation) bool { return i.ID == id })
}

func (m *memStore) Members(_ context.Context, tenantID string) ([]access.Member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []access.Member
	for _, p := range m.persons {
		for _, member := range p.Members {
			if member.TenantID == tenantID {
				all = append(all, member)
			}
		}
	}
	return all, m.failing("Members")
}

func (m *memStore) CreateInvitation(_ context.Context, i access.Invitation, e ...audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invitations = append(m.invitations, i)
	m.audit = append(m.audit, e...)
	return m.failing("CreateInvitation")
}

func (m *memStore) ConfirmClaim(ctx context.Context, id, shopID, personID string, now time.Time, e grant.Effects) error {
	if err := m.failing("ConfirmClaim"); err != nil {
		return err
	}
	i, err := m.Invitation(ctx, id)
	if err == nil && i.PersonID != personID {
		err = access.ErrInvitationGone
	}
	if err != nil {
		return err
	}
	if err := m.free(ctx, i, shopID, now); err != nil {
		return err
	}
	if err := m.confirm(id, i.Code, now); err != nil {
		return err
	}
	m.mu.Lock()
	m.audit = append(m.audit, e.Audit...)
	m.notices = append(m.notices, e.Notices...)
	m.mu.Unlock()
	return nil
}

// free is the store's own check of a claim.
func (m *memStore) free(ctx context.Context, i access.Invitation, shopID string, now time.Time) error {
	shop, err := m.Shop(ctx, shopID)
	if err != nil {
		return err
	}
	shops, err := m.Shops(ctx)
	if err != nil {
		return err
	}
	members, err := m.Members(ctx, i.TenantID)
	more := slices.ContainsFunc(shops, func(s access.Shop) bool { return s.TenantID == i.TenantID && s.ID != shop.ID })
	if err == nil && (i.ShopID == "" && more || access.HasOwner(members, shop, now)) {
		err = access.ErrNotFree
	}
	return err
}

// confirm is what the inviter's page does in the store.
func (m *memStore) confirm(id, code string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.invitations, func(i access.Invitation) bool { return i.ID == id })
	inv := &m.invitations[i]
	switch {
	case inv.State != access.InvitationTaken || !now.Before(inv.ExpiresAt):
		return access.ErrInvitationGone
	case inv.Code != code:
		if inv.Tries++; inv.Tries >= access.MaxCodeTries {
			inv.State = access.InvitationDead
		}
		return access.ErrWrongCode
	}
	inv.State = access.InvitationConfirmed
	p := m.persons[inv.PersonID]
	p.Members = append(p.Members, access.Member{TenantID: inv.TenantID, ShopID: inv.ShopID, PersonID: p.ID, Role: inv.Role})
	return nil
}

func (m *memStore) UserGrant(_ context.Context, app, openid, scope string) (grant.Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, err := find(m.grants, func(g grant.Grant) bool { return g.App == app && g.OpenID == openid && g.Scope == scope })
	if err != nil {
		err = grant.ErrNotFound
	}
	return g, err
}

func (m *memStore) ShopGrant(_ context.Context, shopID string) (grant.Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, err := find(m.grants, func(g grant.Grant) bool { return g.Kind == grant.Self && g.ShopID == shopID })
	if err != nil {
		err = grant.ErrNotFound
	}
	return g, err
}

func (m *memStore) Grants(_ context.Context, f grant.Filter) ([]grant.Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.grants), func(g grant.Grant) bool {
		return f.PersonID != "" && g.PersonID != f.PersonID || f.Kind != "" && g.Kind != f.Kind
	}), nil
}

func (m *memStore) Revoke(_ context.Context, e grant.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("Revoke"); err != nil {
		return err
	}
	for _, r := range e.Revoke {
		for i := range m.grants {
			if m.grants[i].ID == r.GrantID {
				m.grants[i].State, m.grants[i].Cause = grant.Revoked, r.Cause
				m.grants[i].Tokens = grant.Tokens{Generation: m.grants[i].Tokens.Generation}
			}
		}
	}
	m.endLocked(e)
	m.audit = append(m.audit, e.Audit...)
	m.notices = append(m.notices, e.Notices...)
	return nil
}

func (m *memStore) Identity(_ context.Context, app, openid string) (access.Identity, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m.identities, func(i access.Identity) bool { return i.App == app && i.OpenID == openid })
}

func (m *memStore) IdentitiesByUnionID(_ context.Context, unionid string) ([]access.Identity, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.identities), func(i access.Identity) bool { return i.UnionID != unionid }), m.failing("IdentitiesByUnionID")
}

func (m *memStore) LinkIdentity(_ context.Context, app, openid, to, session string, e ...audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.identities {
		if m.identities[i].App == app && m.identities[i].OpenID == openid {
			m.identities[i].PersonID = to
		}
	}
	for i := range m.grants {
		if m.grants[i].App == app && m.grants[i].OpenID == openid {
			m.grants[i].PersonID = to
		}
	}
	for i := range m.sessions {
		if session != "" && m.sessions[i].ID == session {
			m.sessions[i].PersonID = to
		}
	}
	m.audit = append(m.audit, e...)
	return nil
}

func (m *memStore) SaveProfile(_ context.Context, p access.Profile) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.persons[p.PersonID].Profile = p
	return nil
}

func (m *memStore) Person(_ context.Context, id string) (access.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("Person"); err != nil {
		return access.Person{}, err
	}
	if p := m.persons[id]; p != nil {
		return *p, nil
	}
	return access.Person{}, access.ErrNotFound
}

func (m *memStore) SessionByToken(ctx context.Context, hash []byte) (access.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(ctx.Err(), m.failing("SessionByToken")); err != nil {
		return access.Session{}, err
	}
	return find(m.sessions, func(s access.Session) bool { return bytes.Equal(s.TokenHash, hash) })
}

func (m *memStore) Sessions(_ context.Context, f access.SessionFilter) ([]access.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	some := slices.DeleteFunc(slices.Clone(m.sessions), func(s access.Session) bool { return !picks(f, s) })
	slices.SortFunc(some, func(a, b access.Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	return some, nil
}

func (m *memStore) StartSession(_ context.Context, s access.Session, e ...audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("StartSession"); err != nil {
		return err
	}
	m.sessions = append(m.sessions, s)
	m.audit = append(m.audit, e...)
	return nil
}

func (m *memStore) EndSessions(_ context.Context, e grant.Effects) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.audit = append(m.audit, e.Audit...)
	return m.endLocked(e), m.failing("EndSessions")
}

func (m *memStore) AdminByKey(_ context.Context, hash []byte) (access.Administrator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m.admins, func(a access.Administrator) bool { return bytes.Equal(a.KeyHash, hash) })
}

func (m *memStore) CreateAdmin(_ context.Context, a access.Administrator, setupHash []byte, e ...audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	used, known := m.setup[string(setupHash)]
	if !known {
		return access.ErrNotFound
	}
	if used || len(m.admins) > 0 {
		return access.ErrUsed
	}
	m.setup[string(setupHash)] = true
	m.admins = append(m.admins, a)
	m.audit = append(m.audit, e...)
	return nil
}

// live gives the sessions that count.
func (m *memStore) live(now time.Time) []access.Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.sessions), func(s access.Session) bool { return !s.Live(now) })
}

// fakePlatform is WeChat: it answers codes that it was given, and counts.
type fakePlatform struct {
	mu        sync.Mutex
	exchanges int
	profiles  int
	answers   map[string]Answer // by code
	err       error             // of exchanges
	infoErr   error
	nickname  string
	avatar    string
	during    func() // runs inside of an exchange
}

func (p *fakePlatform) AuthorizeURL(app access.App, redirectURI, state string) (string, error) {
	return "https://open.weixin.qq.com/connect/oauth2/authorize?" + link(app, redirectURI, state), nil
}

func (p *fakePlatform) QRConnectURL(app access.App, redirectURI, state string) (string, error) {
	return "https://open.weixin.qq.com/connect/qrconnect?" + link(app, redirectURI, state), nil
}

func (p *fakePlatform) ExchangeCode(ctx context.Context, _ access.App, appSecret, code secret.Value) (Answer, error) {
	p.mu.Lock()
	p.exchanges++
	during := p.during
	p.mu.Unlock()
	if during != nil {
		during()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if appSecret.RevealString() != "the-app-secret" {
		return Answer{}, errors.New("fake: wrong secret")
	}
	if err := errors.Join(ctx.Err(), p.err); err != nil {
		return Answer{}, err
	}
	a, ok := p.answers[code.RevealString()]
	if !ok {
		return Answer{}, wechatError(40029)
	}
	return a, nil
}

func (p *fakePlatform) UserInfo(_ context.Context, _ access.App, token secret.Value, openid string) (access.Profile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.profiles++
	return access.Profile{Nickname: p.nickname, AvatarURL: cmp.Or(p.avatar, "https://example.com/a.png")}, p.infoErr
}

func (p *fakePlatform) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exchanges
}

// fakeTally keeps every refusal.
type fakeTally struct {
	mu      sync.Mutex
	entries []audit.Entry
}

func (f *fakeTally) Refused(_ context.Context, e audit.Entry, _ netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries = append(f.entries, e)
}

func (f *fakeTally) reasons() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, e := range f.entries {
		all = append(all, e.Action+" "+string(e.Outcome)+" "+e.Reason)
	}
	return all
}
