package catalogue

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/spell"
)

// Endpoint is one path of WeChat's. It is shared: do not change it.
type Endpoint struct {
	Path   string // e.g. "/channels/ec/order/get", in lower case
	Method string // "GET" or "POST"; empty: the page does not say
	// Group is one of [Groups]. Empty: the path is granted by name only.
	Group  string
	Writes bool
	ZH, EN string // WeChat's names of it
	// Sets are the permission sets of which a platform needs one, sorted. With
	// Known false the page does not say; known and empty: none is needed.
	Sets  []int64
	Known bool
	// Platform tells whether a third-party platform may call it.
	Platform Answer
	// Repeatable: called twice, it comes to the same as called once, and uses
	// nothing up.
	Repeatable bool
	Money      bool   // moves money, sets prices, or tells of money
	Personal   bool   // carries personal data, masked or plain
	Page       string // under developers.weixin.qq.com/; empty: seen in SDKs only

	bit Bits
}

// Answer is yes, no or not known.
type Answer string

// The answers.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = ""
)

// Named tells whether the path is granted by name only.
func (e *Endpoint) Named() bool { return e.Group == "" }

// Closed tells whether the path is listed for its documentation only: it makes or
// shows credentials, or resets what all clients share.
func (e *Endpoint) Closed() bool { return e.Group == credentials }

// In tells whether the path belongs to one of the groups. A named path is in none.
func (e *Endpoint) In(groups Bits) bool { return e.bit&groups != 0 }

// Label is the path's metric label: its group, or [Named].
func (e *Endpoint) Label() string { return cmp.Or(e.Group, Named) }

// Catalogue is a set of endpoints.
type Catalogue struct {
	byKey map[string]*Endpoint
	all   []*Endpoint // by path
}

// The metric labels of paths that have no group.
const (
	Named = "named" // granted by name only
	Other = "other" // not in the catalogue
)

// Lookup finds a path. Case does not matter, because what WeChat makes of upper
// case is not documented. Nor does it matter which of /channels/ec/ and /shop/ec/ a path
// stands under: WeChat moves paths from one to the other and answers both. Nor for
// funds does /shop/funds/, where WeChat has some of them.
func (c *Catalogue) Lookup(path string) (*Endpoint, bool) {
	if !strings.HasPrefix(path, "/") {
		return nil, false
	}
	e, ok := c.byKey[key(strings.ToLower(path))]
	return e, ok
}

// Fold writes a path in one of the spellings that [Catalogue.Lookup] takes for the
// same, known or not: in lower case, under /channels/ec/ where it may stand elsewhere.
func Fold(path string) string {
	path = strings.ToLower(path)
	if rest := key(path); rest != path {
		return "/channels/ec/" + rest
	}
	return path
}

// Label gives a path's metric label. There are as many as groups, and two.
func (c *Catalogue) Label(path string) string {
	if e, ok := c.Lookup(path); ok {
		return e.Label()
	}
	return Other
}

// All gives every endpoint in the order of the paths.
func (c *Catalogue) All() iter.Seq[*Endpoint] { return slices.Values(c.all) }

// Len counts the endpoints.
func (c *Catalogue) Len() int { return len(c.all) }

// Nearest gives at most n paths that path is most likely a slip of, the nearest
// first.
func (c *Catalogue) Nearest(path string, n int) []string {
	if len(path) > maxPath {
		return nil
	}
	type near struct {
		path     string
		distance int
	}
	var found []near
	for _, e := range c.all {
		if d := spell.Distance(strings.ToLower(path), e.Path); d <= len(e.Path)/3 {
			found = append(found, near{e.Path, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var paths []string
	for _, f := range found[:min(n, len(found))] {
		paths = append(paths, f.path)
	}
	return paths
}

// maxPath bounds what distances are computed of.
const maxPath = 128

// key is what a path is found by: the trees that stand for each other are cut off.
func key(path string) string {
	for _, tree := range []string{"/channels/ec/", "/shop/ec/"} {
		if rest, ok := strings.CutPrefix(path, tree); ok && rest != "" {
			return rest
		}
	}
	if rest, ok := strings.CutPrefix(path, "/shop/funds/"); ok && rest != "" {
		return path[len("/shop/"):]
	}
	return path
}

// build makes a catalogue from endpoints; of two with one key the later counts.
func build(endpoints []*Endpoint) *Catalogue {
	c := &Catalogue{byKey: make(map[string]*Endpoint, len(endpoints))}
	for _, e := range endpoints {
		c.byKey[key(e.Path)] = e
	}
	for _, e := range c.byKey {
		c.all = append(c.all, e)
	}
	slices.SortFunc(c.all, func(a, b *Endpoint) int { return cmp.Compare(a.Path, b.Path) })
	return c
}
