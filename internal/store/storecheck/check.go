package storecheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// Problems gives every invariant that does not hold, in words.
func Problems(ctx context.Context, s *sqlstore.Store) []string {
	c := &checker{ctx: ctx, s: s, tokens: make(map[string]string)}
	for _, part := range []func() error{c.log, c.grants, c.sessions, c.invitations, c.platforms, c.events} {
		if err := part(); err != nil {
			c.problem("cannot read: %v", err)
		}
	}
	return c.problems
}

type checker struct {
	ctx      context.Context
	s        *sqlstore.Store
	problems []string
	archived int64             // entries that the log says were archived, less those that are missing
	tokens   map[string]string // by grant: what the newest audit entry says
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// log computes the tree anew, without the code that wrote it.
func (c *checker) log() error {
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, idx := range indexes {
			out[i] = hashes[idx]
		}
		return out, nil
	})
	n, stored := int64(0), c.s.StoredHash(c.ctx)
	for rec, err := range c.s.AuditRecords(c.ctx) {
		if err != nil {
			return err
		}
		for ; n < rec.Seq; n++ { // archived, if the log says so further on
			leaf, _, err := stored(tlog.StoredHashIndex(0, n))
			if err != nil {
				return err
			}
			more, err := tlog.StoredHashesForRecordHash(n, leaf, read)
			if err != nil {
				return err
			}
			hashes = append(hashes, more...)
			c.archived--
		}
		more, err := tlog.StoredHashes(n, rec.Data, read)
		if err != nil {
			return err
		}
		if rec.Seq != n || rec.Leaf != tlog.RecordHash(rec.Data) {
			c.problem("audit entry %d: stands at %d, or its leaf is not its hash", n, rec.Seq)
		}
		hashes = append(hashes, more...)
		n++
		if err := c.entry(rec); err != nil {
			return err
		}
	}
	if c.archived != 0 {
		c.problem("%d entries are missing that no entry says were archived", -c.archived)
	}
	return c.head(n, hashes, read)
}

func (c *checker) entry(rec audit.Record) error {
	e, err := audit.Decode(rec.Data)
	if err != nil {
		return err
	}
	if e.Action == "log.prune" {
		c.archived += e.Count
	}
	if e.Action == "grant.settle" || e.Action == "grant.tokens" {
		for id, said := range e.Details {
			if strings.HasPrefix(id, "g_") {
				c.tokens[id] = said
			}
		}
	}
	return nil
}

func (c *checker) head(n int64, hashes []tlog.Hash, read tlog.HashReader) error {
	stored := c.s.StoredHash(c.ctx)
	for i, want := range hashes {
		if got, ok, err := stored(int64(i)); err != nil {
			return err
		} else if !ok || got != want {
			c.problem("audit hash %d is missing or not what the entries give", i)
		}
	}
	if _, more, err := stored(int64(len(hashes))); err != nil || more {
		c.problem("there are more audit hashes than %d entries give (%v)", n, err)
	}
	size, root, err := c.s.AuditHead(c.ctx)
	if err != nil {
		return err
	}
	want, err := tlog.TreeHash(n, read)
	if size != n || tlog.Hash(root) != want {
		c.problem("audit head says %d entries and root %v; the entries are %d and give %v", size, tlog.Hash(root), n, want)
	}
	return err
}

func (c *checker) grants() error {
	grants, err := c.s.Grants(c.ctx, grant.Filter{})
	for _, g := range grants {
		c.grant(g)
		c.lease(g)
		c.holders(g)
	}
	c.only(grants)
	return err
}

// only looks for what may stand once.
func (c *checker) only(grants []grant.Grant) {
	keys, sealed := make(map[[4]string]string), make(map[string]string)
	for _, g := range grants {
		key := keyOf(g)
		if other, twice := keys[key]; twice {
			c.problem("grants %s and %s are both of %q", other, g.ID, key)
		}
		keys[key] = g.ID
		for _, token := range [][]byte{g.Tokens.Access, g.Tokens.Refresh} {
			if other, twice := sealed[string(token)]; twice && len(token) > 0 {
				c.problem("grants %s and %s keep one sealed token", other, g.ID)
			}
			sealed[string(token)] = g.ID
		}
	}
}

// keyOf is what a grant stands once by.
func keyOf(g grant.Grant) [4]string {
	key := [4]string{string(g.Kind)}
	switch g.Kind {
	case grant.Self:
		key[1] = g.ShopID
	case grant.User:
		key[1], key[2], key[3] = g.App, g.OpenID, g.Scope
	case grant.ISV:
		key[1], key[2] = g.App, g.Authorizer
	case grant.Component:
		key[1] = g.App
	}
	return key
}

func (c *checker) lease(g grant.Grant) {
	l := g.Lease
	switch {
	case l.Term > g.SettledTerm && (l.Owner == "" || l.Until.IsZero()):
		c.problem("grant %s: term %d runs without a holder or an end: %+v", g.ID, l.Term, l)
	case l.Owner == "" && !l.Until.IsZero():
		c.problem("grant %s: a lease of nobody lasts until %v", g.ID, l.Until)
	case l.Term > g.SettledTerm && g.State == grant.NeedsOwner:
		c.problem("grant %s: term %d runs although only the owner can go on", g.ID, l.Term)
	}
}

