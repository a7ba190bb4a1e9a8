package zhanggui

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Admin is a program that runs a server for its operator. Make it with [NewAdmin]. It
// may be used by many goroutines.
type Admin struct{ caller }

// NewAdmin is [New] with an administrator's key, zga_…. An operator makes one with
// `zhanggui admin create`.
func NewAdmin(server string, key secret.Value, options ...Option) (*Admin, error) {
	if !strings.HasPrefix(key.RevealString(), adminPrefix) || !printable(key) {
		return nil, errors.New("zhanggui: that is no administrator's key (zga_…); the operator makes one with: zhanggui admin create")
	}
	c, err := newCaller(server, key, options)
	return &Admin{c}, err
}

// Call reaches any operation of the server's /v1/openapi.json. in is sent as JSON and
// the answer decoded into out; either may be nil.
func (a *Admin) Call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	return a.do(ctx, method, path, query, in, out)
}

// Apps lists the apps that log people in, and the third-party platforms.
func (a *Admin) Apps(ctx context.Context) iter.Seq2[App, error] {
	return walk[App](ctx, &a.caller, pathApps, nil)
}

// Tenants lists the tenants.
func (a *Admin) Tenants(ctx context.Context) iter.Seq2[Tenant, error] {
	return walk[Tenant](ctx, &a.caller, pathTenants, nil)
}

// Members lists who belongs to a tenant and its shops.
func (a *Admin) Members(ctx context.Context, tenant string) iter.Seq2[Member, error] {
	return walk[Member](ctx, &a.caller, members(tenant, ""), nil)
}

// Transfers lists the transfers of ownership in a tenant, the newest first.
func (a *Admin) Transfers(ctx context.Context, tenant string) iter.Seq2[Transfer, error] {
	return walk[Transfer](ctx, &a.caller, pathTenants+"/"+url.PathEscape(tenant)+"/transfers", nil)
}

// Visits lists who of the provider entered a tenant, the newest first.
func (a *Admin) Visits(ctx context.Context, tenant string) iter.Seq2[Visit, error] {
	return walk[Visit](ctx, &a.caller, pathTenants+"/"+url.PathEscape(tenant)+"/visits", nil)
}

// Shops lists the shops with the grants that serve them.
func (a *Admin) Shops(ctx context.Context) iter.Seq2[ShopInfo, error] {
	return walk[ShopInfo](ctx, &a.caller, pathShops, nil)
}

// Grants lists the grants that a filter leaves.
func (a *Admin) Grants(ctx context.Context, f GrantFilter) iter.Seq2[Grant, error] {
	return walk[Grant](ctx, &a.caller, "/v1/grants", pairs("shop", f.Shop, "person", f.Person, "kind", f.Kind, "state", f.State))
}

// Clients lists the programs that have keys, also ended ones.
func (a *Admin) Clients(ctx context.Context) iter.Seq2[ClientInfo, error] {
	return walk[ClientInfo](ctx, &a.caller, "/v1/clients", nil)
}

// Sessions lists the sessions of a person and into a shop; empty stands for any.
func (a *Admin) Sessions(ctx context.Context, person, shop string) iter.Seq2[Session, error] {
	return walk[Session](ctx, &a.caller, "/v1/sessions", pairs("person", person, "shop", shop))
}

// Administrators lists who may run the server.
func (a *Admin) Administrators(ctx context.Context) iter.Seq2[Administrator, error] {
	return walk[Administrator](ctx, &a.caller, "/v1/admins", nil)
}

// Invitations lists the invitations of people.
func (a *Admin) Invitations(ctx context.Context) iter.Seq2[Invitation, error] {
	return walk[Invitation](ctx, &a.caller, "/v1/invitations", nil)
}

// Subscriptions lists who hears of which events: those of a client, or all for an
// empty one.
func (a *Admin) Subscriptions(ctx context.Context, client string) iter.Seq2[Subscription, error] {
	return walk[Subscription](ctx, &a.caller, pathSubscriptions, pairs("client", client))
}

// Notices lists what humans are to be told, newest first.
func (a *Admin) Notices(ctx context.Context) iter.Seq2[Notice, error] {
	return walk[Notice](ctx, &a.caller, "/v1/notices", nil)
}

// Platforms lists the third-party platforms and how they stand.
func (a *Admin) Platforms(ctx context.Context) iter.Seq2[Platform, error] {
	return walk[Platform](ctx, &a.caller, "/v1/platforms", nil)
}

// Audit reads the audit log behind a sequence number, oldest first; -1 is before all.
func (a *Admin) Audit(ctx context.Context, after int64) iter.Seq2[Record, error] {
	begin := ""
	if after >= 0 {
		begin = strconv.FormatInt(after, 10)
	}
	return walkAfter(func(after string) ([]Record, error) {
		page, err := ask[items[Record]](ctx, &a.caller, http.MethodGet, "/v1/audit", pairs("after", after, "limit", "1000"), nil)
		return page.Items, err
	}, begin, func(r Record) string { return strconv.FormatInt(r.Seq, 10) })
}

