package proof

import (
	"encoding/json"
	"time"
)

const (
	// tokenLife is how long WeChat's tokens live.
	tokenLife = 2 * time.Hour
	// askTime is the longest that a request for a token may take, with the
	// settle after it.
	askTime = 30 * time.Second
	// batchTime is how far the one time of a batch may lie before a request of
	// it that was answered last.
	batchTime = time.Second
)

// refreshed: every generation that the keeper settled was asked for exactly
// once, and the second one before anybody could have needed it.
func (c *checker) refreshed() {
	for _, s := range c.rows.shops {
		g, ok := c.selfGrant(s)
		if !ok {
			continue
		}
		app, _ := c.rows.app(g.app)
		asked := c.serverAsked(app.appID)
		settled := c.settled(g)
		c.askedOnce(g, settled, asked)
		c.inTime(g, asked)
		c.forcedCounted(asked)
	}
	for _, g := range c.rows.grants {
		if g.kind == "user" {
			c.askedOnce(g, c.settled(g), c.userAsked(g))
		}
	}
}

// serverAsked gives the server's requests for a shop's token. The story asks
// once by itself, to compare; its body lacks the field that the server always
// sends.
func (e *evidence) serverAsked(appID string) []request {
	var all []request
	for _, r := range e.to("/cgi-bin/stable_token") {
		if _, ours := forced(r); ours && r.AppID == appID {
			all = append(all, r)
		}
	}
	return all
}

// forced tells whether a request for a token asks for a new one whatever
// happens, and whether it says anything about that.
func forced(r request) (yes, said bool) {
	var body struct {
		Force *bool `json:"force_refresh"`
	}
	if json.Unmarshal([]byte(r.RawBody), &body) != nil || body.Force == nil {
		return false, false
	}
	return *body.Force, true
}

// userAsked gives the refreshes of a person's pair: those of the one app whose
// grants are the person's.
func (e *evidence) userAsked(g grantRow) []request {
	app, _ := e.rows.app(g.app)
	var all []request
	for _, r := range e.to("/sns/oauth2/refresh_token") {
		if r.AppID == app.appID && e.openidOf(r.Person) == g.openid {
			all = append(all, r)
		}
	}
	return all
}

// openidOf gives the openid that a person of the emulator was asked about.
func (e *evidence) openidOf(person string) string {
	r, _ := first(e.to("/sns/userinfo"), func(r request) bool { return r.Person == person })
	return r.query().Get("openid")
}

// settled gives what the keeper settled by itself, one for each generation.
func (e *evidence) settled(g grantRow) []kept {
	var all []kept
	last := int64(0)
	for _, k := range e.history(g.id) {
		if k.entry.Actor.Kind == "system" && k.generation > last && k.digest != "none" {
			all = append(all, k)
		}
		last = max(last, k.generation)
	}
	return all
}

// askedOnce pairs settles with requests, in their order.
func (c *checker) askedOnce(g grantRow, settled []kept, asked []request) {
	if len(settled) != len(asked) {
		c.find("grant %s: %d generations were settled with %d requests to WeChat", g.id, len(settled), len(asked))
		return
	}
	for i, k := range settled {
		at := asked[i].Time
		if at.Before(k.entry.At.Add(-askTime)) || at.After(k.entry.At.Add(batchTime)) {
			c.find("grant %s: generation %d was settled at %s, request %d was at %s",
				g.id, k.generation, stamp(k.entry.At), asked[i].Seq, stamp(at))
		}
	}
}

// inTime: the second token was asked for while the first was alive, before any
// program had called, and the first was not asked for again.
func (c *checker) inTime(g grantRow, asked []request) {
	if len(asked) < 2 {
		c.find("grant %s was asked for %d times, so that nothing was refreshed", g.id, len(asked))
		return
	}
	if age := asked[1].Time.Sub(asked[0].Time); age < tokenLife/2 || age >= tokenLife {
		c.find("grant %s: the first token was renewed when it was %s old", g.id, age)
	}
	if call, ok := first(c.ledger, isCall); ok && call.Seq < asked[1].Seq {
		c.find("grant %s: request %d used a token before it was renewed by itself", g.id, call.Seq)
	}
	generations := c.history(g.id)
	for i, k := range generations {
		if i > 0 && k.generation != generations[i-1].generation && k.generation != generations[i-1].generation+1 {
			c.find("grant %s: generation %d follows generation %d", g.id, k.generation, generations[i-1].generation)
		}
	}
}

// forcedCounted: a refresh that ends the token of everybody else is written
// down before it is sent.
func (c *checker) forcedCounted(asked []request) {
	n := 0
	for _, r := range asked {
		if yes, _ := forced(r); yes {
			n++
		}
	}
	if n > c.rows.forced {
		c.find("%d forced refreshes were sent, %d were written down", n, c.rows.forced)
	}
}

func stamp(t time.Time) string { return t.UTC().Format("15:04:05.000Z") }
