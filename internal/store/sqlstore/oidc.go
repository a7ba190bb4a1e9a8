package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// OIDCClient gives a client of OpenID Connect, or [access.ErrNotFound].
func (s *Store) OIDCClient(ctx context.Context, id string) (access.OIDCClient, error) {
	row, err := s.q.OIDCClient(ctx, id)
	return one(s.Log, "read OpenID client", row, err, toOIDCClient)
}

// OIDCClients gives all clients of OpenID Connect in the order of their ids.
func (s *Store) OIDCClients(ctx context.Context) ([]access.OIDCClient, error) {
	rows, err := s.q.OIDCClients(ctx)
	return many(s.Log, "read OpenID clients", rows, err, toOIDCClient)
}

// ShopsOfTenant gives the shops of a tenant in the order of their ids.
func (s *Store) ShopsOfTenant(ctx context.Context, tenant string) ([]access.Shop, error) {
	rows, err := s.q.ShopsOfTenant(ctx, tenant)
	return many(s.Log, "read shops of tenant", rows, err, toShop)
}

// IdentityOfPerson gives the openid by which an app named a person last, or
// [access.ErrNotFound].
func (s *Store) IdentityOfPerson(ctx context.Context, app, person string) (access.Identity, error) {
	row, err := s.q.IdentityOfPerson(ctx, sqlgen.IdentityOfPersonParams{App: app, PersonID: person})
	return one(s.Log, "read identity of person", row, err, toIdentity)
}

// OIDCLogin gives a login into a client, or [access.ErrNotFound].
func (s *Store) OIDCLogin(ctx context.Context, id string) (access.OIDCLogin, error) {
	row, err := s.q.OIDCLogin(ctx, id)
	return one(s.Log, "read OpenID login", row, err, toOIDCLogin)
}

// OIDCLoginByCode gives the login that a code with this hash was for, or
// [access.ErrNotFound].
func (s *Store) OIDCLoginByCode(ctx context.Context, hash []byte) (access.OIDCLogin, error) {
	row, err := s.q.OIDCLoginByCode(ctx, hash)
	return one(s.Log, "read OpenID login by code", row, err, toOIDCLogin)
}

// LastOIDCLogin gives the newest login of a session into a client that has not
// ended, or [access.ErrNotFound].
func (s *Store) LastOIDCLogin(ctx context.Context, session, client string) (access.OIDCLogin, error) {
	row, err := s.q.LastOIDCLogin(ctx, sqlgen.LastOIDCLoginParams{SessionID: session, ClientID: client})
	return one(s.Log, "read last OpenID login", row, err, toOIDCLogin)
}

// loginsKept is how many logins of one session into one client count at a time:
// programs that ask silently every few minutes make one each time.
const loginsKept = 20

// BeginOIDCLogin keeps a login whose code was not exchanged yet. Of many of one
// session into one client the oldest end.
func (s *Store) BeginOIDCLogin(ctx context.Context, l access.OIDCLogin, e ...audit.Entry) error {
	return s.write(ctx, "begin OpenID login", func(t *tx) error {
		if _, err := t.Session(ctx, l.SessionID); err != nil {
			return missing(err, access.ErrNotFound)
		}
		if _, err := t.OIDCClient(ctx, l.ClientID); err != nil {
			return missing(err, access.ErrNotFound)
		}
		t.record(e...)
		err := t.EndOldOIDCLogins(ctx, sqlgen.EndOldOIDCLoginsParams{
			SessionID: l.SessionID, ClientID: l.ClientID, Kept: loginsKept - 1, EndedAt: millis(l.CreatedAt), EndedWhy: "superseded",
		})
		if err != nil {
			return err
		}
		return t.InsertOIDCLogin(ctx, sqlgen.InsertOIDCLoginParams{
			ID: l.ID, ClientID: l.ClientID, SessionID: l.SessionID, PersonID: l.PersonID, ShopID: l.ShopID, Scope: l.Scope, Nonce: l.Nonce,
			RedirectUri: l.RedirectURI, Challenge: l.Challenge, CodeHash: l.CodeHash, CodeEnds: millis(l.CodeEnds), CreatedAt: millis(l.CreatedAt),
		})
	})
}

