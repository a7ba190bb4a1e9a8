package adminapi

import (
	"errors"
	"slices"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/setup"
)

// give adds what the body names to a client.
func (g GrantBody) give(c *setup.Client) error {
	r := &c.Rights
	switch {
	case g.AllGroups:
		r.Groups = nil
	case len(r.Groups) > 0: // none are all: naming one would take the others away
		r.Groups = union(r.Groups, g.Groups)
	}
	c.Shops = union(c.Shops, g.Shops)
	r.From = union(r.From, access.Networks(g.From))
	r.Paths = pathsWithout(r.Paths, g.Paths)
	for _, p := range g.Paths {
		r.Paths = append(r.Paths, access.PathRight(p))
	}
	more := g.rights()
	r.TokenExport, r.Observe, r.Low = r.TokenExport || more.TokenExport, r.Observe || more.Observe, r.Low && g.Priority != "normal" || more.Low
	if g.Rate != nil {
		r.PerSecond, r.Burst = g.Rate.PerSecond, g.Rate.Burst
	}
	if g.Mode != "" {
		c.Mode = access.Mode(g.Mode)
	}
	return nil
}

// errNoGroups keeps a client from getting every group by losing its last one.
var errNoGroups = errors.New("these are the client's last groups, and a client without any may call every ordinary one; revoke the client, or grant another group first")

// take removes what the body names from a client. A group of a client that has all
// leaves it the others.
func (g GrantBody) take(c *setup.Client) error {
	r := &c.Rights
	if len(g.Groups) > 0 {
		left := without(groupsOf(*r), g.Groups)
		if len(left) == 0 {
			return errNoGroups
		}
		r.Groups = left
	}
	if len(g.From) > 0 && len(r.From) > 0 {
		if r.From = without(r.From, access.Networks(g.From)); len(r.From) == 0 {
			return errors.New("these are the client's last addresses, and a client without any may call from everywhere; grant another address first")
		}
	}
	c.Shops = without(c.Shops, g.Shops)
	r.Paths = pathsWithout(r.Paths, g.Paths)
	less := g.rights()
	r.TokenExport, r.Observe, r.Low = r.TokenExport && !less.TokenExport, r.Observe && !less.Observe, r.Low && !less.Low
	if g.Rate != nil {
		r.PerSecond, r.Burst = 0, 0
	}
	if g.Mode == string(access.Write) {
		c.Mode = access.Read
	}
	return nil
}

// pathsWithout removes paths in whatever spelling.
func pathsWithout(have []access.PathRight, less []PathRight) []access.PathRight {
	return slices.DeleteFunc(slices.Clone(have), func(h access.PathRight) bool {
		return slices.ContainsFunc(less, func(l PathRight) bool { return catalogue.Fold(l.Path) == catalogue.Fold(h.Path) })
	})
}

func union[T comparable](have, more []T) []T {
	have = slices.Clone(have)
	for _, m := range more {
		if !slices.Contains(have, m) {
			have = append(have, m)
		}
	}
	return have
}

func without[T comparable](have, less []T) []T {
	return slices.DeleteFunc(slices.Clone(have), func(h T) bool { return slices.Contains(less, h) })
}

// groupsOf writes out the groups of a client that has all.
func groupsOf(r access.Rights) []string {
	if len(r.Groups) > 0 {
		return r.Groups
	}
	return catalogue.Grantable()
}
