package proof

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
)

// stateForm is what a state looks like: 256 bits in hexadecimal.
var stateForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ownerAuthorised: each owner took an invitation that was confirmed afterwards,
// logged in with a code that was exchanged exactly once, and left a pair of
// tokens.
func (c *checker) ownerAuthorised() {
	owners := 0
	for _, m := range c.rows.members {
		if m.role == "owner" {
			owners++
			c.invitedOwner(m)
		}
	}
	if owners == 0 {
		c.find("nobody is an owner")
	}
}

func (c *checker) invitedOwner(m memberRow) {
	inv, ok := first(c.rows.invitations, func(i invitationRow) bool {
		return i.person == m.person && i.tenant == m.tenant && i.role == "owner" && i.state == "confirmed"
	})
	if !ok {
		c.find("%s is an owner without a confirmed invitation", m.person)
		return
	}
	if inv.code != "" || len(inv.hash) != 32 {
		c.find("invitation %s still holds its digits, or more of its link than a hash", inv.id)
	}
	login, ok := c.invitedInOrder(m, inv)
	if !ok {
		return
	}
	if login.Details["new"] == "true" && login.Details["consent"] == "" {
		c.find("the login of %s does not say what they agreed to", m.person)
	}
	c.finished(login, true)
	c.bound(login)
}

// invitedInOrder looks for the three entries that make an owner.
func (c *checker) invitedInOrder(m memberRow, inv invitationRow) (login entry, ok bool) {
	subject := "invitation:" + inv.id
	made, ok := c.entryOf(func(x entry) bool { return x.done("invitation.create", subject) })
	if !ok {
		c.find("no entry says that %s was made", subject)
		return login, false
	}
	login, ok = c.entryOf(func(x entry) bool {
		return x.done("login", "") && x.Details["invitation"] == inv.id && x.Actor.ID == m.person
	})
	if !ok || login.Seq < made.Seq {
		c.find("no entry says that %s logged in with %s after it was made", m.person, subject)
		return login, false
	}
	confirmed, ok := c.entryOf(func(x entry) bool { return x.done("invitation.confirm", subject) })
	if !ok || confirmed.Seq < login.Seq || confirmed.Details["person"] != m.person {
		c.find("no entry says that %s was confirmed for %s after the login", subject, m.person)
	}
	return login, true
}

// finished follows a login back to WeChat: session, callback, the one exchange
// of its code, and the page on which it began. It gives the page.
func (c *checker) finished(login entry, asked bool) (page request, ok bool) {
	cb, ok := first(c.rows.callbacks, func(r callbackRow) bool { return r.session == login.session() })
	if !ok {
		c.find("the login of %s has no callback", login.Subject)
		return page, false
	}
	page, ok = first(c.links(), func(r request) bool { return bytes.Equal(sum(r.query().Get("state")), cb.state) })
	if !ok {
		c.find("the state of the login of %s was never at WeChat", login.Subject)
		return page, false
	}
	c.rightLink(page, cb)
	exchange, ok := c.exchangedOnce(cb.code, login.Subject)
	if ok && exchange.Seq < page.Seq {
		c.find("the code of %s was exchanged before WeChat could give it", login.Subject)
	}
	if ok && c.agreedBetween(page, exchange) != asked {
		c.find("the person of %s was shown a page at WeChat and agreed: %t, want %t", login.Subject, !asked, asked)
	}
	return page, ok
}

// rightLink: the link to WeChat asked for what the app is set to, with a state
// of full length, for this server.
func (c *checker) rightLink(page request, cb callbackRow) {
	q := page.query()
	app, _ := c.rows.app(cb.app)
	back, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case q.Get("appid") != app.appID:
		c.find("request %d asked for another app than %s", page.Seq, app.id)
	case err != nil || back.Host != app.callbackHost:
		c.find("request %d led back to %q, the callback host is %q", page.Seq, q.Get("redirect_uri"), app.callbackHost)
	case !stateForm.MatchString(q.Get("state")):
		c.find("the state of request %d is not 64 hexadecimal digits", page.Seq)
	case q.Get("scope") != app.scope:
		c.find("request %d asked for scope %q, the app is set to %q", page.Seq, q.Get("scope"), app.scope)
	}
}

// exchangedOnce finds the exchange of a code by the hash that was kept.
func (c *checker) exchangedOnce(hash []byte, whose string) (request, bool) {
	var found []request
	for _, r := range c.exchanges() {
		if bytes.Equal(sum(r.query().Get("code")), hash) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		c.find("the code of %s was exchanged %d times, want once", whose, len(found))
	}
	if len(found) == 0 {
		return request{}, false
	}
	if found[0].ErrCode != 0 {
		c.find("the code of %s was refused with errcode %d", whose, found[0].ErrCode)
	}
	return found[0], true
}

// agreedBetween tells whether somebody pressed the button of a page.
func (c *checker) agreedBetween(page, exchange request) bool {
	_, ok := first(c.ledger, func(r request) bool {
		return r.Seq > page.Seq && r.Seq < exchange.Seq && strings.HasSuffix(r.Path, "/decide") &&
			r.Person == page.Person && r.form().Get("decision") == "agree"
	})
	return ok
}

// bound: the login left an identity and a pair of tokens of the same person.
func (c *checker) bound(login entry) {
	person := login.Actor.ID
	id, ok := first(c.rows.identities, func(i identityRow) bool { return i.person == person && i.app == login.Details["app"] })
	if !ok {
		c.find("%s is known by no openid", person)
		return
	}
	g, ok := first(c.rows.grants, func(g grantRow) bool { return g.kind == "user" && g.person == person && g.openid == id.openid })
	if !ok {
		c.find("%s left no pair of tokens", person)
		return
	}
	if k, ok := login.keeps(g.id); !ok || k.generation < 1 || k.digest == "none" {
		c.find("the login of %s does not say which tokens were kept", person)
	}
}
