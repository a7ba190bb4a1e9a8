package setup

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
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
	found = append(found, m.channelAddresses(kept, rules)...)
	if len(found) > 0 {
		return &InvalidError{Problems: found}
	}
	m.fill(written)
	return nil
}

// fill takes over what the rules filled in. The entries are copied first: they
// are the caller's.
func (m *Manifest) fill(written *config.Manifest) {
	m.Apps, m.Clients, m.OIDCClients = slices.Clone(m.Apps), slices.Clone(m.Clients), slices.Clone(m.OIDCClients)
	for i, c := range written.OIDCClients {
		m.OIDCClients[i].fillOIDC(c)
	}
	m.Channels = slices.Clone(m.Channels)
	for i, c := range written.Channels {
		m.Channels[i].Channel = c.Declared()
	}
	for i, a := range written.Apps {
		m.Apps[i].CallbackHost, m.Apps[i].Scope = a.CallbackHost, a.Scope
		m.Apps[i].Services = services(a.Services)
	}
	for i, c := range written.Clients {
		m.Clients[i].Mode, m.Clients[i].Rights = c.Mode, c.Granted()
	}
}

func (k kept) exists(kind, id string) bool {
	switch kind {
	case "tenant":
		return k.tenants[id].ID != ""
	case "component":
		return k.apps[id].Kind == access.Component
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
		// A mini program without a secret is asked for through the platform that it
		// authorised.
		look(fmt.Sprintf("app %q", a.ID), a.ID, a.AppID, !a.Secret.IsZero() || a.Kind == access.MiniProgram)
	}
	for _, s := range m.Shops {
		what := fmt.Sprintf("shop %q", s.ID)
		look(what, shopAppPrefix+s.ID, s.AppID, !s.Secret.IsZero() || s.App != "")
		found = append(found, kept.sameShop(what, s)...)
	}
	return append(append(found, m.oddPushKeys()...), m.oidcSecrets(kept)...)
}

// sameShop wants one shop for each appid, also of those that opened themselves.
func (k kept) sameShop(what string, s Shop) []string {
	for id, other := range k.shops {
		if other.AppID == s.AppID && id != s.ID {
			return []string{fmt.Sprintf("%s has the appid of shop %q; use that id", what, id)}
		}
	}
	return nil
}

// Forms of push keys: developers.weixin.qq.com/doc/store/shop/dev_before/message_push.
var (
	tokenForm  = regexp.MustCompile(`^[A-Za-z0-9]{3,32}$`)
	aesKeyForm = regexp.MustCompile(`^[A-Za-z0-9]{43}$`)
)

// oddPushKeys looks at what references led to, which the rules cannot.
func (m Manifest) oddPushKeys() []string {
	var found []string
	look := func(what string, k access.PushKeys) {
		switch {
		case k.IsZero():
		case !tokenForm.Match(k.Token.Reveal()):
			found = append(found, what+": push.token is not a token; copy the 3 to 32 letters and digits that were entered at WeChat")
		case !aesKeyForm.Match(k.AESKey.Reveal()):
			found = append(found, what+": push.aes_key is not an EncodingAESKey; copy the 43 letters and digits that were entered at WeChat")
		}
	}
	for _, a := range m.Apps {
		look(fmt.Sprintf("app %q", a.ID), a.Push)
	}
	for _, s := range m.Shops {
		look(fmt.Sprintf("shop %q", s.ID), s.Push)
	}
	return found
}

func services(in []config.Service) []access.Service {
	var out []access.Service
	for _, s := range in {
		out = append(out, access.Service{ID: s.ID, ServiceID: s.ServiceID, Name: s.Name, Role: s.Role})
	}
	return out
}

// written is the manifest as an operator would write it, without the secrets.
func (m Manifest) written() *config.Manifest {
	w := &config.Manifest{}
	for _, a := range m.Apps {
		w.Apps = append(w.Apps, config.App{ID: a.ID, Kind: a.Kind, AppID: a.AppID, Name: a.Name, CallbackHost: a.CallbackHost,
			VerifyFile: config.VerifyFile{Name: a.VerifyName, Content: a.VerifyBody}, Scope: a.Scope, Egress: a.Egress, APIHosts: a.APIHosts,
			OwnerMessage: config.OwnerMessage(a.OwnerMessage)})
		for _, s := range a.Services {
			last := &w.Apps[len(w.Apps)-1]
			last.Services = append(last.Services, config.Service{ID: s.ID, ServiceID: s.ServiceID, Name: s.Name, Role: s.Role})
		}
	}
	for _, t := range m.Tenants {
		w.Tenants = append(w.Tenants, config.Tenant{ID: t.ID, Name: t.Name})
	}
	for _, s := range m.Shops {
		w.Shops = append(w.Shops, config.Shop{ID: s.ID, Tenant: s.Tenant, AppID: s.AppID, App: s.App, Name: s.Name, Egress: s.Egress, APIHosts: s.APIHosts})
	}
	for _, c := range m.Clients {
		w.Clients = append(w.Clients, config.Client{ID: c.ID, Name: c.Name, Shops: c.Shops, Mode: c.Mode, Expires: c.Expires, ClientRights: config.WriteRights(c.Rights)})
	}
	for _, c := range m.OIDCClients {
		w.OIDCClients = append(w.OIDCClients, writtenOIDC(c))
	}
	for _, c := range m.Channels {
		w.Channels = append(w.Channels, config.WriteChannel(c.Channel))
	}
	for _, mb := range m.Members {
		w.Members = append(w.Members, config.Member{Person: mb.PersonID, Tenant: mb.TenantID, Shop: mb.ShopID, Role: mb.Role, Until: mb.Until})
	}
	return w
}
