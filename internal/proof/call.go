package proof

import (
	"slices"
	"strings"
)

// called: programs' calls reached WeChat with the tokens that the keeper kept,
// one call met a dead token and was repeated once after one refresh, and nothing
// that is closed got through.
func (c *checker) called() {
	c.onlyOpenPaths()
	for _, s := range c.rows.shops {
		c.tokensInTurn(s)
	}
	c.deadTokenReplaced()
	c.throughTheGateway()
}

// isCall tells whether a request is a call of a shop API.
func isCall(r request) bool { return r.Host == "api" && strings.HasPrefix(r.Path, "/channels/") }

// reachable are the paths that the server itself asks, or that a person's
// browser opens. Whatever else the ledger has came through the gateway and had
// to be a shop API.
var reachable = []string{
	"/connect/oauth2/authorize", "/connect/qrconnect", "/connect/decide",
	"/sns/oauth2/access_token", "/sns/oauth2/refresh_token", "/sns/userinfo", "/cgi-bin/stable_token",
}

func (c *checker) onlyOpenPaths() {
	for _, r := range c.ledger {
		if r.Host != "sim" && !isCall(r) && !slices.Contains(reachable, r.Path) {
			c.find("request %d reached WeChat at the closed path %s", r.Seq, r.Path)
		}
	}
}

// tokensInTurn: the calls of a shop use one token for each generation, in their
// order, and never go back to an older one.
func (c *checker) tokensInTurn(s shopRow) {
	app, _ := c.rows.app(s.app)
	g, _ := c.selfGrant(s)
	asked := c.serverAsked(app.appID)
	var used []string
	for _, r := range c.ledger {
		if !isCall(r) || r.AppID != app.appID && r.AppID != "" {
			continue
		}
		tokens := r.query()["access_token"]
		if len(tokens) != 1 || r.TokenKind != "stable" || r.AppID != app.appID {
			c.find("request %d does not carry one token of shop %s", r.Seq, s.id)
			continue
		}
		i := slices.Index(used, tokens[0])
		if i >= 0 && i < len(used)-1 {
			c.find("request %d went back to a token that had been replaced", r.Seq)
		}
		if i < 0 {
			used = append(used, tokens[0])
		}
		if answers := answeredBefore(asked, r); len(used) > answers {
			c.find("request %d carries token %d of grant %s after %d answers with one", r.Seq, len(used), g.id, answers)
		}
	}
	if len(used) < 2 {
		c.find("the calls of shop %s used %d tokens, want the dead one and its successor", s.id, len(used))
	}
}

// answeredBefore counts requests before r.
func answeredBefore(all []request, r request) int {
	n := 0
	for _, x := range all {
		if x.Seq < r.Seq {
			n++
		}
	}
	return n
}

// deadTokenReplaced: after WeChat called a token dead, the keeper found that out
// by itself; then there is one refresh and one repeat of the same call with
// another token.
func (c *checker) deadTokenReplaced() {
	dead, probe := 0, int64(0)
	for i, r := range c.ledger {
		if isCall(r) && saysDead(r) && r.Seq != probe {
			dead++
			probe = c.repeatedOnce(r, c.ledger[i+1:])
		}
	}
	if dead == 0 {
		c.find("no call met a dead token")
	}
}

// saysDead tells whether WeChat refused the token itself.
func saysDead(r request) bool { return r.ErrCode == 40001 || r.ErrCode == 40014 || r.ErrCode == 42001 }

// probes tells whether r is the keeper's own read with the token of dead, and
// was refused like it.
func probes(r, dead request) bool {
	return r.Method == "GET" && r.Path == "/channels/ec/basics/info/get" && saysDead(r) && r.AppID == dead.AppID &&
		r.query().Get("access_token") == dead.query().Get("access_token")
}

// repeatedOnce follows one call that met a dead token. It gives the number of
// the keeper's probe, 0 for none.
func (c *checker) repeatedOnce(dead request, after []request) (probe int64) {
	refreshes := 0
	for _, r := range after {
		switch _, ours := forced(r); {
		case ours && r.AppID == dead.AppID:
			refreshes++
		case probe == 0 && refreshes == 0 && probes(r, dead):
			probe = r.Seq
		case isCall(r) && r.Method == dead.Method && r.Path == dead.Path && r.RawBody == dead.RawBody:
			if refreshes != 1 || r.ErrCode != 0 || r.RawQuery == dead.RawQuery {
				c.find("request %d met a dead token; request %d repeats it after %d refreshes with errcode %d", dead.Seq, r.Seq, refreshes, r.ErrCode)
			}
			if probe == 0 {
				c.find("the token of request %d was replaced without a probe of it", dead.Seq)
			}
			return probe
		case isCall(r):
			c.find("request %d met a dead token and was not repeated before request %d", dead.Seq, r.Seq)
			return probe
		}
	}
	c.find("request %d met a dead token and was never repeated", dead.Seq)
	return probe
}

// throughTheGateway: the log has the calls on the gateway's route, and the
// refusal of a closed path that the audit log has too.
func (c *checker) throughTheGateway() {
	ok, closed := 0, 0
	for _, l := range c.log {
		switch {
		case l.on("/wx/") && l.Status == 200:
			ok++
		case l.on("/wx/") && l.Status == 403 && l.Code == "path-closed":
			closed++
		}
	}
	if ok < 2 {
		c.find("the log has %d answered calls on the gateway's route, want 2 or more", ok)
	}
	x, refused := c.refusal("gateway.call", "secret-path")
	if closed == 0 || !refused {
		c.find("a closed path was asked for; the log has %d refusals of it, the audit log has one: %t", closed, refused)
	}
	if _, known := first(c.rows.clients, func(r clientRow) bool { return r.id == x.Actor.ID }); refused && !known {
		c.find("the refusal of a closed path names %q, who is no client", x.Actor.ID)
	}
}
