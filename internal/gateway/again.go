package gateway

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
)

// What WeChat says when a call was not carried out and may be later, from
// developers.weixin.qq.com/doc/store/shop/dev_before/commErrCode and, for 44990,
// which no page lists, from its text.
const (
	codeBusy   = -1    // busy; whether the call was carried out is not said
	codeSecond = 44990 // too many calls in this second
	codeMinute = 45011 // too many calls in this minute
)

// Limits of waiting.
const (
	// DefaultWait is how long a call is held for a repeat when its caller says
	// nothing: programs that know nothing of us give up after a few seconds.
	DefaultWait = 2 * time.Second
	// DefaultMaxWait is what callers may ask for: the rest of a minute and some.
	DefaultMaxWait = 75 * time.Second
	// mostRepeats bounds the repeats of one call, those after a dead token apart.
	mostRepeats = 3
	// mostHeld bounds the calls that wait at the same time, for each holds its body.
	mostHeld = 1024
)

// takeWait reads for how long the caller wants the call to be held.
func (c *call) takeWait() error {
	c.wait = c.g.Wait
	values := c.in.Header[headerWait]
	if len(values) == 0 {
		return nil
	}
	wait, ok := parseWait(values)
	if !ok {
		return errWait()
	}
	c.wait = min(wait, c.g.MaxWait)
	return nil
}

// parseWait reads "10s", as Go writes durations, or seconds.
func parseWait(values []string) (time.Duration, bool) {
	if len(values) != 1 {
		return 0, false
	}
	if n, err := strconv.ParseUint(values[0], 10, 16); err == nil {
		return time.Duration(n) * time.Second, true
	}
	d, err := time.ParseDuration(values[0])
	return d, err == nil && d >= 0
}

// again tells whether the call is to be sent once more, when it is time to.
// Whatever else WeChat answered is the caller's to judge. The error is the end of
// the caller's patience.
func (c *call) again() (bool, error) {
	switch {
	case !c.head.Found || c.head.Code == 0:
		return false, nil
	case deadToken(c.head):
		return c.renewOnce(), nil
	}
	pause, ok := c.pause()
	if !ok || !c.body.replayable() {
		return false, nil
	}
	code := c.head.Code
	if held, err := c.hold(pause); !held || err != nil {
		return false, err
	}
	if !c.still() {
		return false, c.in.Context().Err()
	}
	// The token may have been renewed or taken away meanwhile.
	token, err := c.g.Tokens.Token(c.in.Context(), c.to.shop)
	if err != nil || token.Value.IsZero() {
		return false, c.in.Context().Err()
	}
	c.token, c.after = token, code
	c.repeats++
	return true, nil
}

// renewOnce replaces a dead token, once in a call.
func (c *call) renewOnce() bool {
	if c.renewed {
		return false
	}
	c.renewed = true
	c.dead = c.token.Generation
	c.after = c.head.Code
	c.doubted = c.renew() && c.body.replayable()
	return c.doubted
}

// pause is how long to wait before the next attempt, and whether there is to be one.
func (c *call) pause() (time.Duration, bool) {
	if c.repeats >= mostRepeats {
		return 0, false
	}
	switch c.head.Code {
	case codeBusy:
		// 1 s, 2 s, 4 s, and up to a quarter more so that callers do not come as one.
		return jitter(time.Second << c.repeats), c.repeatable()
	case codeSecond:
		return jitter(time.Second), true
	case codeMinute:
		now := c.g.Now()
		return now.Truncate(time.Minute).Add(time.Minute).Sub(now) + rand.N(time.Second), true
	}
	return 0, false
}

// repeatable tells whether it is no harm to send the call again although it may
// have been carried out: the catalogue says that the path reads and uses nothing up.
// The name of a path that it does not know lets a read key in and proves nothing here.
func (c *call) repeatable() bool {
	e := c.may.endpoint
	return e != nil && !e.Writes && e.Repeatable
}

// writes tells whether the call's path writes.
func (c *call) writes() bool { return c.g.writes(c.to.path, c.may.endpoint) }

func jitter(d time.Duration) time.Duration { return d + rand.N(d/4) }

// hold waits for d, if the caller has that much patience left. The caller may
// leave meanwhile.
func (c *call) hold(d time.Duration) (held bool, err error) {
	ctx := c.in.Context()
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d || d > c.wait {
		return false, nil
	}
	if c.g.held.Add(1) > mostHeld {
		c.g.held.Add(-1)
		return false, nil
	}
	defer c.g.held.Add(-1)
	c.wait -= d
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// afterWords say for a good answer why it is not the first.
func (c *call) afterWords() string {
	why := wechat.Explain(wechat.KindOf(c.to.path), c.after)
	return "repeated after errcode " + strconv.Itoa(c.after) + ": " + why.CauseEN
}
