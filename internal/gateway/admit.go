package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/web"
)

// Refusals records who was refused what. The caller of the gateway sees to it
// that alike refusals are counted together: those of a known client by client
// and reason, those of strangers by reason, address prefix and minute. Refuse is
// called while the caller waits and should only take note.
type Refusals interface {
	Refuse(ctx context.Context, r Refusal)
}

// Refusal is one refused call.
type Refusal struct {
	At       time.Time
	ClientID string     // empty: a stranger
	Addr     netip.Addr // the caller's; may be invalid
	Shop     string     // as asked for; empty for strangers and for what cannot be an id
	Reason   string     // the code of the problem document, or why a path is closed
	Rule     string     // which rule it was, e.g. "group:order"; empty where there is one only
	Observed bool       // let through: the client is observed
	Key      string     // which of its two keys the client came with; empty: it has one
}

// Entry gives the audit entry for count refusals like this one. stranger names
// somebody without a client: a digest of the address prefix, never the address.
func (r Refusal) Entry(stranger string, count int64) audit.Entry {
	e := audit.Entry{
		At: r.At, Action: "gateway.call", Outcome: audit.Refused, Reason: r.Reason, Count: count,
		Actor: audit.Actor{Kind: audit.ActorClient, ID: r.ClientID},
	}
	if r.ClientID == "" {
		e.Actor = audit.Actor{Kind: audit.ActorStranger, ID: stranger}
	}
	if r.Shop != "" {
		e.Subject = "shop:" + r.Shop
	}
	details := map[string]string{}
	if r.Rule != "" {
		details["rule"] = r.Rule
	}
	if r.Key != "" {
		details["key"] = r.Key
	}
	if len(details) > 0 {
		e.Details = details
	}
	if r.Observed {
		e.Action, e.Outcome = "gateway.observe", audit.Done
	}
	return e
}

// maxID is the longest shop id that is recorded.
const maxID = 64

// admit decides whether the call may be made. Its errors are refusals.
func (c *call) admit() error {
	if err := c.authenticate(); err != nil {
		return err
	}
	if c.in.Method != http.MethodGet && c.in.Method != http.MethodPost {
		c.own.Set("Allow", "GET, POST")
		return errMethod()
	}
	to, err := c.target()
	if err != nil {
		return errTarget(err)
	}
	c.to = to
	return c.permit()
}

// permit holds what is known of the client and the target against the policy. Both
// ways in end here.
func (c *call) permit() error {
	if err := c.g.permit(c.client, c.to, web.ClientAddr(c.in.Context()), &c.may); err != nil {
		return err
	}
	if c.may.observed != "" {
		c.observed(c.may.observed)
	}
	if c.client.bucket == nil {
		return nil
	}
	// Not when the call began: the client may have been waited for, and a bucket that
	// hears of earlier times gives too much.
	return c.client.bucket.take(c.client.ID, c.g.Now())
}

// authenticate finds out whose key it is.
func (c *call) authenticate() error {
	hash, err := c.credential()
	if err != nil {
		return err
	}
	c.hash = hash
	client, err := c.g.clients.getAt(c.in.Context(), hash, c.began)
	switch {
	case errors.Is(err, access.ErrNotFound):
		return errKey(nil)
	case err != nil:
		return errStore(err)
	case !client.Live(c.began):
		c.client = client
		return errKey(errors.New("the key of client " + client.ID + " has ended"))
	}
	c.client, c.known = client, true
	return nil
}

// still tells whether the caller may make the call by now: while it was held the key
// may have ended, or a right may have been taken away.
func (c *call) still() bool {
	client, err := c.g.clients.get(c.in.Context(), c.hash)
	if err != nil || !client.Live(c.g.Now()) {
		return false
	}
	var may pass
	return c.g.permit(client, c.to, web.ClientAddr(c.in.Context()), &may) == nil
}

// maxKey bounds what is hashed for strangers.
const maxKey = 128

// bearer takes the client key from exactly one Authorization header.
func bearer(h http.Header) (string, bool) {
	values := h["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	scheme, key, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return key, strings.HasPrefix(key, access.ClientKeyPrefix) && len(key) <= maxKey
}

// refused records a refusal on its way out. Failures of ours are none.
func (c *call) refused(err error) error {
	e := web.AsError(err)
	if c.g.Refusals == nil || e.Status >= 500 {
		return err
	}
	r := c.refusal(e)
	if why, ok := errors.AsType[closedError](err); ok {
		r.Reason = string(why)
	}
	c.g.Refusals.Refuse(c.in.Context(), r)
	return err
}

func (c *call) refusal(e *web.Error) Refusal {
	r := Refusal{At: c.g.Now(), ClientID: c.client.ID, Addr: web.ClientAddr(c.in.Context()), Reason: e.Code, Rule: e.Rule, Key: c.client.key}
	if c.known && len(c.to.shop) <= maxID {
		r.Shop = c.to.shop
	}
	return r
}

// observed records what would have been refused.
func (c *call) observed(rule string) {
	if c.g.Metrics != nil {
		c.g.Metrics.Observed(c.may.label())
	}
	if c.g.Refusals != nil {
		r := c.refusal(&web.Error{Code: "observed", Rule: rule})
		r.Observed = true
		c.g.Refusals.Refuse(c.in.Context(), r)
	}
}

// closedError is why a path is closed.
type closedError string

func (e closedError) Error() string { return "path closed: " + string(e) }
