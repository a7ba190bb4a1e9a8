package app

import (
	"context"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/feed"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/staff"
)

// company is where staff log in through theirs; empty: nowhere.
func company(c config.Config) string {
	if !c.StaffOIDC.On() {
		return ""
	}
	return staff.Path
}

// mountStaff adds the logins of staff through their company, if the settings name one.
func (a *App) mountStaff(mux *http.ServeMux) {
	c := a.o.Config.StaffOIDC
	if !c.On() {
		return
	}
	var rules []staff.Rule
	for _, r := range c.Rules {
		rules = append(rules, staff.Rule{Group: r.Group, Domain: r.Domain, Kind: access.StaffKind(r.Kind)})
	}
	staff.New(staff.Options{
		Page: a.page, Now: a.o.Now, Store: a.store, Login: a.login, Vault: a.keys(), PublicURL: a.o.Config.PublicURL.URL(),
		Client: &http.Client{Transport: a.hook(c.AllowPrivate), Timeout: companyTimeout, CheckRedirect: noRedirect},
		Issuer: c.Issuer.String(), ClientID: c.ClientID, Secret: c.ClientSecret.Value(), Rules: rules, Log: a.o.Log,
	}).Mount(mux)
}

// companyTimeout bounds each question to the company's provider.
const companyTimeout = 10 * time.Second

// noRedirect keeps the code and the secret from going elsewhere.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// RemoveMember ends a role in the store, and the keys that went with it in memory.
func (s *store) RemoveMember(ctx context.Context, d access.Departure, now time.Time, e grant.Effects) error {
	if err := s.database.RemoveMember(ctx, d, now, e); err != nil {
		return err
	}
	if len(d.Clients) > 0 {
		ids := make([]string, len(d.Clients))
		for i, c := range d.Clients {
			ids[i] = c.ID
		}
		s.replica.withdraw(ctx, feed.Change{Clients: ids})
		s.forget()
	}
	return nil
}

// ForgetPerson deletes what the store keeps of a person; memory forgets their grants,
// and keys that they made.
func (s *store) ForgetPerson(ctx context.Context, id string, keep []access.Member, e grant.Effects) error {
	ids, err := s.grantsOfPerson(ctx, id)
	if err != nil {
		return err
	}
	clients, err := s.database.Clients(ctx)
	if err != nil {
		return err
	}
	if err := s.database.ForgetPerson(ctx, id, keep, e); err != nil {
		return err
	}
	gone := feed.Change{Grants: ids}
	for _, c := range clients {
		if c.MadeBy == access.ByPerson+id {
			gone.Clients = append(gone.Clients, c.ID)
		}
	}
	s.replica.withdraw(ctx, gone)
	s.forget(ids...)
	return nil
}

// Remap moves openids in the store; memory forgets the grants that went with the old
// ones.
func (s *store) Remap(ctx context.Context, app string, batch []access.Remap, e grant.Effects) (access.Remapped, error) {
	var ids []string
	for _, r := range batch {
		id, err := s.database.Identity(ctx, app, r.Old)
		if err != nil {
			continue // nobody is known by it, or the batch fails anyway
		}
		of, err := s.grantsOfPerson(ctx, id.PersonID)
		if err != nil {
			return access.Remapped{}, err
		}
		ids = append(ids, of...)
	}
	out, err := s.database.Remap(ctx, app, batch, e)
	if err == nil && len(ids) > 0 {
		s.replica.withdraw(ctx, feed.Change{Grants: ids})
		s.forget(ids...)
	}
	return out, err
}

func (s *store) grantsOfPerson(ctx context.Context, id string) ([]string, error) {
	grants, err := s.database.Grants(ctx, grant.Filter{PersonID: id})
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	return ids, err
}
