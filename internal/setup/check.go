package setup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/config"
)

// InvalidError lists everything that is wrong with a manifest, each with what
// to do about it. Problems name ids and settings, never other values: somebody
// may have put a secret in the wrong place.
type InvalidError struct{ Problems []string }

// Error joins the problems, one a line.
func (e *InvalidError) Error() string {
	return "the manifest cannot be applied:\n  " + strings.Join(e.Problems, "\n  ")
}

// check holds the manifest against the rules, which are the same for a manifest
// in a file, and against what is kept. It writes out what was left to us, as the
// rules say.
func (m *Manifest) check(kept kept, rules config.Rules) error {
	rules.Exists = kept.exists
	written := m.written()
	var found []string
	if problems, ok := errors.AsType[config.Problems](written.Check(rules)); ok {
		for _, p := range problems {
			found = append(found, p.Setting+" "+p.What+"; "+p.Remedy)
		}
	}
	found = append(found, m.againstKept(kept)...)
	if len(found) > 0 {
		return &InvalidError{Problems: found}
	}
	m.fill(written)
	return nil
}

// fill takes over what the rules filled in. The entries are copied first: they
// are the caller's.
func (m *Manifest) fill(written *config.Manifest) {
	m.Apps, m.Clients = slices.Clone(m.Apps), slices.Clone(m.Clients)
	for i, a := range written.Apps {
		m.Apps[i].CallbackHost, m.Apps[i].Scope = a.CallbackHost, a.Scope
	}
	for i, c := range written.Clients {
		m.Clients[i].Mode = c.Mode
	}
}

func (k kept) exists(kind, id string) bool {
	if kind == "tenant" {
		return k.tenants[id].ID != ""
	}
	return k.shops[id].ID != ""
}

// againstKept wants a secret for what is new, and one app for each appid: two
// would take each other's tokens away.
func (m Manifest) againstKept(kept kept) []string {
	var found []string
	owners := map[string]string{}
	for id, a := range kept.apps {
		owners[a.AppID] = id
	}
	look := func(what, id, appid string, hasSecret bool) {
		if _, known := kept.apps[id]; !known && !hasSecret {
			found = append(found, what+" is new and needs its secret; write it as file: or env: reference")
		}
		if owner, taken := owners[appid]; taken && owner != id {
			found = append(found, fmt.Sprintf("%s has the appid of %q; keep one entry for each appid", what, owner))
		}
	}
	for _, a := range m.Apps {
		look(fmt.Sprintf("app %q", a.ID), a.ID, a.AppID, !a.Secret.IsZero())
	}
	for _, s := range m.Shops {
		look(fmt.Sprintf("shop %q", s.ID), shopAppPrefix+s.ID, s.AppID, !s.Secret.IsZero())
	}
	return found
}

// written is the manifest as an operator would write it, without the secrets.
func (m Manifest) written() *config.Manifest {
	w := &config.Manifest{}
	for _, a := range m.Apps {
		w.Apps = append(w.Apps, config.App{ID: a.ID, Kind: a.Kind, AppID: a.AppID, Name: a.Name, CallbackHost: a.CallbackHost,
			VerifyFile: config.VerifyFile{Name: a.VerifyName, Content: a.VerifyBody}, Scope: a.Scope, Egress: a.Egress, APIHosts: a.APIHosts})
	}
	for _, t := range m.Tenants {
		w.Tenants = append(w.Tenants, config.Tenant{ID: t.ID, Name: t.Name})
	}
	for _, s := range m.Shops {
		w.Shops = append(w.Shops, config.Shop{ID: s.ID, Tenant: s.Tenant, AppID: s.AppID, Name: s.Name, Egress: s.Egress, APIHosts: s.APIHosts})
	}
	for _, c := range m.Clients {
		w.Clients = append(w.Clients, config.Client{ID: c.ID, Name: c.Name, Shops: c.Shops, Mode: c.Mode, Expires: c.Expires})
	}
	for _, mb := range m.Members {
		w.Members = append(w.Members, config.Member{Person: mb.PersonID, Tenant: mb.TenantID, Shop: mb.ShopID, Role: mb.Role, Until: mb.Until})
	}
	return w
}
