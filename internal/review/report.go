package review

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Report says who may do what. Make it with [Make].
type Report struct {
	At       time.Time `json:"at" doc:"when it was made"`
	Digest   string    `json:"digest" doc:"SHA-256 of everything but at and digest, 64 hex digits; what a signature names"`
	Scope    string    `json:"scope" doc:"house, tenant:… or shop:…"`
	Sections []Section `json:"sections" doc:"lines by what they are about"`
	// Credentials say of each kind of credential who can rotate it, and who cannot.
	Credentials []Credential `json:"credentials" doc:"which kinds of credential can be rotated, and by whom"`
}

// Section is lines of one kind.
type Section struct {
	Name  string `json:"name" doc:"staff, members, invitations, clients, rights, grants, sets, secrets, keys, sessions, hosts or programs"`
	Lines []Line `json:"lines" doc:"in the order of their ids"`
}

// Line is what one person, program or key may do. Days are China's.
type Line struct {
	ID     string   `json:"id" doc:"of the person, program, key or grant"`
	Who    string   `json:"who,omitempty" doc:"what people call it; text of strangers"`
	Where  string   `json:"where,omitempty" doc:"ids of shops or of the tenant, with spaces between them"`
	May    string   `json:"may" doc:"in the words of manifests"`
	Since  string   `json:"since,omitempty" doc:"the day from which it holds, as far as is known"`
	Until  string   `json:"until,omitempty" doc:"Left out: without an end"`
	Used   string   `json:"used,omitempty" doc:"the day of the last use, as far as is known"`
	Why    []Reason `json:"why,omitempty" doc:"why it stands out; left out: it does not"`
	Remove string   `json:"remove,omitempty" doc:"the command that takes it away"`
}

// Reason is why a line stands out.
type Reason struct {
	Code   string `json:"code" doc:"machine readable"`
	Detail string `json:"detail,omitempty" doc:"what the words of the code are about"`
}

// Lines counts the lines of a report, and those that stand out.
func (r Report) Lines() (all, marked int) {
	for _, s := range r.Sections {
		all += len(s.Lines)
		marked += s.Marked()
	}
	return all, marked
}

// Marked counts the lines that stand out.
func (s Section) Marked() (n int) {
	for _, l := range s.Lines {
		if len(l.Why) > 0 {
			n++
		}
	}
	return n
}

// sum computes the digest of a report.
func (r Report) sum() string {
	r.At, r.Digest = time.Time{}, ""
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts always marshal
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Make makes the report about a scope.
func Make(s Snapshot, scope Scope) Report {
	m := newMaker(s, scope)
	r := Report{At: s.At.UTC(), Scope: scope.String(), Credentials: Credentials()}
	for _, part := range []struct {
		name  string
		house bool // for the whole house alone
		lines func() []Line
	}{
		{"staff", true, m.staff}, {"members", false, m.members}, {"invitations", false, m.invitations}, {"clients", false, m.clients},
		{"rights", false, m.rights}, {"grants", false, m.grants}, {"sets", false, m.sets}, {"secrets", false, m.secrets},
		{"keys", true, m.keys}, {"sessions", false, m.sessions}, {"hosts", false, m.hosts}, {"programs", false, m.programs},
	} {
		if part.house && !scope.House() {
			continue
		}
		lines := part.lines()
		slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Where, b.Where)) })
		r.Sections = append(r.Sections, Section{Name: part.name, Lines: append([]Line{}, lines...)})
	}
	r.Digest = r.sum()
	return r
}

// maker is a snapshot with what is looked up in it.
type maker struct {
	Snapshot
	scope  Scope
	shops  map[string]access.Shop // that are in the scope
	names  map[string]access.Seen // of people who are members
	active map[string]bool        // people who have a role now, wherever
	uses   map[string][]access.PathUse
}

func newMaker(s Snapshot, scope Scope) *maker {
	m := &maker{Snapshot: s, scope: scope, shops: map[string]access.Shop{}, names: map[string]access.Seen{}, active: map[string]bool{}, uses: map[string][]access.PathUse{}}
	for _, shop := range s.Shops {
		if scope.House() || shop.TenantID == scope.TenantID && (scope.ShopID == "" || shop.ID == scope.ShopID) {
			m.shops[shop.ID] = shop
		}
	}
	for _, p := range s.People {
		m.names[p.ID] = p
	}
	for _, x := range s.Members {
		m.active[x.PersonID] = m.active[x.PersonID] || x.Active(s.At)
	}
	for _, u := range s.Uses {
		m.uses[u.ClientID] = append(m.uses[u.ClientID], u)
	}
	return m
}

// older tells whether a time is known and longer ago than d.
func (m *maker) older(t time.Time, d time.Duration) bool { return !t.IsZero() && m.At.Sub(t) > d }

// day writes a day, "" for none.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(access.China).Format(time.DateOnly)
}

// lastDay is the last day on which something that ends at t still holds.
func lastDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return day(t.Add(-time.Millisecond))
}

// longestName bounds what strangers call themselves.
const longestName = 64

// plain writes text of strangers in one line: what breaks a line, turns the direction
// of writing or cannot be seen is replaced.
func plain(s string) string {
	n := 0
	return strings.Map(func(c rune) rune {
		if n++; n > longestName {
			return -1
		}
		if !unicode.IsPrint(c) {
			return unicode.ReplacementChar
		}
		return c
	}, s)
}

// mostPlaces is how many shops are written out in one line.
const mostPlaces = 20
