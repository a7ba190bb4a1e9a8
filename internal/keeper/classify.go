package keeper

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
)

// Failure is a request to WeChat that brought no token.
type Failure struct {
	Outcome    wechat.Outcome
	Code       int // errcode, 0 when none was read
	HTTPStatus int // 0 when no answer began
	RID        string
	Err        error
}

// Error returns one line without secrets.
func (f *Failure) Error() string {
	if f.Err != nil {
		return f.Err.Error()
	}
	return fmt.Sprintf("keeper: %s outcome, errcode %d, HTTP %d; see the errcode's explanation",
		f.Outcome, f.Code, f.HTTPStatus)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// action is what a failure leads to. None of them deletes anything.
type action int

const (
	again action = iota // the retry plan
	limit               // wait for WeChat's next minute or day
	stop                // an operator must mend something; looked at again every so often
	dead                // the owner must authorise again
)

// reaction is one row of the table: what to do, the cause as it is stored and
// told, and what is special about the wait.
type reaction struct {
	do    action
	cause grant.Cause
	tell  bool          // tell a human the first time, not only after tellAfter failures
	per   window        // limit: what it counts
	own   time.Duration // stop: the errcode asks for so long a wait
	quiet bool          // nobody is told: the grant of the platform tells it once for all
	first remedy        // what is tried, once, before any of this
}

// remedy is what may make a refused request worth repeating under the same
// lease. All but the last are about third-party platforms.
type remedy int

const (
	noRemedy      remedy = iota
	olderTicket          // ask with the ticket before the newest
	otherToken           // have the platform's token judged, and ask with another one
	lookUp               // ask what WeChat knows of the authorisation; see cures
	checkPlatform        // have the platform's own grant looked at; nothing to repeat
	otherSecret          // ask with the other AppSecret of a rotation; see secrets.go
)

// window is the time for which WeChat counts calls.
type window int

const (
	perNothing window = iota
	perSecond
	perMinute
	perDay
)

// next is when a limit is over.
func (w window) next(now time.Time, j jitter) time.Time {
	switch w {
	case perSecond:
		return nextSecond(now, j)
	case perDay:
		return nextDay(now, j)
	}
	return nextMinute(now, j)
}

// any kind of grant, in the table of reactions
const anyKind grant.Kind = ""

type reactionKey struct {
	kind grant.Kind
	code int
}

// reactions is what the keeper knows about errcodes of token calls. A code
// that is not here follows its class in package wechat; a code that nobody
// knows is tried again and told, and deletes nothing.
var reactions = map[reactionKey]reaction{
	{anyKind, -1}:    {do: again, cause: grant.CauseBusy},
	{anyKind, 44990}: {do: limit, cause: grant.CauseSecondLimit, per: perSecond},
	{anyKind, 45011}: {do: limit, cause: grant.CauseMinuteLimit, per: perMinute},
	{anyKind, 45009}: {do: limit, cause: grant.CauseDayLimit, per: perDay, tell: true},

	{anyKind, 40001}:    {do: stop, cause: grant.CauseSecretWrong, first: otherSecret},
	{grant.User, 40001}: {do: again, cause: grant.CauseOddCode}, // a person's refresh sends no AppSecret
	{anyKind, 40125}:    {do: stop, cause: grant.CauseSecretWrong, first: otherSecret},
	{anyKind, 40243}:    {do: stop, cause: grant.CauseSecretFrozen},
	{anyKind, 40013}:    {do: stop, cause: grant.CauseAppIDWrong},
	{anyKind, 40164}:    {do: stop, cause: grant.CauseIPNotListed},
	{anyKind, 45035}:    {do: stop, cause: grant.CauseIPNotListed},
	{anyKind, 61004}:    {do: stop, cause: grant.CauseIPNotListed},
	{anyKind, 50002}:    {do: stop, cause: grant.CauseAccountLimited, own: time.Hour},
	{anyKind, 48004}:    {do: stop, cause: grant.CauseAPIForbidden, own: time.Hour},

	// The administrator of the account is asked whether our address is good.
	{anyKind, 89501}: {do: stop, cause: grant.CauseIPUnconfirmed},
	{anyKind, 89502}: {do: stop, cause: grant.CauseIPUnconfirmed},
	{anyKind, 89503}: {do: stop, cause: grant.CauseIPUnconfirmed},
	{anyKind, 89504}: {do: stop, cause: grant.CauseIPUnconfirmed},
	{anyKind, 89505}: {do: stop, cause: grant.CauseIPUnconfirmed},
	{anyKind, 89506}: {do: stop, cause: grant.CauseIPRefused, own: 24 * time.Hour},
	{anyKind, 89507}: {do: stop, cause: grant.CauseIPRefused, own: time.Hour},

	{grant.User, 40030}: {do: dead, cause: grant.CauseInvalid},
	{grant.User, 42002}: {do: dead, cause: grant.CauseEnded},
	{grant.User, 42007}: {do: dead, cause: grant.CausePasswordChanged},

	{grant.Component, 61005}: {do: stop, cause: grant.CauseTicketExpired, first: olderTicket},
	{grant.Component, 61006}: {do: stop, cause: grant.CauseTicketInvalid, first: olderTicket},

	// These speak of the platform's token.
	{grant.ISV, 40001}: {do: again, cause: grant.CausePlatformTokenRefused, first: otherToken},
	{grant.ISV, 40014}: {do: again, cause: grant.CausePlatformTokenRefused, first: otherToken},
	{grant.ISV, 42001}: {do: again, cause: grant.CausePlatformTokenRefused, first: otherToken},
	// The platform's own list of addresses. Its own grant must meet this too.
	{grant.ISV, 61004}: {do: again, cause: grant.CausePlatformIP, quiet: true, first: checkPlatform},

	{grant.ISV, 61003}: {do: again, cause: grant.CauseUnconfirmed, first: lookUp},
	{grant.ISV, 61023}: {do: again, cause: grant.CauseInvalid, first: lookUp},
	{grant.ISV, 42007}: {do: dead, cause: grant.CausePasswordChanged},
}

// waitsForPlatform is what the lack of the platform's token leads to: nothing was
// sent.
var waitsForPlatform = reaction{do: again, cause: grant.CausePlatform, quiet: true}

// awaitsTicket is what a new platform does until its first ticket can have come.
var awaitsTicket = reaction{do: again, cause: grant.CauseAwaitsTicket, quiet: true}

// classReactions are for codes without a row of their own. A class that is
// not here is treated as an unknown code.
var classReactions = map[wechat.Class]reaction{
	wechat.ClassRetry:    {do: again, cause: grant.CauseBusy},
	wechat.ClassSlow:     {do: limit, cause: grant.CauseLimit, per: perMinute},
	wechat.ClassOperator: {do: stop, cause: grant.CauseSetting},
	wechat.ClassBlocked:  {do: stop, cause: grant.CauseBlocked, own: time.Hour},
	wechat.ClassCaller:   {do: stop, cause: grant.CauseRequestWrong},
}

// tokenKinds says which endpoint a kind of grant is renewed at.
var tokenKinds = map[grant.Kind]wechat.EndpointKind{
	grant.Self: wechat.KindTokenCall,
	grant.User: wechat.KindUserRefresh,

	grant.Component: wechat.KindComponentToken,
	grant.ISV:       wechat.KindAuthorizerRefresh,
}

// reactTo finds the row for a failure.
func reactTo(kind grant.Kind, f *Failure) reaction {
	switch {
	case f.Code != 0:
		return reactToCode(kind, f.Code)
	case f.HTTPStatus == http.StatusForbidden:
		// The shop's allowlist answers 403 before the API is reached, see
		// developers.weixin.qq.com/doc/store/shop/dev_before/ipbaimingdan.
		return reaction{do: stop, cause: grant.CauseIPNotListed}
	case f.HTTPStatus == http.StatusTooManyRequests:
		return reaction{do: limit, cause: grant.CauseMinuteLimit, per: perMinute}
	case f.Outcome == wechat.OutcomeNotSent:
		return reaction{do: again, cause: grant.CauseNotSent}
	case errors.Is(f.Err, errStranger):
		return reaction{do: stop, cause: grant.CauseStranger}
	case f.Outcome == wechat.OutcomeAnswered:
		return reaction{do: again, cause: grant.CauseMalformed}
	}
	return reaction{do: again, cause: grant.CauseUnknown}
}

func reactToCode(kind grant.Kind, code int) reaction {
	for _, key := range []reactionKey{{kind, code}, {anyKind, code}} {
		if r, ok := reactions[key]; ok {
			return r
		}
	}
	if r, ok := classReactions[wechat.Explain(tokenKinds[kind], code).Class]; ok {
		return r
	}
	return reaction{do: again, cause: grant.CauseOddCode}
}

// verdict is what an attempt decided, before it is written.
type verdict struct {
	outcome audit.Outcome
	state   grant.State
	cause   grant.Cause
	code    int
	rid     string
	due     time.Time // zero: never by itself
	attempt int
	tell    bool
}

// judge turns a reaction into a verdict on g. over is when the lease and the
// request are certainly over: after an unknown outcome nobody asks before.
func judge(g grant.Grant, r reaction, f *Failure, now, over time.Time, j jitter) verdict {
	v := verdict{
		outcome: audit.Failed, state: grant.Active, cause: r.cause, code: f.Code, rid: f.RID,
		attempt: g.Attempt + 1,
	}
	switch r.do {
	case stop:
		v.state = grant.Stopped
		if g.State != grant.Stopped {
			v.attempt = 1
		}
		v.due = stopAt(now, v.attempt, r.own, j)
	case dead:
		v.state = grant.NeedsOwner
	case limit:
		v.due = r.per.next(now, j)
	case again:
		v.due = retryAt(now, v.attempt, j)
	}
	if !v.due.IsZero() {
		v.due = notAfter(v.due, now, g.Tokens)
	}
	if r.cause == grant.CauseUnknown {
		v.outcome = audit.Unknown
		v.due = later(v.due, over)
	}
	if g.State == grant.Stopped && passing(r) {
		// Whether the setting is mended is still not known: stay stopped, and
		// keep the errcode, so that the same one is not told twice.
		v.state, v.code = grant.Stopped, g.ErrCode
	}
	if r.quiet && g.State == grant.Active && told(g) {
		v.cause, v.code = g.Cause, g.ErrCode // they will be told when that is over
	}
	v.tell = shouldTell(g, r, v)
	return v
}

// passing reactions say nothing about what an operator or an owner must do.
func passing(r reaction) bool { return r.do == again || r.do == limit }

// shouldTell says whether a human is told: once for each cause.
func shouldTell(g grant.Grant, r reaction, v verdict) bool {
	switch {
	case r.quiet:
		return false
	case r.do == stop && g.State == grant.Stopped:
		return g.ErrCode != v.code || g.Cause != v.cause && !passingCauses[g.Cause]
	case r.do == stop || r.do == dead:
		return g.State != v.state
	case r.tell:
		return g.State != grant.Stopped && g.Cause != v.cause
	}
	return v.attempt >= tellAfter && !told(g)
}

// passingCauses are the causes of passing reactions.
var passingCauses = func() map[string]bool {
	causes := map[string]bool{
		grant.CauseUnknown: true, grant.CauseNotSent: true, grant.CauseMalformed: true, grant.CauseOddCode: true, grant.CausePlatform: true, grant.CauseFound: true,
		grant.CauseAwaitsTicket: true, grant.CauseAwaitsSecret: true,
	}
	for _, r := range reactions {
		if passing(r) {
			causes[r.cause] = true
		}
	}
	for _, r := range classReactions {
		if passing(r) {
			causes[r.cause] = true
		}
	}
	return causes
}()

// quietCauses are the causes of which nobody is told.
var quietCauses = func() map[string]bool {
	causes := map[string]bool{grant.CausePlatform: true, grant.CauseAwaitsTicket: true, grant.CauseAwaitsSecret: true}
	for _, r := range reactions {
		if r.quiet {
			causes[r.cause] = true
		}
	}
	return causes
}()

// told says whether a human knows that g is in trouble, so that they are also
// told when it is over.
func told(g grant.Grant) bool {
	if g.State == grant.Stopped || g.Attempt >= tellAfter && !quietCauses[g.Cause] {
		return true
	}
	for _, r := range reactions {
		if r.tell && r.cause == g.Cause {
			return true
		}
	}
	return false
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// asFailure gives the failure in err. An error of another kind is an unknown
// outcome: whoever made it does not know our rules.
func asFailure(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Outcome: wechat.OutcomeUnknown, Err: err}
}
