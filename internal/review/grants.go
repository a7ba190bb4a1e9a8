package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// grants lists what serves shops and people, by age.
func (m *maker) grants() (lines []Line) {
	events, asked := map[string]time.Time{}, map[string]grant.Renewal{}
	for _, a := range m.Accounts {
		events[a.App+" "+a.AppID] = a.EventAt
	}
	for _, r := range m.Renewals {
		asked[r.GrantID] = r
	}
	inside := m.peopleInside()
	for _, g := range m.Grants {
		if g.State == grant.Revoked || !m.scope.House() && !m.inside(g.ShopID) && !inside[g.PersonID] {
			continue
		}
		r := asked[g.ID]
		at := grant.AuthorisedAt(g, events[g.App+" "+g.Authorizer], r.RenewedAt)
		var why marks
		human := g.Kind == grant.ISV || g.Kind == grant.User
		why.add(human && m.older(at, authorisedLong), GrantOld)
		why.add(r.GrantID != "" && r.Open(), GrantAsked, day(r.AskedAt))
		why.add(g.State != grant.Active && !g.State.Elsewhere(), GrantWaits, cmp.Or(g.Cause, string(g.State)))
		lines = append(lines, Line{ID: g.ID, Who: plain(m.names[g.PersonID].Name), Where: cmp.Or(g.ShopID, g.PersonID, g.Authorizer, g.App),
			May: strings.TrimSpace(string(g.Kind) + " " + g.Scope), Since: day(at), Until: lastDay(g.Tokens.RefreshExpires), Why: why, Remove: "zhanggui grant revoke " + g.ID})
	}
	return lines
}

// peopleInside are those who have a role in the scope.
func (m *maker) peopleInside() map[string]bool {
	inside := map[string]bool{}
	for _, x := range m.Members {
		if m.scope.covers(x.TenantID, x.ShopID) {
			inside[x.PersonID] = true
		}
	}
	return inside
}

// secrets lists the AppSecrets that are kept. WeChat tells nobody how old one is; when
// it was entered here is known only of one that never changed.
func (m *maker) secrets() (lines []Line) {
	first, of := map[string]time.Time{}, map[string]string{}
	for _, g := range m.Grants {
		if g.Kind == grant.Self || g.Kind == grant.Component {
			first[g.App] = g.CreatedAt
		}
	}
	for id, s := range m.shops {
		of[s.App] = id
	}
	for _, a := range m.Apps {
		if len(a.Secret) == 0 || !m.scope.House() && (a.Kind != access.ShopApp || of[a.ID] == "") {
			continue
		}
		l := Line{ID: a.ID, Who: plain(a.Name), May: fmt.Sprintf("%s, AppSecret version %d", a.Kind, a.SecretVersion), Remove: "zhanggui rotate app-secret " + a.ID}
		if a.Kind == access.ShopApp {
			l.Where = of[a.ID]
		}
		if a.Kind == access.Component {
			l.Remove = "zhanggui rotate component-secret " + a.ID
		}
		if a.SecretVersion <= 1 {
			var why marks
			l.Since = day(first[a.ID])
			why.add(m.older(later(first[a.ID], m.Begin), secretOld), SecretOld)
			l.Why = why
		}
		lines = append(lines, l)
	}
	return lines
}

// later gives the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// keys lists the keys that seal what is kept, and those that sign for others.
func (m *maker) keys() (lines []Line) {
	for _, k := range m.Sealing {
		var why marks
		why.add(k.Primary && m.older(k.MadeAt, sealingKeyOld), KeyOld)
		what := "opens"
		if k.Primary {
			what = "seals and opens"
		}
		lines = append(lines, Line{ID: k.ID, May: what, Since: day(k.MadeAt), Why: why, Remove: "zhanggui key rotate"})
	}
	for _, k := range m.Signing {
		if !k.PublishedUntil.After(m.At) {
			continue
		}
		var why marks
		why.add(m.older(k.MadeAt, sealingKeyOld), KeyOld)
		lines = append(lines, Line{ID: k.ID, May: "signs " + k.Alg, Since: day(k.MadeAt), Until: lastDay(k.SignsUntil), Why: why, Remove: "zhanggui key sign " + k.Alg})
	}
	return lines
}

// hosts lists the protected hosts with the rules of the settings.
func (m *maker) hosts() (lines []Line) {
	for _, h := range m.Hosts {
		shop, ok := m.shops[h.Shop]
		if !m.scope.House() && !ok && (h.Tenant == "" || h.Tenant != m.scope.TenantID) {
			continue
		}
		where := "tenant:" + h.Tenant
		if h.Shop != "" {
			where = cmp.Or(shop.ID, h.Shop)
		}
		var why marks
		why.add(len(h.Public) > 0, HostPublic, h.Public...)
		why.add(h.Cross == "off" || h.Cross == "observe", HostCross, h.Cross)
		lines = append(lines, Line{ID: h.Name, Where: where, May: "role: " + cmp.Or(h.Role, "-"), Why: why, Remove: "take it out of protected in the settings"})
	}
	return lines
}

// programs lists those that people are logged into with OpenID Connect.
func (m *maker) programs() (lines []Line) {
	seen := map[string]time.Time{}
	for _, s := range m.ProgramsSeen {
		seen[s.ID] = s.At
	}
	for _, c := range m.Programs {
		tenant := c.TenantID
		if s, ok := m.shops[c.ShopID]; ok {
			tenant = s.TenantID
		}
		if !m.scope.covers(tenant, c.ShopID) {
			continue
		}
		var why marks
		why.add(seen[c.ID].IsZero() && m.older(c.CreatedAt, programUnseen), ProgramUnused)
		why.add(c.WithoutPKCE, ProgramNoPKCE)
		why.add(c.AllowPrivate, ProgramPrivate)
		kind := "confidential"
		if c.Public() {
			kind = "public"
		}
		claims := slices.Sorted(slices.Values(c.Claims))
		lines = append(lines, Line{ID: c.ID, Who: plain(c.Name), Where: place(c.TenantID, c.ShopID), Since: day(c.CreatedAt), Used: day(seen[c.ID]), Why: why,
			May:    strings.TrimSuffix(fmt.Sprintf("role: %s; %s; claims: %s", c.Role, kind, strings.Join(claims, " ")), "; claims: "),
			Remove: "zhanggui apply --prune, with " + c.ID + " taken out of the manifest"})
	}
	return lines
}
