package feed

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// Position is an entry of the log and everything before it.
type Position struct {
	Seq  int64    // of the entry; -1: the log had none
	Leaf [32]byte // its hash, so that another log is told from this one
}

// None is the position before the first entry.
var None = Position{Seq: -1}

// Change is what some entries, one after another, say of rows. Each list is
// sorted and names a row once.
type Change struct {
	To Position // the last of the entries
	// All says that the log is not the one that was followed: whatever was
	// read before may be wrong. The other fields are empty then.
	All bool
	// Renewed are the grants that keep tokens of this generation now. Who holds
	// the same or a later one has nothing to do.
	Renewed map[string]int64
	// Grants are those of which more changed than that: revoked, started anew,
	// stopped, deleted. What was held of them must not be used.
	Grants  []string
	Apps    []string
	Shops   []string
	Clients []string
	// People are those of whom something changed that servers remember, as
	// [audit.Entry.People] names them.
	People []string
	Keyset bool // the keyset was rotated or wrapped anew
}

// Directory tells whether apps, shops or clients changed.
func (c Change) Directory() bool { return len(c.Apps)+len(c.Shops)+len(c.Clients) > 0 }

// Empty tells whether the entries were about nothing that a Change names.
func (c Change) Empty() bool {
	return !c.All && !c.Keyset && !c.Directory() && len(c.Renewed)+len(c.Grants)+len(c.People) == 0
}

// gather collects a Change from entries.
type gather struct {
	renewed map[string]int64
	rows    map[string]map[string]bool // by the word before the colon of a subject
	keyset  bool
}

func newGather() *gather {
	return &gather{renewed: map[string]int64{}, rows: map[string]map[string]bool{}}
}

func (g *gather) row(kind, id string) {
	if g.rows[kind] == nil {
		g.rows[kind] = map[string]bool{}
	}
	g.rows[kind][id] = true
}

func (g *gather) ids(kind string) []string { return slices.Sorted(maps.Keys(g.rows[kind])) }

// change gives what was collected up to an entry.
func (g *gather) change(to Position) Change {
	return Change{To: to, Renewed: g.renewed, Grants: g.ids("grant"), Apps: g.ids("app"), Shops: g.ids("shop"),
		Clients: g.ids("client"), People: g.ids("people"), Keyset: g.keyset}
}

// read takes the next entry. One that does not decode was not written by any
// version of ours; the audit log's own check speaks of it.
func (g *gather) read(r audit.Record) {
	e, err := audit.Decode(r.Data)
	if err != nil {
		return
	}
	switch e.Action {
	case audit.GrantSettle, audit.GrantTokens:
		for id, kept := range e.Details {
			g.kept(id, kept, e.Reason != "")
		}
	case audit.GrantStart, audit.GrantHold, audit.GrantFollow, audit.GrantLead:
		for id := range e.Details {
			g.row("grant", id)
		}
	case audit.ShopOpen:
		for id := range e.Details {
			g.row("shop", id)
		}
	}
	g.subject(e)
	for name := range e.People() {
		if kind, id, _ := strings.Cut(name, ":"); people[kind] && (id != "" || name == audit.Everybody) {
			g.row("people", name)
		}
	}
}

// people are the kinds of names that those whom servers remember have.
var people = map[string]bool{"person": true, "admin": true, "session": true, "shop": true, "app": true, audit.Everybody: true}

// kept takes what an entry says that a grant keeps: "generation digest", or
// "generation none". ended says that the entry means more than that.
func (g *gather) kept(id, kept string, ended bool) {
	number, digest, _ := strings.Cut(kept, " ")
	generation, err := strconv.ParseInt(number, 10, 64)
	if err != nil || ended || digest == audit.NoTokens {
		g.row("grant", id)
		return
	}
	g.renewed[id] = max(generation, g.renewed[id])
}

// quiet are actions about a grant that leave its row as it was, or change in it
// only what nobody but the store looks at.
var quiet = map[string]bool{"grant.unsettled": true, "grant.force": true}

// subject takes the row that an entry is about. Refusals and lost answers change
// nothing.
func (g *gather) subject(e audit.Entry) {
	kind, id, _ := strings.Cut(e.Subject, ":")
	switch {
	case strings.HasPrefix(e.Action, "key.") && e.Outcome == audit.Done:
		g.keyset = true
	case e.Outcome != audit.Done && e.Outcome != audit.Failed, id == "", quiet[e.Action]:
	case kind == "grant", kind == "app", kind == "shop", kind == "client":
		g.row(kind, id)
	}
}
