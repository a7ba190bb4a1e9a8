package sqlstore

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// millis is how a time is stored.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// missing turns "no rows" into the domain's word for it.
func missing(err, notFound error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return notFound
	}
	return err
}

// one reads a single row and converts it.
func one[R, T any](l *Log, op string, row R, err error, to func(R) T) (T, error) {
	if err != nil {
		var zero T
		return zero, l.fail(op, missing(err, access.ErrNotFound))
	}
	return to(row), nil
}

// many converts rows.
func many[R, T any](l *Log, op string, rows []R, err error, to func(R) T) ([]T, error) {
	if err != nil {
		return nil, l.fail(op, err)
	}
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = to(r)
	}
	return out, nil
}

func toGrant(r sqlgen.Grant) grant.Grant {
	return grant.Grant{
		ID: r.ID, Kind: grant.Kind(r.Kind), App: r.App, ShopID: r.ShopID, PersonID: r.PersonID,
		OpenID: r.Openid, Scope: r.Scope, State: grant.State(r.State), Cause: r.Cause, ErrCode: int(r.ErrCode),
		Tokens: toTokens(r), DueAt: fromMillis(r.DueAt), Attempt: int(r.Attempt),
		Lease:       grant.Lease{Owner: r.LeaseOwner, Term: r.LeaseTerm, Until: fromMillis(r.LeaseUntil)},
		SettledTerm: r.SettledTerm, Proved: fromMillis(r.ProvedAt), Doubts: int(r.Doubts), Used: fromMillis(r.UsedAt), Kills: int(r.Kills),
		CreatedAt: fromMillis(r.CreatedAt), UpdatedAt: fromMillis(r.UpdatedAt), SettledAt: fromMillis(r.SettledAt),
		Authorizer: r.Authorizer,
	}
}

func toTokens(r sqlgen.Grant) grant.Tokens {
	return grant.Tokens{
		Generation: r.Generation, Access: r.Access, AccessExpires: fromMillis(r.AccessExpires),
		Refresh: r.Refresh, RefreshIssued: fromMillis(r.RefreshIssued), RefreshExpires: fromMillis(r.RefreshExpires),
	}
}

func toApp(r sqlgen.App) access.App {
	a := access.App{
		ID: r.ID, Kind: access.AppKind(r.Kind), AppID: r.AppID, Name: r.Name, Secret: r.Secret,
		SecretVersion: r.SecretVersion, CallbackHost: r.CallbackHost, VerifyName: r.VerifyName,
		VerifyBody: r.VerifyBody, Scope: r.Scope, Egress: r.Egress,
	}
	a.APIHosts = fromJSON[[]string](r.ApiHosts)
	a.Push = access.Push{Keys: r.Push, Version: r.PushVersion, Previous: r.PushPrevious, PreviousVersion: r.PushPreviousVersion}
	for _, s := range fromJSON[[]service](r.Services) {
		a.Services = append(a.Services, access.Service(s))
	}
	if r.OwnerMessage != "" {
		a.OwnerMessage = fromJSON[access.OwnerMessage](r.OwnerMessage)
	}
	return a
}

// service is how an [access.Service] is stored.
type service struct {
	ID        string      `json:"id"`
	ServiceID string      `json:"service_id"`
	Name      string      `json:"name"`
	Role      access.Role `json:"role"`
}

