package app

import (
	"maps"
	"net/http"
	"slices"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/guard"
	"github.com/zhanggui/zhanggui/internal/web"
)

// connectGuard makes the guard of the back offices. Without any it guards nothing.
func (a *App) connectGuard() (err error) {
	o := guard.Options{
		PublicURL: a.o.Config.PublicURL.URL(), Sessions: a.sessions, Store: a.store, Visitors: a.login, Signer: a.signer, Vault: a.keys(),
		UI: a.ui, HostUI: a.hostUI, HostFiles: a.hostUI.Static(), Page: a.page, Tally: a.refused, Now: a.o.Now, Log: a.o.Log,
		HostPage: a.hostPage,
	}
	for _, p := range a.o.Config.Protected {
		h := protectedHost(p)
		h.Inner = a.upstreams.Serves(p.Host)
		o.Hosts = append(o.Hosts, h)
	}
	a.guard, err = guard.New(o)
	return err
}

// hostPage makes a page on a protected host.
func (a *App) hostPage(h web.Handler) http.Handler {
	return web.BrowserHeaders(a.hostUI.Page(h))
}

// protectedHost is what the operator wrote of a host, in the guard's words.
func protectedHost(p config.Protected) guard.Host {
	h := guard.Host{
		Name: p.Host, Shop: p.Shop, Tenant: p.Tenant, Headers: map[string]guard.Word{},
		Rule: guard.Rule{Role: access.Role(p.Role), Doors: doors(p.Doors), ProvedWithin: p.ProvedWithin, CrossOrigin: guard.Mode(p.CrossOrigin)},
	}
	for name := range maps.Keys(p.Headers) {
		h.Headers[http.CanonicalHeaderKey(name)] = guard.Word(p.Headers[name])
	}
	for _, x := range p.Routes {
		h.Routes = append(h.Routes, guard.Route{Path: x.Path, Rule: guard.Rule{
			Public: x.Public, Shut: x.Shut, Role: access.Role(x.Role), Doors: doors(x.Doors),
			ProvedWithin: x.ProvedWithin, CrossOrigin: guard.Mode(x.CrossOrigin),
		}})
	}
	return h
}

func doors(names []string) (all []access.Door) {
	for _, d := range names {
		all = append(all, access.Door(d))
	}
	return all
}

// protectedNames are the hosts of the back offices.
func protectedNames(c config.Config) (all []string) {
	for _, p := range c.Protected {
		all = append(all, p.Host)
	}
	return slices.Clip(all)
}

// byHost keeps the back offices' hosts apart from ours.
func (a *App) byHost(ours http.Handler) http.Handler {
	// What goes to a back office of ours sets its own times.
	theirs := web.AnswerWithin(web.AnswerTimeout, a.guard.Handler(a.upstreams))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.guard.Protects(web.EffectiveHost(r.Context())) {
			theirs.ServeHTTP(w, r)
			return
		}
		ours.ServeHTTP(w, r)
	})
}
