package gateway

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/quota"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat"
)

// call is one request on its way. It belongs to one goroutine, except for
// body.stream and conn.
type call struct {
	g     *Gateway
	in    *http.Request
	own   http.Header // of our answer
	began time.Time   // what is decided before anything is waited for is decided at this time

	hash   string     // of the caller's key
	client *caller    // nobody, until it is known; shared by all calls of the client
	known  bool       // client is somebody
	alias  alias.Name // when there was one instead of a key
	to     target
	may    pass // what the policy found out
	body   upload
	route  route
	token  Token

	conn     patience    // with the caller
	headers  http.Header // that may pass to WeChat
	answer   answered
	trace    httptrace.ClientTrace
	attempts int
	reached  bool // WeChat was connected to in the last attempt

	pace  quota.Decision
	paced bool // pace let the call go and counts it

	wait    time.Duration // for which the call may still be held
	repeats int           // after a pause
	after   int           // the errcode that the last repeat came after
	renewed bool          // the token was replaced, or there was nothing to replace it
	dead    int64         // the generation that was replaced
	doubted bool          // the next answer tells whether it was dead

	head   wechat.Head
	status int // of WeChat's answer as passed on
}

var errNoToken = errors.New("gateway: the keeper gave an empty token; report this")

// prepare gets the token and the way to WeChat.
func (c *call) prepare() error {
	var err error
	if c.route, err = c.g.routes.get(c.in.Context(), c.to.shop); err != nil {
		if errors.Is(err, access.ErrNotFound) {
			return c.refused(errShop())
		}
		return errStore(err)
	}
	if err := c.needSets(); err != nil {
		return c.refused(err)
	}
	if err := c.keepPace(); err != nil {
		return err
	}
	c.token, err = c.g.Tokens.Token(c.in.Context(), c.to.shop)
	if err == nil && c.token.Value.IsZero() {
		err = errNoToken
	}
	if err != nil {
		return c.tokenProblem(err)
	}
	return c.spend()
}

// deadToken tells whether WeChat refused the token itself.
func deadToken(h wechat.Head) bool {
	return h.Found && (h.Code == 40001 || h.Code == 40014 || h.Code == 42001)
}

// renew takes the next token in place of the dead one. When there is none, the
// caller gets WeChat's own words.
func (c *call) renew() bool {
	dead := c.token.Generation
	next, err := c.next()
	if err != nil || next.Value.IsZero() || next.Generation == dead {
		return false
	}
	c.token = next
	return true
}

// reportTimeout is the longest wait for what a report leads to. The keeper gives up
// before that.
const reportTimeout = 2 * time.Minute

// next reports the dead token and gives the next one. A path that says so of every
// token is not heard, but what is newer than its token is there for it too.
//
// The caller may leave meanwhile. The report is waited for all the same: a doubt
// that nobody settles would make the path stubborn at the next death.
func (c *call) next() (Token, error) {
	path, dead := at(c.to), c.token.Generation
	if !c.g.stubborn.believe(path, dead) {
		next, err := c.g.Tokens.Token(c.in.Context(), c.to.shop)
		if err == nil && next.Generation < dead {
			next = c.token
		}
		return next, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.in.Context()), reportTimeout)
	defer cancel()
	next, err := c.g.Tokens.Report(ctx, Complaint{
		Shop: c.to.shop, Generation: dead, ErrCode: c.head.Code, Client: c.client.ID,
	})
	switch {
	case ctx.Err() != nil: // a refresh may be under way without us
		c.g.stubborn.excuse(path, dead)
	case err != nil || next.Value.IsZero() || next.Generation == dead:
		c.g.stubborn.trust(path)
	}
	return next, err
}

// judge decides, after the second attempt, whether the path was right about the
// first token. An attempt that brought no answer says nothing.
func (c *call) judge(dead int64, err error) {
	switch path := at(c.to); {
	case err != nil:
		c.g.stubborn.excuse(path, dead)
	case deadToken(c.head):
		c.g.stubborn.condemn(path, c.token.Generation)
	default:
		c.g.stubborn.trust(path)
	}
}

func (c *call) explain() wechat.Explanation {
	return wechat.Explain(wechat.KindOf(c.to.path), c.head.Code)
}

// observe counts the call.
func (c *call) observe(err error, now time.Time) {
	if c.g.Metrics == nil {
		return
	}
	status, class := c.status, "none"
	switch {
	case err != nil:
		e := web.AsError(err)
		status, class = e.Status, e.Code
	case c.head.Found && c.head.Code == 0:
		class = wechat.ClassOK.String()
	case c.head.Found:
		class = c.explain().Class.String()
	}
	c.g.Metrics.Observe(Observation{
		Group: c.label(), Via: cmp.Or(c.route.via, ViaUnknown), Class: class, Status: status, Attempts: c.attempts, Took: now.Sub(c.began),
	})
}

// countPath counts which path the call used, if it reached WeChat.
func (c *call) countPath() {
	if c.g.Paths == nil || c.attempts == 0 {
		return
	}
	path := catalogue.Other
	if e := c.may.endpoint; e != nil {
		path = e.Path
	}
	c.g.Paths.Count(c.client.ID, c.to.shop, path)
}

// label names the family of the call's path for metrics: of strangers it is not told.
func (c *call) label() string {
	switch {
	case c.may.endpoint != nil:
		return c.may.label()
	case c.known:
		return c.g.Catalogue.Label(c.to.path)
	}
	return catalogue.Other
}
