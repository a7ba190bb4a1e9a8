package review

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// ourPaths are those that this server calls itself, for pages and checks.
var ourPaths = []string{"/channels/ec/basics/info/get", "/channels/ec/product/list/get", "/channels/ec/product/get", "/channels/ec/order/list/get", "/channels/ec/order/get"}

// sets lists accounts that granted a platform more than any program here is known to
// need. WeChat does not say of every path which set it needs.
func (m *maker) sets() (lines []Line) {
	needed := m.needed()
	for _, a := range m.Accounts {
		shop, ok := m.shops[a.ShopID]
		if !ok {
			continue
		}
		var held, spare []string
		for _, id := range a.Sets {
			name := catalogue.SetOf(id)
			held = append(held, fmt.Sprintf("%d %s", id, name.ZH))
			if !needed[shop.ID][id] {
				spare = append(spare, fmt.Sprint(id))
			}
		}
		if len(spare) == 0 {
			continue
		}
		lines = append(lines, Line{ID: a.AppID, Who: plain(a.Name), Where: shop.ID, May: strings.Join(held, "; "), Since: day(a.EventAt),
			Why: []Reason{{Code: SetUnneeded, Detail: strings.Join(spare, " ")}}})
	}
	return lines
}

// needed gives the permission sets that programs need, by shop.
func (m *maker) needed() map[string]map[int64]bool {
	out := map[string]map[int64]bool{}
	for id := range m.shops {
		out[id] = map[int64]bool{}
		for _, p := range ourPaths {
			m.addSets(out[id], p)
		}
	}
	known := map[string][]int64{}        // by what a client may do: most may do the same
	done := map[string]map[string]bool{} // what was added to a shop
	for _, c := range m.live() {
		key := string(c.Mode) + " " + orAll(c.Rights.Groups) + " " + fmt.Sprint(c.Rights.Paths)
		if known[key] == nil {
			known[key] = m.setsOf(c)
			done[key] = map[string]bool{}
		}
		for _, shop := range c.Shops {
			if out[shop] == nil || done[key][shop] {
				continue
			}
			done[key][shop] = true
			for _, set := range known[key] {
				out[shop][set] = true
			}
		}
	}
	for _, u := range m.Uses {
		if out[u.ShopID] != nil {
			m.addSets(out[u.ShopID], u.Path)
		}
	}
	return out
}

// setsOf gives the permission sets of all paths that a client may call.
func (m *maker) setsOf(c access.Client) []int64 {
	sets := map[int64]bool{}
	groups, err := catalogue.GroupBits(c.Rights.Groups)
	all := len(c.Rights.Groups) == 0 || err != nil
	for e := range m.Paths.All() {
		if e.Named() || e.Closed() || e.Writes && c.Mode == access.Read || !all && !e.In(groups) {
			continue
		}
		for _, id := range e.Sets {
			sets[id] = true
		}
	}
	for _, p := range c.Rights.Paths {
		m.addSets(sets, p.Path)
	}
	return slices.Collect(maps.Keys(sets))
}

// addSets adds those of which a path needs one.
func (m *maker) addSets(to map[int64]bool, path string) {
	if e, ok := m.Paths.Lookup(path); ok {
		for _, id := range e.Sets {
			to[id] = true
		}
	}
}