// RedeemOIDCCode uses up the code of a login. refresh is the hash of the refresh
// token that it is exchanged for, nil for none. [access.ErrUsed] says that it was
// used before, or that the login ended.
func (s *Store) RedeemOIDCCode(ctx context.Context, id string, refresh []byte, at time.Time) error {
	return s.write(ctx, "redeem OpenID code", func(t *tx) error {
		n, err := t.Queries.RedeemOIDCCode(ctx, sqlgen.RedeemOIDCCodeParams{ID: id, RefreshHash: refresh, CodeUsed: millis(at)})
		return usedUp(n, err)
	})
}

// RotateOIDCRefresh puts a refresh token in the place of the one before.
// [access.ErrUsed] says that another one counts by now, or that the login ended.
func (s *Store) RotateOIDCRefresh(ctx context.Context, id string, before, next []byte) error {
	return s.write(ctx, "rotate OpenID refresh token", func(t *tx) error {
		n, err := t.Queries.RotateOIDCRefresh(ctx, sqlgen.RotateOIDCRefreshParams{ID: id, Before: before, RefreshHash: next})
		return usedUp(n, err)
	})
}

func usedUp(n int64, err error) error {
	if err == nil && n == 0 {
		err = access.ErrUsed
	}
	return err
}

// EndOIDCLogin ends a login, and has its client told of it if that wants to know and
// ever got tokens. The entries are recorded only if it had not ended before.
func (s *Store) EndOIDCLogin(ctx context.Context, id, why string, at time.Time, e ...audit.Entry) error {
	return s.write(ctx, "end OpenID login", func(t *tx) error {
		row, err := t.OIDCLogin(ctx, id)
		if err != nil {
			return missing(err, access.ErrNotFound)
		}
		due, err := t.logoutDue(ctx, row, at)
		if err != nil {
			return err
		}
		n, err := t.Queries.EndOIDCLogin(ctx, sqlgen.EndOIDCLoginParams{ID: id, EndedAt: millis(at), EndedWhy: why, LogoutDue: due})
		if err == nil && n > 0 {
			t.record(e...)
		}
		return err
	})
}

// logoutDue tells when the client is told of the end of a login: now, or never if it
// never got tokens, does not want to know, or is being told of this session already.
func (t *tx) logoutDue(ctx context.Context, row sqlgen.OidcLogin, at time.Time) (int64, error) {
	client, err := t.OIDCClient(ctx, row.ClientID)
	if err != nil || client.BackchannelUri == "" || row.CodeUsed == 0 {
		return 0, err
	}
	n, err := t.CountOIDCLogouts(ctx, sqlgen.CountOIDCLogoutsParams{SessionID: row.SessionID, ClientID: row.ClientID})
	if err != nil || n > 0 {
		return 0, err
	}
	return millis(at), nil
}

// OverOIDCLogins gives at most limit logins that did not end although their session
// did.
func (s *Store) OverOIDCLogins(ctx context.Context, now time.Time, limit int) ([]access.OIDCLogin, error) {
	rows, err := s.q.OverOIDCLogins(ctx, sqlgen.OverOIDCLoginsParams{Now: millis(now), MaxRows: rowLimit(limit)})
	return many(s.Log, "read OpenID logins that are over", rows, err, toOIDCLogin)
}

// LiveOIDCLogins gives at most limit logins behind the one with an id that did not
// end, by their ids.
func (s *Store) LiveOIDCLogins(ctx context.Context, after string, limit int) ([]access.OIDCLogin, error) {
	rows, err := s.q.LiveOIDCLogins(ctx, sqlgen.LiveOIDCLoginsParams{After: after, MaxRows: rowLimit(limit)})
	return many(s.Log, "read live OpenID logins", rows, err, toOIDCLogin)
}

// DueOIDCLogouts gives at most limit logins whose client is to be told now, and puts
// them off until then: whoever got one has that long to settle it.
func (s *Store) DueOIDCLogouts(ctx context.Context, now, until time.Time, limit int) ([]access.OIDCLogin, error) {
	due, err := s.q.NextOIDCLogout(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && due > millis(now):
		return nil, nil // most of the time
	case err != nil:
		return nil, s.fail("read due OpenID logouts", err)
	}
	var rows []sqlgen.OidcLogin
	err = s.write(ctx, "claim OpenID logouts", func(t *tx) (err error) {
		rows, err = t.ClaimOIDCLogouts(ctx, sqlgen.ClaimOIDCLogoutsParams{Now: millis(now), Until: millis(until), MaxRows: rowLimit(limit)})
		return err
	})
	if err != nil {
		return nil, err
	}
	return many(s.Log, "claim OpenID logouts", rows, nil, toOIDCLogin)
}