func fromServices(all []access.Service) []service {
	var out []service
	for _, s := range all {
		out = append(out, service(s))
	}
	slices.SortFunc(out, func(a, b service) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func toTenant(r sqlgen.Tenant) access.Tenant { return access.Tenant{ID: r.ID, Name: r.Name} }

func toShop(r sqlgen.Shop) access.Shop {
	return access.Shop{ID: r.ID, TenantID: r.TenantID, App: r.App, AppID: r.AppID, Name: r.Name, RevokeOnWithdraw: r.RevokeOnWithdraw}
}

func toIdentity(r sqlgen.Identity) access.Identity {
	return access.Identity{App: r.App, OpenID: r.Openid, UnionID: r.Unionid, PersonID: r.PersonID, SeenAt: fromMillis(r.SeenAt)}
}

func toProfile(r sqlgen.Profile) access.Profile {
	return access.Profile{PersonID: r.PersonID, Nickname: r.Nickname, AvatarURL: r.AvatarUrl, UpdatedAt: fromMillis(r.UpdatedAt)}
}

func toMember(r sqlgen.Member) access.Member {
	return access.Member{TenantID: r.TenantID, ShopID: r.ShopID, PersonID: r.PersonID, Role: access.Role(r.Role),
		Since: fromMillis(r.Since), Until: fromMillis(r.Until)}
}

func toInvitation(r sqlgen.Invitation) access.Invitation {
	return access.Invitation{
		ID: r.ID, TokenHash: r.TokenHash, TenantID: r.TenantID, ShopID: r.ShopID, Role: access.Role(r.Role),
		InvitedBy: r.InvitedBy, CreatedAt: fromMillis(r.CreatedAt), ExpiresAt: fromMillis(r.ExpiresAt),
		State: access.InvitationState(r.State), PersonID: r.PersonID, Code: r.Code, Tries: int(r.Tries), MemberUntil: fromMillis(r.MemberUntil),
	}
}

func toTransfer(r sqlgen.Transfer) access.Transfer {
	return access.Transfer{
		ID: r.ID, TenantID: r.TenantID, ShopID: r.ShopID, From: r.FromPerson, To: r.ToPerson, By: r.MadeBy,
		State: access.TransferState(r.State), CreatedAt: fromMillis(r.CreatedAt), DueAt: fromMillis(r.DueAt), EndedAt: fromMillis(r.EndedAt),
	}
}

func toVisit(r sqlgen.Visit) access.Visit {
	return access.Visit{ID: r.ID, AdminID: r.AdminID, TenantID: r.TenantID, Reason: r.Reason, At: fromMillis(r.At), EndsAt: fromMillis(r.EndsAt)}
}

func toSession(r sqlgen.Session) access.Session {
	return access.Session{
		ID: r.ID, TokenHash: r.TokenHash, PersonID: r.PersonID, AdminID: r.AdminID, App: r.App, Door: access.Door(r.Door),
		CreatedAt: fromMillis(r.CreatedAt), SeenAt: fromMillis(r.SeenAt), ProvedAt: fromMillis(r.ProvedAt),
		ExpiresAt: fromMillis(r.ExpiresAt), IdleLimit: time.Duration(r.IdleMs) * time.Millisecond,
		EndedAt: fromMillis(r.EndedAt), EndedWhy: r.EndedWhy, Device: r.Device, ShopID: r.ShopID, Role: access.Role(r.Role),
		Parent: r.Parent, Host: r.Host, Address: r.Address, System: r.System,
		Previous: r.Previous, RotatedAt: fromMillis(r.RotatedAt), ReplacedAt: fromMillis(r.ReplacedAt), ToldAt: fromMillis(r.ToldAt),
	}
}

func toCallback(r sqlgen.Callback) grant.Callback {
	return grant.Callback{App: r.App, StateHash: r.StateHash, CodeHash: r.CodeHash, At: fromMillis(r.At), SessionID: r.SessionID}
}

func toConsent(r sqlgen.Consent) access.Consent {
	return access.Consent{PersonID: r.PersonID, App: r.App, TenantID: r.TenantID, Version: r.Version, At: fromMillis(r.At)}
}

func toClient(r sqlgen.Client) (access.Client, error) {
	rights, err := access.DecodeRights(r.Rights)
	if err != nil {
		return access.Client{}, fmt.Errorf("client %q: %w", r.ID, err)
	}
	return access.Client{
		ID: r.ID, Name: r.Name, KeyHash: r.KeyHash, KeyHint: r.KeyHint, Mode: access.Mode(r.Mode), Rights: rights, MadeBy: r.MadeBy,
		CreatedAt: fromMillis(r.CreatedAt), ExpiresAt: fromMillis(r.ExpiresAt), RevokedAt: fromMillis(r.RevokedAt),
		UsedAt: fromMillis(r.KeyUsedAt), Next: toNextKey(r),
	}, nil
}

func toAdmin(r sqlgen.Admin) access.Administrator {
	return access.Administrator{ID: r.ID, Name: r.Name, Kind: access.StaffKind(r.Kind), Subject: r.Subject, KeyHash: r.KeyHash, CreatedAt: fromMillis(r.CreatedAt),
		ExpiresAt: fromMillis(r.ExpiresAt), RevokedAt: fromMillis(r.RevokedAt)}
}

// jsonText is what is stored as JSON in one column.
type jsonText interface {
	[]string | map[string]string | []int64 | []service | access.OwnerMessage
}

// toJSON stores a list or a map.
func toJSON[T jsonText](v T) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	return string(b)
}

// fromJSON reads what toJSON wrote. Anything else, which only somebody's own
// hand can have put there, counts as nothing.
func fromJSON[T jsonText](s string) T {
	var v T
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		var none T
		return none
	}
	return v
}

// exists turns the answer of a lookup into a yes or no.
func exists[R any](_ R, err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// fromOwnerMessage writes how an app writes to owners; nothing where it does not.
func fromOwnerMessage(m access.OwnerMessage) string {
	if m.IsZero() {
		return ""
	}
	return toJSON(m)
}
