package review

import (
	"cmp"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
)

// staff lists who is of the provider.
func (m *maker) staff() (lines []Line) {
	seen := map[string]access.Seen{}
	for _, s := range m.StaffSeen {
		seen[s.ID] = s
	}
	for _, a := range m.Staff {
		if !a.Live(m.At) {
			continue
		}
		var why marks
		key := a.Subject == "" // others log in through their company
		last := seen[a.ID].At
		why.add(key && a.ExpiresAt.IsZero(), StaffNoEnd)
		why.add(key && m.older(a.CreatedAt, staffKeyOld), StaffKeyOld)
		why.add(m.older(a.CreatedAt, unusedAfter) && (last.IsZero() || m.older(last, unusedAfter)), StaffUnseen)
		lines = append(lines, Line{ID: a.ID, Who: plain(a.Name), May: string(cmp.Or(a.Kind, access.StaffAdmin)), Since: day(a.CreatedAt), Until: lastDay(a.ExpiresAt),
			Used: day(last), Why: why, Remove: "zhanggui admin revoke " + a.ID})
	}
	return lines
}

// members lists who has which role, and where.
func (m *maker) members() (lines []Line) {
	for _, x := range m.Members {
		if !x.Active(m.At) || !m.scope.covers(x.TenantID, x.ShopID) {
			continue
		}
		var why marks
		p := m.names[x.PersonID]
		why.add(p.At.IsZero(), MemberShutOut)
		why.add(m.older(p.At, unusedAfter), MemberUnseen)
		remove := "zhanggui people remove " + x.TenantID + " " + x.PersonID
		if x.ShopID != "" {
			remove += " --shop " + x.ShopID
		}
		lines = append(lines, Line{ID: x.PersonID, Who: plain(p.Name), Where: place(x.TenantID, x.ShopID), May: string(x.Role),
			Since: day(x.Since), Until: lastDay(x.Until), Used: day(p.At), Why: why, Remove: remove})
	}
	return lines
}

// place names where a role holds.
func place(tenant, shop string) string {
	if shop == "" {
		return "tenant:" + tenant
	}
	return shop
}

// invitations lists those that can still give a role.
func (m *maker) invitations() (lines []Line) {
	for _, i := range m.Invitations {
		if !i.Usable(m.At) && !i.Confirmable(m.At) || !m.scope.covers(i.TenantID, i.ShopID) {
			continue
		}
		lines = append(lines, Line{ID: i.ID, Who: m.madeBy(i.InvitedBy), Where: place(i.TenantID, i.ShopID), May: string(i.Role), Since: day(i.CreatedAt),
			Until: lastDay(i.MemberUntil), Why: []Reason{{Code: InvitationOpen}}, Remove: "zhanggui invite withdraw " + i.ID})
	}
	return lines
}

// madeBy names who made something: a person by what people call them.
func (m *maker) madeBy(by string) string {
	id, person := strings.CutPrefix(by, access.ByPerson)
	if !person {
		return by
	}
	return cmp.Or(plain(m.names[id].Name), id)
}

// sessions lists who is logged in, one line for each old login.
func (m *maker) sessions() (lines []Line) {
	inside := m.peopleInside()
	for _, s := range m.Sessions {
		_, shop := m.shops[s.ShopID]
		if s.Parent != "" || !s.Live(m.At) || !m.older(s.CreatedAt, sessionOld) || !m.scope.House() && !inside[s.PersonID] && !shop {
			continue
		}
		lines = append(lines, Line{ID: s.ID, Who: cmp.Or(plain(m.names[s.PersonID].Name), s.PersonID, s.AdminID, s.ShopID), Where: s.ShopID, May: string(s.Door),
			Since: day(s.CreatedAt), Until: lastDay(s.ExpiresAt), Used: day(s.SeenAt), Why: []Reason{{Code: SessionOld}}, Remove: "zhanggui session end " + s.ID})
	}
	return lines
}
