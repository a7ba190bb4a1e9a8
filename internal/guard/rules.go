package guard

import (
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Mode says what becomes of changes that another site's page sends.
type Mode string

// The modes. The zero Mode is that of the rule around, and Refuse where there is none.
const (
	Refuse  Mode = "refuse"
	Observe Mode = "observe" // let through and recorded
	Off     Mode = "off"
)

// Word is what a header tells of a person.
type Word string

// The words.
const (
	WordPerson Word = "person"
	WordShop   Word = "shop"
	WordRole   Word = "role"
	WordDoor   Word = "door"
	WordName   Word = "name" // nickname at WeChat, in UTF-8; the person's id if there is none
)

// Rule says who may in. Fields that are not set are as in the rule around; a rule that
// says neither Public nor Shut nor Role takes all three from there.
type Rule struct {
	Public       bool        // strangers, too; nobody is named there
	Shut         bool        // nobody
	Role         access.Role // at least
	Doors        []access.Door
	ProvedWithin time.Duration // since WeChat named the person
	CrossOrigin  Mode
}

// Route is the rule of a path and all below it.
type Route struct {
	Path string // decoded, without a slash at the end
	Rule
}

// Host is a protected host: whose it is, and who may in.
type Host struct {
	Name    string // host[:port] as browsers write it, in lower case
	Shop    string // id; or
	Tenant  string // id: people choose among their shops of it
	Rule    Rule   // where no route says otherwise
	Routes  []Route
	Headers map[string]Word // names in canonical form
	// Inner says that [Guard.Handler] stands in front of the back office itself, so
	// that every path but ours is the back office's, and nobody asks GET /auth.
	Inner bool
}

// shut is the rule around everything.
var shut = Rule{Shut: true, CrossOrigin: Refuse}

// within fills in what r does not say.
func (r Rule) within(around Rule) Rule {
	if !r.Public && !r.Shut && r.Role == "" {
		r.Public, r.Shut, r.Role = around.Public, around.Shut, around.Role
	}
	if len(r.Doors) == 0 {
		r.Doors = around.Doors
	}
	if r.ProvedWithin == 0 {
		r.ProvedWithin = around.ProvedWithin
	}
	if r.CrossOrigin == "" {
		r.CrossOrigin = around.CrossOrigin
	}
	return r
}

// and gives the rule that wants all that both want.
func (r Rule) and(o Rule) Rule {
	both := Rule{Public: r.Public && o.Public, Shut: r.Shut || o.Shut, Role: r.Role, Doors: r.Doors, ProvedWithin: r.ProvedWithin, CrossOrigin: r.CrossOrigin}
	if r.Public || !o.Public && o.Role.Covers(r.Role) {
		both.Role = o.Role
	}
	if len(o.Doors) > 0 {
		both.Doors = o.Doors
	}
	if len(r.Doors) > 0 && len(o.Doors) > 0 {
		both.Doors = slices.DeleteFunc(slices.Clone(r.Doors), func(d access.Door) bool { return !slices.Contains(o.Doors, d) })
		both.Shut = both.Shut || len(both.Doors) == 0
	}
	if o.ProvedWithin > 0 && (r.ProvedWithin == 0 || o.ProvedWithin < r.ProvedWithin) {
		both.ProvedWithin = o.ProvedWithin
	}
	if o.CrossOrigin == Refuse || o.CrossOrigin == Observe && r.CrossOrigin == Off {
		both.CrossOrigin = o.CrossOrigin
	}
	return both
}

// rules are a host's, ready to be asked.
type rules struct {
	whole  *Rule
	routes []route // longest path first
}

// route is one path with the whole rule there. A whole rule is public, shut, or has a
// role.
type route struct {
	exact, loose string // two readings of the path, see readings
	rule         *Rule
}

func newRules(h Host) rules {
	whole := h.Rule.within(shut)
	all := rules{whole: &whole}
	byLength := slices.Clone(h.Routes)
	slices.SortStableFunc(byLength, func(a, b Route) int { return len(loosely(a.Path)) - len(loosely(b.Path)) })
	for _, x := range byLength {
		loose := loosely(x.Path)
		rule := x.Rule.within(*all.match(x.Path, loose))
		all.routes = slices.Insert(all.routes, 0, route{x.Path, loose, &rule})
	}
	return all
}

// match gives the rule for a path by its two readings. Where they hit different
// routes, what both want is wanted.
func (s rules) match(exact, loose string) *Rule {
	a, b := s.whole, s.whole
	for _, x := range s.routes {
		if under(exact, x.exact) {
			a = x.rule
			break
		}
	}
	for _, x := range s.routes {
		if under(loose, x.loose) {
			b = x.rule
			break
		}
	}
	if a == b {
		return a
	}
	both := a.and(*b)
	return &both
}

// under tells whether path is prefix or below it.
func under(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}