// SettleOIDCLogout says when the client of l is told again, zero for never. A later
// attempt than l's is left alone.
func (s *Store) SettleOIDCLogout(ctx context.Context, l access.OIDCLogin, due time.Time, e ...audit.Entry) error {
	return s.write(ctx, "settle OpenID logout", func(t *tx) error {
		t.record(e...)
		return t.Queries.SettleOIDCLogout(ctx, sqlgen.SettleOIDCLogoutParams{ID: l.ID, LogoutAttempt: int64(l.LogoutAttempt), LogoutDue: millis(due)})
	})
}

func (d *declaring) oidcClients(ctx context.Context) error {
	for _, c := range d.d.OIDCClients {
		if c.ShopID != "" {
			if _, err := d.Shop(ctx, c.ShopID); err != nil {
				return missing(err, access.ErrNotFound)
			}
		} else if err := d.placeExists(ctx, c.TenantID, ""); err != nil {
			return err
		}
		err := d.PutOIDCClient(ctx, sqlgen.PutOIDCClientParams{
			ID: c.ID, Name: c.Name, SecretHash: orNull(c.SecretHash), RedirectUris: toJSON(c.RedirectURIs), PostLogoutUris: toJSON(c.PostLogoutURIs),
			BackchannelUri: c.BackchannelURI, AllowPrivate: c.AllowPrivate, TenantID: c.TenantID, ShopID: c.ShopID, Role: string(c.Role),
			Doors: toJSON(fromDoors(c.Doors)), Claims: toJSON(c.Claims), Sector: c.Sector, EmailDomain: c.EmailDomain, WithoutPkce: c.WithoutPKCE, CreatedAt: millis(c.CreatedAt),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *declaring) removeOIDCClients(ctx context.Context) error {
	for _, id := range d.d.Remove.OIDCClients {
		if n, err := d.DeleteOIDCClient(ctx, id); err != nil || n == 0 {
			return removed("OpenID client", id, n, err)
		}
	}
	return nil
}

func fromDoors(doors []access.Door) []string {
	var out []string
	for _, d := range doors {
		out = append(out, string(d))
	}
	return out
}

func toOIDCClient(r sqlgen.OidcClient) access.OIDCClient {
	c := access.OIDCClient{
		ID: r.ID, Name: r.Name, SecretHash: r.SecretHash, RedirectURIs: fromJSON[[]string](r.RedirectUris), PostLogoutURIs: fromJSON[[]string](r.PostLogoutUris),
		BackchannelURI: r.BackchannelUri, AllowPrivate: r.AllowPrivate, TenantID: r.TenantID, ShopID: r.ShopID, Role: access.Role(r.Role),
		Claims: fromJSON[[]string](r.Claims), Sector: r.Sector, EmailDomain: r.EmailDomain, WithoutPKCE: r.WithoutPkce, CreatedAt: fromMillis(r.CreatedAt),
	}
	for _, d := range fromJSON[[]string](r.Doors) {
		c.Doors = append(c.Doors, access.Door(d))
	}
	return c
}

func toOIDCLogin(r sqlgen.OidcLogin) access.OIDCLogin {
	return access.OIDCLogin{
		ID: r.ID, ClientID: r.ClientID, SessionID: r.SessionID, PersonID: r.PersonID, ShopID: r.ShopID, Scope: r.Scope, Nonce: r.Nonce,
		RedirectURI: r.RedirectUri, Challenge: r.Challenge, CodeHash: r.CodeHash, CodeEnds: fromMillis(r.CodeEnds), CodeUsed: fromMillis(r.CodeUsed),
		RefreshHash: r.RefreshHash, CreatedAt: fromMillis(r.CreatedAt), EndedAt: fromMillis(r.EndedAt), EndedWhy: r.EndedWhy,
		LogoutDue: fromMillis(r.LogoutDue), LogoutAttempt: int(r.LogoutAttempt),
	}
}
