package proof

import (
	"fmt"
	"slices"
	"time"
)

// revoked: the owner's withdrawal ended grants, tokens and sessions at one
// moment, after which nothing of the shop reached WeChat.
func (c *checker) revoked() {
	x, ok := c.entryOf(func(x entry) bool { return x.done("grant.withdraw", "") })
	if !ok {
		c.find("no entry says that somebody withdrew")
		return
	}
	person := x.Actor.ID
	shops := c.ownedShops(person)
	for _, g := range c.rows.grants {
		if g.person == person || slices.Contains(shops, g.shop) {
			c.grantEnded(g)
		}
	}
	c.sessionsEnded(person, x.At)
	c.silenceAfter(x.At, shops)
	i := slices.IndexFunc(c.log, func(l logLine) bool { return l.Method == "POST" && l.on("/withdraw") && l.Status < 400 })
	if i < 0 {
		c.find("the log has no withdrawal")
		return
	}
	if _, shown := first(c.log[:i], func(l logLine) bool { return l.Method == "GET" && l.on("/withdraw") && l.Status == 200 }); !shown {
		c.find("the page that asks was not shown before the withdrawal")
	}
	c.programsRefused(c.log[i:])
}

// ownedShops gives the shops of a person's tenants. In this story each is set to
// end with the owner's withdrawal.
func (e *evidence) ownedShops(person string) []string {
	var all []string
	for _, s := range e.rows.shops {
		if _, ok := first(e.rows.members, func(m memberRow) bool {
			return m.person == person && m.role == "owner" && m.tenant == s.tenant && (m.shop == "" || m.shop == s.id)
		}); ok {
			all = append(all, s.id)
		}
	}
	return all
}

func (c *checker) grantEnded(g grantRow) {
	if g.state != "revoked" || g.due != 0 {
		c.find("grant %s is %s after the withdrawal, and due at %d", g.id, g.state, g.due)
	}
	if g.access != nil || g.refresh != nil || g.digest != "" || g.accessExpires != 0 || g.refreshExpires != 0 {
		c.find("grant %s still keeps tokens after the withdrawal", g.id)
	}
	history := c.history(g.id)
	if len(history) == 0 {
		c.find("no entry speaks of the tokens of grant %s", g.id)
		return
	}
	if last := history[len(history)-1]; last.digest != "none" || last.generation != g.generation {
		c.find("the last entry about grant %s says %q of generation %d, the row is of generation %d", g.id, last.digest, last.generation, g.generation)
	}
}

func (c *checker) sessionsEnded(person string, when time.Time) {
	for _, s := range c.rows.sessions {
		if s.person == person && s.created <= when.UnixMilli() && (s.ended == 0 || s.ended > when.UnixMilli() || s.why == "") {
			c.find("session %s of %s did not end with the withdrawal", s.id, person)
		}
	}
}

// silenceAfter: no request of the shop or with the person's tokens came after.
// The withdrawal's time has no microseconds, so its whole millisecond counts as
// before.
func (c *checker) silenceAfter(when time.Time, shops []string) {
	for _, r := range c.ledger {
		if !r.Time.After(when.Add(time.Millisecond)) || r.Host != "api" {
			continue
		}
		for _, id := range shops {
			s, _ := first(c.rows.shops, func(s shopRow) bool { return s.id == id })
			if app, _ := c.rows.app(s.app); r.AppID == app.appID {
				c.find("request %d to %s carried what was of shop %s after the withdrawal", r.Seq, r.Path, id)
			}
		}
		if r.TokenKind == "user" {
			c.find("request %d to %s carried a person's token after the withdrawal", r.Seq, r.Path)
		}
	}
}

// programsRefused: after the withdrawal the first call is refused, and none is
// answered.
func (c *checker) programsRefused(log []logLine) {
	var after []string
	for _, l := range log {
		if l.on("/wx/") {
			after = append(after, fmt.Sprintf("%d %s", l.Status, l.Code))
		}
	}
	if len(after) == 0 || slices.ContainsFunc(after, func(s string) bool { return s != "403 grant-revoked" }) {
		c.find("calls after the withdrawal were answered with %q, want 403 grant-revoked", after)
	}
	x, ok := c.refusal("gateway.call", "grant-revoked")
	if _, known := first(c.rows.clients, func(r clientRow) bool { return r.id == x.Actor.ID }); !ok || !known {
		c.find("no entry says that a program was refused for the withdrawal")
	}
}
