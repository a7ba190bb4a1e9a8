package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// ClientRights are what a client may do beside its mode, as an operator writes it.
type ClientRights struct {
	Groups   []string       `yaml:"groups"`   // of the catalogue; empty: every ordinary one
	Paths    []PathRight    `yaml:"paths"`    // granted by name
	Rate     Rate           `yaml:"rate"`     // empty: the server's default
	From     []netip.Prefix `yaml:"from"`     // addresses to call from; empty: any
	Rights   []string       `yaml:"rights"`   // token:export
	Observe  bool           `yaml:"observe"`  // let through and record what groups and paths would refuse
	Priority string         `yaml:"priority"` // low or normal; empty: normal
}

// PathRight is one path that is granted by name.
type PathRight struct {
	Path  string `yaml:"path"`
	Daily int    `yaml:"daily"` // calls a day for each shop; 0: no bound
}

// Rate is how fast a client may call one server.
type Rate struct {
	PerSecond float64 `yaml:"per_second"`
	Burst     int     `yaml:"burst"`
}

// The words of rights and priorities.
const (
	tokenExport = "token:export"
	low, normal = "low", "normal"
)

// Granted gives the rights as they are kept.
func (r ClientRights) Granted() access.Rights {
	out := access.Rights{
		Groups: slices.Sorted(slices.Values(r.Groups)), PerSecond: r.Rate.PerSecond, Burst: r.Rate.Burst, From: access.Networks(r.From),
		TokenExport: slices.Contains(r.Rights, tokenExport), Observe: r.Observe, Low: r.Priority == low,
	}
	for _, p := range r.Paths {
		out.Paths = append(out.Paths, access.PathRight(p))
	}
	slices.SortFunc(out.Paths, func(a, b access.PathRight) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// WriteRights gives kept rights as an operator would write them.
func WriteRights(r access.Rights) ClientRights {
	out := ClientRights{Groups: r.Groups, Rate: Rate{PerSecond: r.PerSecond, Burst: r.Burst}, From: r.From, Observe: r.Observe}
	for _, p := range r.Paths {
		out.Paths = append(out.Paths, PathRight(p))
	}
	if r.TokenExport {
		out.Rights = []string{tokenExport}
	}
	if r.Low {
		out.Priority = low
	}
	return out
}

// rights holds what a client is granted against the catalogue.
func (r *report) rights(s string, c Client, rules Rules) {
	for i, g := range c.Groups {
		at := item(s+".groups", i)
		_, err := catalogue.GroupBits([]string{g})
		r.want(err == nil, at, "is not a group", didYouMean(catalogue.NearestGroup(g), "write some of "+strings.Join(catalogue.Grantable(), ", ")))
		r.want(slices.Index(c.Groups, g) == i, at, "is named twice", "keep one of them")
	}
	for i, p := range c.Paths {
		r.path(item(s+".paths", i), p, c.Mode, rules.Catalogue)
		same := func(q PathRight) bool { return catalogue.Fold(q.Path) == catalogue.Fold(p.Path) }
		r.want(slices.IndexFunc(c.Paths, same) == i, item(s+".paths", i), "is named twice", "keep one of them")
	}
	r.pace(s+".rate", c.Rate.PerSecond, c.Rate.Burst)
	for i, p := range c.From {
		r.want(p.IsValid() && p.Bits() > 0, item(s+".from", i), "is everybody", "name the program's own addresses, or leave from out")
		r.want(!p.Addr().Is4In6(), item(s+".from", i), "is IPv4 written as IPv6", "write it as IPv4, such as 192.0.2.7/32")
	}
	for i, right := range c.Rights {
		r.want(right == tokenExport, item(s+".rights", i), "is not a right", "write "+tokenExport+", or leave rights out")
	}
	r.want(len(c.Rights) == 0 || len(c.From) > 0, s+".rights", "gives away tokens to any address",
		"name in from the addresses that the program calls from; a token that left is good from anywhere")
	r.want(c.Priority == "" || c.Priority == low || c.Priority == normal, s+".priority", "is not a priority", "write low or normal")
}

// path wants a path of the catalogue that can be granted, with a number of calls a
// day if it moves money or shows personal data. Without a catalogue only the form is
// looked at: the server that it is for looks again.
func (r *report) path(s string, p PathRight, mode access.Mode, c *catalogue.Catalogue) {
	const most = 1_000_000
	r.want(p.Daily >= 0 && p.Daily <= most, s+".daily", "is not a number of calls", "write how often a day the path may be called for each shop")
	if !r.want(strings.HasPrefix(p.Path, "/") && !strings.ContainsAny(p.Path, "?#: "), s+".path", "is not a path", "write WeChat's path from the first slash, such as /channels/ec/order/get") || c == nil {
		return
	}
	e, ok := c.Lookup(p.Path)
	if !ok {
		near := strings.Join(c.Nearest(p.Path, 3), " or ")
		r.bad(s+".path", "is not in the catalogue", didYouMean(near, "mend the path, or add it to the file that the setting catalogue names"))
		return
	}
	r.want(!e.Closed(), s+".path", "is closed for everybody", "remove it; paths that make or show credentials, or reset shared limits, stay with the server")
	r.want(!e.Named() || p.Daily > 0, s+".daily", "is not set for a path that moves money or shows personal data", "write how often a day it may be called for each shop, such as daily: 20")
	r.want(!e.Writes || mode != access.Read, s+".path", "writes, and the client's mode is read", "set mode: write, or remove the path")
}

func didYouMean(near, otherwise string) string {
	if near == "" {
		return otherwise
	}
	return fmt.Sprintf("did you mean %s?", near)
}
