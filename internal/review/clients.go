package review

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// live gives the clients with a key that counts, which hold a shop of the scope.
func (m *maker) live() (found []access.Client) {
	for _, c := range m.Clients {
		if c.Live(m.At) && (m.scope.House() || slices.ContainsFunc(c.Shops, m.inside)) {
			found = append(found, c)
		}
	}
	return found
}

func (m *maker) inside(shop string) bool {
	_, ok := m.shops[shop]
	return ok
}

// clients lists programs with what they may do, and where.
func (m *maker) clients() (lines []Line) {
	for _, c := range m.live() {
		lines = append(lines, Line{ID: c.ID, Who: plain(c.Name), Where: m.places(c.Shops), May: may(c), Since: day(c.CreatedAt), Until: lastDay(c.ExpiresAt),
			Used: day(m.lastUse(c.ID)), Why: m.marksOf(c), Remove: "zhanggui client revoke " + c.ID})
	}
	return lines
}

func (m *maker) marksOf(c access.Client) []Reason {
	var why marks
	named := m.namedPaths(c.Rights)
	by, person := strings.CutPrefix(c.MadeBy, access.ByPerson)
	why.add(c.ExpiresAt.IsZero(), ClientNoEnd)
	why.add(m.older(c.CreatedAt, clientKeyOld), ClientKeyOld)
	why.add(len(named) > 0, ClientNamed, named...)
	why.add(c.Rights.TokenExport, ClientExport)
	why.add(c.Rights.Observe, ClientObserve)
	why.add(len(named) > 0 && len(c.Rights.From) == 0, ClientAnywhere)
	why.add(len(c.Shops) == 0, ClientNoShop)
	why.add(person && !m.active[by], ClientMakerGone)
	return why
}

// namedPaths are those that a client has by name because they move money or show
// personal data.
func (m *maker) namedPaths(r access.Rights) (paths []string) {
	for _, p := range r.Paths {
		if e, ok := m.Paths.Lookup(p.Path); ok && e.Named() {
			paths = append(paths, p.Path)
		}
	}
	return paths
}

// places writes the shops of a client that are in the scope.
func (m *maker) places(shops []string) string {
	var in []string
	for _, s := range shops {
		if m.inside(s) {
			in = append(in, s)
		}
	}
	slices.Sort(in)
	if more := len(in) - mostPlaces; more > 0 {
		return fmt.Sprintf("%s … %d more", strings.Join(in[:mostPlaces], " "), more)
	}
	return strings.Join(in, " ")
}

// may writes mode and rights in the words of manifests.
func may(c access.Client) string {
	parts := []string{"mode: " + string(c.Mode), "groups: " + orAll(c.Rights.Groups)}
	for _, p := range c.Rights.Paths {
		text := "path: " + p.Path
		if p.Daily > 0 {
			text += "=" + strconv.Itoa(p.Daily)
		}
		parts = append(parts, text)
	}
	for _, p := range c.Rights.From {
		parts = append(parts, "from: "+p.String())
	}
	if c.Rights.TokenExport {
		parts = append(parts, "token:export")
	}
	if c.Rights.Observe {
		parts = append(parts, "observe")
	}
	return strings.Join(parts, "; ")
}

func orAll(groups []string) string {
	if len(groups) == 0 {
		return "all"
	}
	return strings.Join(groups, " ")
}

func (m *maker) lastUse(client string) (last time.Time) {
	for _, u := range m.uses[client] {
		if u.Day.After(last) {
			last = u.Day
		}
	}
	return last
}

// rights lists what clients may do and did not, once calls are counted for long enough.
// A client that is younger than the counts is not judged.
func (m *maker) rights() (lines []Line) {
	if m.Counted.IsZero() || m.At.Sub(m.Counted) < leastCounted {
		return nil
	}
	days := strconv.Itoa(int(m.At.Sub(m.Counted) / (24 * time.Hour)))
	for _, c := range m.live() {
		if !c.CreatedAt.Before(m.Counted) || c.Rights.TokenExport {
			continue
		}
		paths, groups := m.unused(c)
		if len(paths)+len(groups) == 0 {
			continue
		}
		l := Line{ID: c.ID, Who: plain(c.Name), Where: m.places(c.Shops), Since: day(c.CreatedAt), Used: day(m.lastUse(c.ID)),
			Why: []Reason{{Code: RightUnused, Detail: days}}, Remove: "zhanggui client revoke-right " + c.ID}
		var what []string
		for _, p := range paths {
			what, l.Remove = append(what, "path: "+p), l.Remove+" --path "+p
		}
		for _, g := range groups {
			what, l.Remove = append(what, "group: "+g), l.Remove+" --group "+g
		}
		l.May = strings.Join(what, "; ")
		lines = append(lines, l)
	}
	return lines
}

// unused gives the paths and groups that a client may call and did not. What a client
// calls with a token that it fetched is counted nowhere.
func (m *maker) unused(c access.Client) (paths, groups []string) {
	called, inGroup := map[string]bool{}, map[string]bool{}
	for _, u := range m.uses[c.ID] {
		called[catalogue.Fold(u.Path)] = true
		inGroup[m.Paths.Label(u.Path)] = true
	}
	for _, p := range c.Rights.Paths {
		if !called[catalogue.Fold(p.Path)] {
			paths = append(paths, p.Path)
		}
	}
	have := c.Rights.Groups
	if len(have) == 0 {
		have = catalogue.Grantable()
	}
	for _, g := range have {
		if !inGroup[g] {
			groups = append(groups, g)
		}
	}
	if len(groups) == len(have) {
		groups = nil // nothing was called: the client itself is what to look at
	}
	return paths, groups
}
