package wechatsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Crowd is a great number of shops that have authorised one component. They
// are made when somebody asks for them: until then a shop of the crowd is one
// row of a table.
type Crowd struct {
	// Component is the component's appid. If it has services, every shop of
	// the crowd has bought the first one.
	Component string `json:"component"`
	// Shops is how many there are, at most 1000000. Their appids are
	// [CrowdAppID] of 1 to Shops.
	Shops int `json:"shops"`
}

// worldGrants are the present authorisations of all accounts that are not of
// the crowd.
func (s *Sim) worldGrants() []WorldGrant {
	var out []WorldGrant
	for _, p := range s.platforms {
		for _, g := range p.platform.list {
			if !s.world.inCrowd(g.account) {
				out = append(out, WorldGrant{Component: p.AppID, AppID: g.account, Sets: slices.Clone(g.sets)})
			}
		}
	}
	return out
}

const crowdMark = "wxcc"

// CrowdAppID is the appid of the n-th shop of a [Crowd].
func CrowdAppID(n int) string { return fmt.Sprintf("%s%014x", crowdMark, n) }

func (w *World) inCrowd(appid string) bool {
	digits, ok := strings.CutPrefix(appid, crowdMark)
	n, err := strconv.ParseUint(digits, 16, 63)
	return ok && err == nil && w.Crowd != nil && n >= 1 && n <= uint64(w.Crowd.Shops) && CrowdAppID(int(n)) == appid
}

// gather makes the authorisations that exist from the start: those of the
// world one by one, and the crowd's rows.
func (s *Sim) gather() {
	since := s.world.Epoch.AddDate(0, -1, 0)
	for _, w := range s.world.Grants {
		p, sets := s.apps[w.Component], w.Sets
		if sets == nil {
			sets = p.PermissionSets
		}
		p.platform.add(&grant{component: w.Component, account: w.AppID, sets: slices.Sorted(slices.Values(sets)), since: since})
	}
	crowd := s.world.Crowd
	if crowd == nil {
		return
	}
	p := s.apps[crowd.Component]
	sets := slices.Sorted(slices.Values(p.PermissionSets))
	grants := make([]grant, crowd.Shops)
	for i := range grants {
		g := &grants[i]
		*g = grant{component: p.AppID, account: CrowdAppID(i + 1), sets: sets, since: since}
		p.platform.add(g)
		if len(p.Services) > 0 {
			id := p.Services[0].ServiceID
			p.platform.buyers[id] = append(p.platform.buyers[id], g.account)
		}
	}
}

// account finds any app, and makes it if it is one of the crowd. The mutex is
// held.
func (s *Sim) account(appid string) *app {
	if a := s.apps[appid]; a != nil || !s.world.inCrowd(appid) {
		return a
	}
	name := "示例小店 " + strings.TrimLeft(appid[len(crowdMark):], "0")
	a := &App{AppID: appid, Secret: "sandbox-secret-" + derive(s.world.Seed, "crowd", appid)[:16], Kind: ShopApp, Name: name}
	a.fill()
	cfg := &Shop{AppID: appid, Nickname: name, Products: 3, Orders: 5}
	cfg.fill(s.world)
	s.apps[appid] = newApp(a)
	s.shops[appid] = &shop{Shop: cfg, bare: true}
	return s.apps[appid]
}

// accountStatus is the account_status of an account, without making it if it is
// one of the crowd.
func (s *Sim) accountStatus(appid string) int {
	if a := s.apps[appid]; a != nil {
		return a.status()
	}
	return accountNormal
}

// furnish makes the goods and orders of a crowd's shop when they are needed.
func (s *Sim) furnish(sh *shop) {
	if sh.bare {
		kept := sh.kept
		*sh = *newShop(s.world, sh.Shop)
		sh.kept = kept
	}
}
