package sqlstore

import (
	"cmp"
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore/sqlgen"
)

// touch is somebody of whom a transaction changed what servers remember.
type touch struct {
	name string // as audit.Entry.People gives it
	or   string // another name that says as much; may be empty
	// quiet is not worth an entry: other servers may learn of it later.
	quiet bool
	at    time.Time // of the change; zero: when the transaction's entries are
}

// maxTouched is how many are named in one entry. More than that are everybody.
const maxTouched = 200

// PeopleFunc is told, after a commit, of whom something changed that a server may
// remember, by the names that [audit.Entry.People] gives. The commit may also have
// failed.
type PeopleFunc func(names []string)

// OnPeople has f told of every later change. Only changes that this store made are
// told: others are in the audit log. nil ends it.
func (s *Store) OnPeople(f PeopleFunc) {
	if f == nil {
		s.people.Store(nil)
		return
	}
	s.people.Store(&f)
}

// touch says of whom something changes.
func (t *tx) touch(name string, at time.Time) {
	t.touched = append(t.touched, touch{name: name, at: at})
}

// touchSession is touch for the one that a session is of.
func (t *tx) touchSession(r sqlgen.Session, at time.Time) {
	t.touched = append(t.touched, touch{name: holderName(r), or: "session:" + r.ID, at: at})
}

// touchMembers is touch for those who have a role in a tenant: of them all, or of
// those whose role is in one shop.
func (t *tx) touchMembers(ctx context.Context, tenant, shop string, at time.Time) error {
	rows, err := t.MembersOfTenant(ctx, tenant)
	for _, m := range rows {
		if shop == "" || m.ShopID == shop {
			t.touch("person:"+m.PersonID, at)
		}
	}
	return err
}

func holderName(r sqlgen.Session) string {
	switch {
	case r.AdminID != "":
		return "admin:" + r.AdminID
	case r.ShopID != "":
		return "shop:" + r.ShopID
	}
	return "person:" + r.PersonID
}

// tell tells whoever listens in this process.
func (s *Store) tell(touched []touch) {
	f := s.people.Load()
	if f == nil || len(touched) == 0 {
		return
	}
	names := make([]string, len(touched))
	for i, t := range touched {
		names[i] = t.name
	}
	(*f)(names)
}

// recordTouched adds an entry about those whom the transaction's own do not name.
func (t *tx) recordTouched(context.Context) error {
	named := map[string]bool{}
	for _, e := range t.entries {
		for name := range e.People() {
			named[name] = true
		}
	}
	unnamed := map[string]string{}
	at := entryTime(t.entries, time.Time{})
	for _, touched := range t.touched {
		if !touched.quiet && !named[touched.name] && !named[cmp.Or(touched.or, touched.name)] {
			unnamed[touched.name] = ""
			if touched.at.After(at) {
				at = touched.at
			}
		}
	}
	if len(unnamed) == 0 {
		return nil
	}
	if len(unnamed) > maxTouched {
		unnamed = map[string]string{audit.Everybody: ""}
	}
	t.record(audit.Entry{At: at, Actor: actor(t.entries), Action: audit.PeopleChange, Outcome: audit.Done, Details: unnamed})
	return nil
}