func (c *checker) grant(g grant.Grant) {
	keeps := len(g.Tokens.Access)+len(g.Tokens.Refresh) > 0
	said, named := c.tokens[g.ID]
	want := fmt.Sprintf("%d none", g.Tokens.Generation)
	if keeps {
		want = fmt.Sprintf("%d %s", g.Tokens.Generation, g.Tokens.Digest())
	}
	switch {
	case g.SettledTerm > g.Lease.Term:
		c.problem("grant %s: term %d is settled, %d was given out", g.ID, g.SettledTerm, g.Lease.Term)
	case g.State == grant.Revoked && (keeps || g.DueAt.IsZero() != (g.Kills == 0)):
		c.problem("grant %s: revoked, and still keeps tokens, or is due without anything to do", g.ID)
	case named && said != want:
		c.problem("grant %s: keeps %q, the audit log says %q", g.ID, want, said)
	case !named && g.Tokens.Generation > 0:
		c.problem("grant %s: generation %d is not in the audit log", g.ID, g.Tokens.Generation)
	case g.Kind == grant.User && (len(g.Tokens.Access) > 0) != (len(g.Tokens.Refresh) > 0):
		c.problem("grant %s: one half of the pair is missing", g.ID)
	case g.Kind == grant.ISV && keeps && len(g.Tokens.Refresh) == 0:
		c.problem("grant %s: an isv grant keeps tokens and no refresh token", g.ID)
	case (g.Kind == grant.Self || g.Kind == grant.Component) && len(g.Tokens.Refresh) > 0:
		c.problem("grant %s: a %s grant has a refresh token", g.ID, g.Kind)
	}
}

func (c *checker) holders(g grant.Grant) {
	if _, err := c.s.App(c.ctx, g.App); err != nil && g.State != grant.Revoked {
		c.problem("grant %s: app: %v", g.ID, err)
	}
	if g.State == grant.Revoked {
		return
	}
	var err error
	switch {
	case g.Kind == grant.User:
		_, err = c.s.Person(c.ctx, g.PersonID)
	case g.Kind == grant.Self, g.ShopID != "":
		_, err = c.s.Shop(c.ctx, g.ShopID)
	}
	if err != nil {
		c.problem("grant %s: its shop or person: %v", g.ID, err)
	}
}

func (c *checker) sessions() error {
	sessions, err := c.s.Sessions(c.ctx, access.SessionFilter{})
	for _, n := range sessions {
		if err := c.holder(n); err != nil {
			c.problem("session %s: its holder: %v", n.ID, err)
		}
	}
	c.hanging(sessions)
	return err
}

// hanging compares sessions with those that they hang on.
func (c *checker) hanging(sessions []access.Session) {
	byID := map[string]access.Session{}
	for _, n := range sessions {
		byID[n.ID] = n
	}
	for _, n := range sessions {
		if n.Parent == "" {
			continue
		}
		p, ok := byID[n.Parent]
		same := p.PersonID == n.PersonID && p.AdminID == n.AdminID && p.ShopID == n.ShopID && p.Role == n.Role
		switch {
		case !ok || p.Parent != "":
			c.problem("session %s hangs on %s, which is no login", n.ID, n.Parent)
		case !same:
			c.problem("session %s is of somebody else than %s, which it hangs on", n.ID, n.Parent)
		case n.EndedAt.IsZero() && !p.EndedAt.IsZero(), n.ExpiresAt.After(p.ExpiresAt):
			c.problem("session %s outlives %s, which it hangs on", n.ID, n.Parent)
		}
	}
}

// holder looks for the one that a session is of. That of a shop that is gone ended
// with it.
func (c *checker) holder(n access.Session) (err error) {
	switch [3]bool{n.PersonID != "", n.AdminID != "", n.ShopID != ""} {
	case [3]bool{true, false, false}:
		_, err = c.s.Person(c.ctx, n.PersonID)
	case [3]bool{false, true, false}:
		_, err = c.s.Admin(c.ctx, n.AdminID)
	case [3]bool{false, false, true}:
		if n.EndedAt.IsZero() {
			_, err = c.s.Shop(c.ctx, n.ShopID)
		}
	default:
		err = fmt.Errorf("person %q, administrator %q and shop %q", n.PersonID, n.AdminID, n.ShopID)
	}
	return err
}

func (c *checker) invitations() error {
	invitations, err := c.s.Invitations(c.ctx)
	for _, i := range invitations {
		switch i.State {
		case access.InvitationTaken:
			if i.PersonID == "" || i.Code == "" {
				c.problem("invitation %s: taken by %q with code of %d digits", i.ID, i.PersonID, len(i.Code))
			}
		case access.InvitationConfirmed:
			if err := c.confirmed(i); err != nil {
				return err
			}
		}
	}
	return err
}

func (c *checker) confirmed(i access.Invitation) error {
	members, err := c.s.Members(c.ctx, i.TenantID)
	if !slices.ContainsFunc(members, func(m access.Member) bool { return m.PersonID == i.PersonID && m.ShopID == i.ShopID }) {
		c.problem("invitation %s: confirmed, and %q is no member", i.ID, i.PersonID)
	}
	return err
}