// AuditHead reads how many entries the log has, and the hash that stands for all.
func (a *Admin) AuditHead(ctx context.Context) (AuditHead, error) {
	return ask[AuditHead](ctx, &a.caller, http.MethodGet, "/v1/audit/head", nil, nil)
}

// pairs makes a query of the pairs whose values are not empty.
func pairs(all ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(all); i += 2 {
		if all[i+1] != "" {
			q.Set(all[i], all[i+1])
		}
	}
	return q
}

// ApplyOptions say how a manifest is applied. Without any, what it does not name stays,
// and an AppSecret that a rotation replaced is refused.
type ApplyOptions struct {
	Prune      bool // remove what the manifest does not name
	DryRun     bool // change nothing, and tell what would change
	OldSecrets bool // take AppSecrets that a rotation replaced
}

// Apply makes the directory as a manifest wishes. The manifest is what encodes to
// the schema Manifest of /v1/openapi.json.
func (a *Admin) Apply(ctx context.Context, manifest any, o ApplyOptions) (Applied, error) {
	q := url.Values{"prune": {strconv.FormatBool(o.Prune)}, "dry_run": {strconv.FormatBool(o.DryRun)}, "old_secrets": {strconv.FormatBool(o.OldSecrets)}}
	return create[Applied](ctx, &a.caller, "/v1/apply", q, manifest)
}

// CreateClient makes a program's key.
func (a *Admin) CreateClient(ctx context.Context, n NewClient) (secret.Value, error) {
	made, err := create[Applied](ctx, &a.caller, "/v1/clients", nil, n)
	return made.Keys[n.ID], err
}

// Client reads one program.
func (a *Admin) Client(ctx context.Context, id string) (ClientInfo, error) {
	return ask[ClientInfo](ctx, &a.caller, http.MethodGet, one("/v1/clients", id, ""), nil, nil)
}

// GrantClient gives a program more rights.
func (a *Admin) GrantClient(ctx context.Context, id string, more RightsChange) (Applied, error) {
	return ask[Applied](ctx, &a.caller, http.MethodPost, one("/v1/clients", id, "grant"), nil, more)
}

// UngrantClient takes rights from a program.
func (a *Admin) UngrantClient(ctx context.Context, id string, less RightsChange) (Applied, error) {
	return ask[Applied](ctx, &a.caller, http.MethodPost, one("/v1/clients", id, "ungrant"), nil, less)
}

// RevokeClient ends a program's key at once. It tells which tokens of shops the program
// took out before, with the time that they still live.
func (a *Admin) RevokeClient(ctx context.Context, id string) ([]Exported, error) {
	out, err := ask[struct {
		Exported []Exported `json:"exported"`
	}](ctx, &a.caller, http.MethodPost, one("/v1/clients", id, "revoke"), nil, nil)
	return out.Exported, err
}

// RevokeGrant ends a grant: its tokens are deleted, calls are refused, sessions end.
// cause is a few plain words for the audit log. kill ends the token at WeChat too, by
// two forced refreshes.
func (a *Admin) RevokeGrant(ctx context.Context, id, cause string, kill bool) (Grant, error) {
	in := struct {
		Cause string `json:"cause,omitempty"`
		Kill  bool   `json:"kill,omitempty"`
	}{cause, kill}
	return ask[Grant](ctx, &a.caller, http.MethodPost, one("/v1/grants", id, "revoke"), nil, in)
}

// StartGrant gives a shop's revoked or stopped grant a new start.
func (a *Admin) StartGrant(ctx context.Context, id string) error {
	return a.do(ctx, http.MethodPost, one("/v1/grants", id, "start"), nil, nil, nil)
}

// KickGrant has the keeper look at a grant now.
func (a *Admin) KickGrant(ctx context.Context, id string) error {
	return a.do(ctx, http.MethodPost, one("/v1/grants", id, "kick"), nil, nil, nil)
}

// EndSession ends a session.
func (a *Admin) EndSession(ctx context.Context, id string) error {
	return a.do(ctx, http.MethodPost, one("/v1/sessions", id, "end"), nil, nil, nil)
}

// Invite invites one person to a tenant, or to one shop of it, as owner, operator or
// viewer. The answer has the link for them, this once.
func (a *Admin) Invite(ctx context.Context, tenant, shop, role string) (Invitation, error) {
	in := struct {
		Tenant string `json:"tenant"`
		Shop   string `json:"shop,omitempty"`
		Role   string `json:"role"`
	}{tenant, shop, role}
	return create[Invitation](ctx, &a.caller, "/v1/invitations", nil, in)
}

// ConfirmInvitation confirms who took an invitation, by the four digits that they
// were shown.
func (a *Admin) ConfirmInvitation(ctx context.Context, id, code string) error {
	return a.do(ctx, http.MethodPost, one("/v1/invitations", id, "confirm"), nil, map[string]string{"code": code}, nil)
}

// WithdrawInvitation ends an invitation.
func (a *Admin) WithdrawInvitation(ctx context.Context, id string) error {
	return a.do(ctx, http.MethodPost, one("/v1/invitations", id, "withdraw"), nil, nil, nil)
}

// Record is an entry of the audit log, as it is hashed.
type Record struct {
	Seq   int64           `json:"seq"`
	Entry json.RawMessage `json:"entry"`
}
