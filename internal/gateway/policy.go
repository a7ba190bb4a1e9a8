package gateway

import (
	"net/netip"
	"slices"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// caller is a client with its rights made ready for deciding. It is made when the
// client is read, and does not change.
type caller struct {
	access.Client
	shops  shopSet
	all    bool           // every ordinary group, and paths that nobody knows
	groups catalogue.Bits // unless all
	paths  map[string]int // granted by name, with the calls a day; 0: not bounded
	bucket *bucket        // nil: as fast as it likes
	key    string         // which of two keys it came with; empty: it has one
}

// nobody is who called before it is known who did.
var nobody caller

// compile makes a client ready.
func (g *Gateway) compile(c access.Client) *caller {
	r := c.Rights
	out := &caller{Client: c, shops: newShopSet(c.Shops), all: len(r.Groups) == 0}
	for _, name := range r.Groups {
		// A group that is not known here, of a newer version, grants nothing.
		bit, _ := catalogue.GroupBits([]string{name})
		out.groups |= bit
	}
	if len(r.Paths) > 0 {
		out.paths = make(map[string]int, len(r.Paths))
	}
	for _, p := range r.Paths {
		out.paths[g.known(p.Path)] = p.Daily
	}
	at := pace{perSecond: r.PerSecond, burst: r.Burst}
	if at == (pace{}) {
		at = pace{perSecond: g.PerSecond, burst: g.Burst}
	}
	out.bucket = g.paces.of(c.ID, at)
	return out
}

// known is how the catalogue writes a path, or would.
func (g *Gateway) known(path string) string {
	if e, ok := g.Catalogue.Lookup(path); ok {
		return e.Path
	}
	return catalogue.Fold(path)
}

// comes tells whether the client may call from an address. One that is not known,
// as on a socket, is none of those that were named.
func (c *caller) comes(from netip.Addr) bool {
	within := func(p netip.Prefix) bool { return p.Contains(from.Unmap()) }
	return len(c.Rights.From) == 0 || slices.ContainsFunc(c.Rights.From, within)
}

// pass is what the policy found out about a call that may go on.
type pass struct {
	endpoint *catalogue.Endpoint // nil: not in the catalogue
	daily    int                 // calls a day; 0: not bounded
	observed string              // the rule that would have refused it
}

func (p pass) label() string {
	if p.endpoint == nil {
		return catalogue.Other
	}
	return p.endpoint.Label()
}

// permit decides whether a client whose key is good may call a target, from what is
// in memory. Its errors are refusals. It changes nothing but p, which is made for
// the call.
func (g *Gateway) permit(who *caller, to target, from netip.Addr, p *pass) error {
	switch {
	case !who.comes(from):
		return errAddress(who.ID)
	case !who.shops.has(to.shop):
		return errShop()
	}
	if why := closedWhy(to.path); why != "" {
		return errClosed(why)
	}
	p.endpoint, _ = g.Catalogue.Lookup(to.path)
	if p.endpoint != nil && p.endpoint.Closed() { // by the operator's file
		return errClosed(whySecret)
	}
	if err := who.mayCall(to.path, p); err != nil {
		return err
	}
	if who.Mode != access.Write && g.writes(to.path, p.endpoint) {
		return errReadOnly(who.ID)
	}
	return nil
}

func (g *Gateway) writes(path string, e *catalogue.Endpoint) bool {
	if e == nil {
		return !catalogue.ReadsByName(path)
	}
	return e.Writes
}

// mayCall holds a path against the groups and the paths of a client.
func (c *caller) mayCall(path string, p *pass) error {
	switch {
	case p.endpoint != nil:
		path = p.endpoint.Path
	case len(c.paths) > 0:
		path = catalogue.Fold(path)
	}
	daily, named := c.paths[path]
	p.daily = daily
	switch {
	case named && (daily > 0 || p.endpoint == nil || !p.endpoint.Named()):
		return nil
	case p.endpoint != nil && p.endpoint.Named():
		return errNamed(c.ID, path)
	case c.all || p.endpoint != nil && p.endpoint.In(c.groups):
		return nil
	}
	err := errGroup(c.ID, p.endpoint)
	if c.Rights.Observe {
		p.observed = err.Rule
		return nil
	}
	return err
}
