package session

import (
	"strings"
	"sync/atomic"
	"time"
	"unique"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// key is the SHA-256 of a token.
type key [32]byte

// memory finds entries. It is not safe for concurrent use.
type memory struct {
	tokens map[key]*entry
	ids    map[string]*entry
	groups map[string]*group // by who has the sessions, as audit.Entry.People names them
}

func newMemory() memory {
	return memory{tokens: map[key]*entry{}, ids: map[string]*entry{}, groups: map[string]*group{}}
}

// group is all that is known of one holder. It is forgotten as a whole.
type group struct {
	name    string
	person  atomic.Pointer[access.Person]
	since   int64 // when the first of it was read
	entries []*entry
}

// entry is an access.Session in a third of the room: words that many have are kept
// once, times are milliseconds, and what the group knows is not repeated.
type entry struct {
	token   key
	id      string
	group   *group
	parent  *entry         // nil: it is a login
	own     *access.Person // somebody from the market; nil: the group's
	host    string
	address string

	app, door, role, device, system                 unique.Handle[string]
	created, proved, expires, rotated, idleMs, told int64
	previous                                        *key // nil: it was not rotated

	seen     atomic.Int64
	replaced atomic.Int64
	unused   atomic.Bool // the token of a rotation, not used so far
}

func newEntry(s access.Session, g *group) *entry {
	e := &entry{
		token: key(s.TokenHash), id: s.ID, group: g, host: s.Host, address: s.Address,
		app: unique.Make(s.App), door: unique.Make(string(s.Door)), role: unique.Make(string(s.Role)),
		device: unique.Make(s.Device), system: unique.Make(s.System),
		created: millis(s.CreatedAt), proved: millis(s.ProvedAt), expires: millis(s.ExpiresAt), rotated: millis(s.RotatedAt),
		idleMs: s.IdleLimit.Milliseconds(), told: millis(s.ToldAt),
	}
	if len(s.Previous) == len(key{}) {
		previous := key(s.Previous)
		e.previous = &previous
		e.unused.Store(s.ReplacedAt.IsZero())
	}
	e.seen.Store(millis(s.SeenAt))
	e.replaced.Store(millis(s.ReplacedAt))
	return e
}

// root is the login that an entry is or hangs on.
func (e *entry) root() *entry {
	if e.parent != nil {
		return e.parent
	}
	return e
}

// live tells whether the session counts at now, as far as memory knows.
func (e *entry) live(now time.Time) bool {
	r, at := e.root(), now.UnixMilli()
	return at < e.expires && at < r.expires && at < r.seen.Load()+r.idleMs
}

func (e *entry) who() *access.Person {
	if e.own != nil {
		return e.own
	}
	return e.group.person.Load()
}

// session gives the entry as the store would. Its hashes are those of the entry.
func (e *entry) session() access.Session {
	s := access.Session{
		ID: e.id, TokenHash: e.token[:], App: e.app.Value(), Door: access.Door(e.door.Value()), Role: access.Role(e.role.Value()),
		CreatedAt: fromMillis(e.created), SeenAt: fromMillis(max(e.seen.Load(), e.root().seen.Load())), ProvedAt: fromMillis(e.proved),
		ExpiresAt: fromMillis(e.expires), IdleLimit: time.Duration(e.idleMs) * time.Millisecond,
		Device: e.device.Value(), Host: e.host, Address: e.address, System: e.system.Value(),
		RotatedAt: fromMillis(e.rotated), ReplacedAt: fromMillis(e.replaced.Load()), ToldAt: fromMillis(e.told),
	}
	if e.parent != nil {
		s.Parent = e.parent.id
	}
	if e.previous != nil {
		s.Previous = e.previous[:]
	}
	switch kind, id, _ := strings.Cut(e.group.name, ":"); kind {
	case audit.ActorAdmin:
		s.AdminID = id
	case audit.ActorShop:
		s.ShopID = id
	default:
		s.PersonID = id
	}
	return s
}

// groupName names who has a session.
func groupName(s access.Session) string {
	switch {
	case s.AdminID != "":
		return audit.ActorAdmin + ":" + s.AdminID
	case s.ShopID != "":
		return audit.ActorShop + ":" + s.ShopID
	}
	return audit.ActorPerson + ":" + s.PersonID
}

// keep holds a session and the one that it hangs on, which may be itself.
func (m *memory) keep(root, s access.Session, p access.Person, now time.Time) {
	g := m.groups[groupName(s)]
	if g == nil {
		g = &group{name: groupName(s), since: now.UnixMilli()}
		m.groups[g.name] = g
	}
	var own *access.Person
	if s.ShopID != "" {
		own = &p
	} else {
		g.person.Store(&p)
	}
	parent := m.add(g, root, nil, own)
	if s.ID != root.ID {
		m.add(g, s, parent, own)
	}
}

// add gives the entry of a session. One that is there already stays as it is: others
// read it without a lock.
func (m *memory) add(g *group, s access.Session, parent *entry, own *access.Person) *entry {
	if e := m.ids[s.ID]; e != nil {
		return e
	}
	e := newEntry(s, g)
	e.parent, e.own = parent, own
	m.tokens[e.token], m.ids[e.id] = e, e
	g.entries = append(g.entries, e)
	return e
}

func (m *memory) forget(name string) {
	kind, id, _ := strings.Cut(name, ":")
	switch kind {
	case audit.Everybody:
		clear(m.tokens)
		clear(m.ids)
		clear(m.groups)
	case "session":
		if e := m.ids[id]; e != nil {
			m.drop(e.group)
		}
	case "app":
		m.dropOf(unique.Make(id))
	default:
		if g := m.groups[name]; g != nil {
			m.drop(g)
		}
	}
}

// dropOf forgets whoever has a session through an app.
func (m *memory) dropOf(app unique.Handle[string]) {
	for _, e := range m.tokens {
		if e.app == app {
			m.drop(e.group)
		}
	}
}

func (m *memory) drop(g *group) {
	for _, e := range g.entries {
		delete(m.tokens, e.token)
		delete(m.ids, e.id)
	}
	delete(m.groups, g.name)
}

// dropAny makes room.
func (m *memory) dropAny() {
	for _, g := range m.groups {
		m.drop(g)
		return
	}
}

// sweep forgets what was read before a time.
func (m *memory) sweep(before time.Time) {
	for _, g := range m.groups {
		if g.since < before.UnixMilli() {
			m.drop(g)
		}
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
