package proof

import (
	"bytes"
	"slices"
	"strings"
)

// silent: the owner came in a second browser without being asked anything, is
// the same person with a session of its own, and the kept pair was replaced.
func (c *checker) silent() {
	again := 0
	for _, x := range c.logins() {
		if x.Details["invitation"] != "" || x.Details["new"] != "" {
			continue
		}
		again++
		c.sameAgain(x)
	}
	if again == 0 {
		c.find("no entry says that somebody known logged in again")
	}
}

func (c *checker) sameAgain(x entry) {
	if page, ok := c.finished(x, false); ok && page.Status != 302 {
		c.find("request %d showed a page to somebody who had agreed before", page.Seq)
	}
	var own []string
	for _, s := range c.rows.sessions {
		if s.person == x.Actor.ID {
			own = append(own, s.id)
		}
	}
	if len(own) < 2 || !slices.Contains(own, x.session()) {
		c.find("%s has %d sessions, want the first and %s", x.Actor.ID, len(own), x.session())
	}
	for _, g := range c.rows.grants {
		if g.kind == "user" && g.person == x.Actor.ID {
			c.raised(x, g)
		}
	}
}

// raised: the login replaced the kept pair by the next generation.
func (c *checker) raised(x entry, g grantRow) {
	k, ok := x.keeps(g.id)
	if !ok {
		c.find("the login of %s does not say which tokens of grant %s were kept", x.Subject, g.id)
		return
	}
	before, written := int64(0), false
	for _, h := range c.history(g.id) {
		switch {
		case h.entry.Seq == x.Seq:
		case h.generation < k.generation:
			before = max(before, h.generation)
		case h.generation == k.generation && h.digest == k.digest && h.entry.Action == "grant.tokens":
			written = true
		}
	}
	if before != k.generation-1 || !written {
		c.find("grant %s: the login speaks of generation %d, %d was kept before; the store wrote it: %t", g.id, k.generation, before, written)
	}
}

// refused: whoever said no at WeChat got nobody in, with a callback or without.
func (c *checker) refused() {
	refusals := 0
	for i, r := range c.ledger {
		if !strings.HasSuffix(r.Path, "/decide") || r.form().Get("decision") != "refuse" {
			continue
		}
		refusals++
		if page, ok := c.pageBefore(i); ok && c.callbackOf(page) != nil {
			c.find("the refusal in request %d was taken for an answer: its state was used", r.Seq)
		}
	}
	if refusals < 2 {
		c.find("%d refusals are in the ledger, want one with a callback and one without", refusals)
	}
	c.turnedAway(403, "denied")
	for _, p := range c.rows.persons {
		if _, ok := first(c.logins(), func(x entry) bool { return x.Actor.ID == p.id && x.Details["new"] == "true" }); !ok {
			c.find("person %s came from no login", p.id)
		}
	}
}

// pageBefore gives the page on which the button of request i was pressed.
func (e *evidence) pageBefore(i int) (request, bool) {
	for _, r := range slices.Backward(e.ledger[:i]) {
		if r.query().Has("state") && r.Person == e.ledger[i].Person {
			return r, true
		}
	}
	return request{}, false
}

// callbackOf gives the use of a page's state, nil when it was never used.
func (e *evidence) callbackOf(page request) *callbackRow {
	state := sum(page.query().Get("state"))
	if cb, ok := first(e.rows.callbacks, func(r callbackRow) bool { return bytes.Equal(r.state, state) }); ok {
		return &cb
	}
	return nil
}

// turnedAway: the log has a callback that was answered so.
func (c *checker) turnedAway(status int, code string) {
	if _, ok := first(c.log, func(l logLine) bool { return l.on("/oauth/callback/") && l.Status == status && l.Code == code }); !ok {
		c.find("the log has no callback that was answered with %d %s", status, code)
	}
}

// recorded: the audit log has the refusal, in nobody's name.
func (c *checker) recorded(action string, reason ...string) {
	for _, r := range reason {
		if x, ok := c.refusal(action, r); ok {
			if x.Actor.Kind != "stranger" {
				c.find("the refusal for %s names %s %s", r, x.Actor.Kind, x.Actor.ID)
			}
			return
		}
	}
	c.find("no entry says that a login was refused for %s", strings.Join(reason, " or "))
}

// reused: every code was exchanged once and belongs to a callback, and the one
// that came a second time was refused.
func (c *checker) reused() {
	seen := map[string]int64{}
	for _, r := range c.exchanges() {
		code := r.query().Get("code")
		if earlier := seen[code]; earlier != 0 {
			c.find("request %d exchanges the code of request %d again", r.Seq, earlier)
		}
		seen[code] = r.Seq
		if r.ErrCode != 0 {
			c.find("request %d brought a code that WeChat refused with errcode %d", r.Seq, r.ErrCode)
		}
		if _, ok := first(c.rows.callbacks, func(cb callbackRow) bool { return bytes.Equal(cb.code, sum(code)) }); !ok {
			c.find("request %d exchanges a code of no callback", r.Seq)
		}
	}
	if len(seen) != len(c.rows.callbacks) {
		c.find("%d codes were exchanged for %d callbacks", len(seen), len(c.rows.callbacks))
	}
	c.turnedAway(409, "code-used")
	c.recorded("login.callback", "code-used")
}

// foreign: a callback that another browser had begun was refused, so that one
// login of somebody who agreed led nowhere.
func (c *checker) foreign() {
	lost := 0
	for i, r := range c.ledger {
		if r.query().Has("state") && r.Status == 302 && c.callbackOf(c.ledger[i]) == nil {
			lost++
		}
	}
	if lost == 0 {
		c.find("every state that WeChat sent back was used, the one in a foreign browser too")
	}
	for _, cb := range c.rows.callbacks {
		if _, ok := first(c.links(), func(r request) bool { return bytes.Equal(sum(r.query().Get("state")), cb.state) }); !ok {
			c.find("a callback of app %s used a state that was never at WeChat", cb.app)
		}
	}
	c.turnedAway(400, "state")
	c.recorded("login.callback", "state-missing", "state-foreign")
}

// snapshot: the visitor of a snapshot page was asked about once and left
// nothing.
func (c *checker) snapshot() {
	guests := 0
	for _, p := range c.world.People {
		if !p.Snapshot {
			continue
		}
		for _, page := range c.links() {
			if page.Person == p.Name {
				guests++
				c.nobody(page)
			}
		}
		if r, ok := first(c.to("/sns/userinfo"), func(r request) bool { return r.Person == p.Name }); ok {
			c.find("request %d asked for the name of a snapshot user", r.Seq)
		}
	}
	if guests == 0 {
		c.find("no snapshot user was at WeChat")
	}
	for _, i := range c.rows.identities {
		if strings.HasPrefix(i.openid, "o_snap_") || strings.HasPrefix(i.unionid, "u_snap_") {
			c.find("a snapshot user became person %s", i.person)
		}
	}
	for _, g := range c.rows.grants {
		if strings.HasPrefix(g.openid, "o_snap_") {
			c.find("a snapshot user's tokens are kept in grant %s", g.id)
		}
	}
	c.turnedAway(403, "snapshot")
	c.recorded("login.exchange", "snapshot")
}

// nobody: a snapshot user's login was exchanged once and ended without a
// session.
func (c *checker) nobody(page request) {
	cb := c.callbackOf(page)
	if cb == nil {
		return // it did not even come back
	}
	c.exchangedOnce(cb.code, "the snapshot user")
	if cb.session != "" {
		c.find("a snapshot user got session %s", cb.session)
	}
}
