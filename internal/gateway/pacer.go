package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/quota"
	"github.com/zhanggui/zhanggui/internal/web"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Pacer keeps what WeChat lets a shop call in a day from running dry too early. Both
// methods are called for every call and must return at once.
type Pacer interface {
	// Before decides about a call before it is sent. One that may go is counted.
	Before(c quota.Call, now time.Time) quota.Decision
	// After tells what became of a call that Before let go: how often it was sent,
	// which may be never, and WeChat's last errcode.
	After(d quota.Decision, sent, errcode int, now time.Time)
}

// leastHold keeps a call that is held from asking again at once.
const leastHold = 20 * time.Millisecond

// keepPace asks the pacer whether the call may go, and holds it as long as its caller
// lets it. Its error is a refusal, or the end of the caller's patience.
func (c *call) keepPace() error {
	if c.g.Pacer == nil {
		return nil
	}
	asks := quota.Call{
		Key:    quota.Key{Shop: c.to.shop, Path: c.ledgerPath()},
		Client: c.client.ID, Low: c.client.Rights.Low, Reads: !c.writes(),
	}
	for {
		now := c.g.Now()
		c.pace = c.g.Pacer.Before(asks, now)
		if c.pace.Verdict == quota.Go {
			c.paced = true
			return nil
		}
		wait := max(c.pace.Until.Sub(now), leastHold)
		if c.pace.Verdict == quota.Wait {
			if held, err := c.hold(wait); held || err != nil {
				if err != nil {
					return err
				}
				continue
			}
		}
		return c.refused(errQuota(c.pace, wait))
	}
}

// ledgerPath is the one spelling of the call's path.
func (c *call) ledgerPath() string {
	if e := c.may.endpoint; e != nil {
		return e.Path
	}
	return strings.ToLower(c.to.path)
}

// tellPace tells the pacer what became of the call.
func (c *call) tellPace(now time.Time) {
	if c.paced {
		c.g.Pacer.After(c.pace, c.attempts, c.head.Code, now)
	}
}

// errQuota is for a call that gives way to others.
func errQuota(d quota.Decision, wait time.Duration) error {
	e := &web.Error{
		Status: http.StatusTooManyRequests, Code: "quota-pace", Rule: "quota", RetryAfter: wait,
		EN: "WeChat's daily quota of this path is kept for other calls. WeChat was not asked.", ZH: "此接口当日剩余的调用额度需留给其他调用，尚未请求微信。",
		NextEN: "Repeat after the given time, or send X-Zhanggui-Wait to be held; zhanggui quota shows who uses how much.",
		NextZH: "请在提示的时间后重试，或用请求头 X-Zhanggui-Wait 让调用等待；用 zhanggui quota 可查看各程序的用量。",
	}
	switch {
	case d.Left == 0:
		e.EN, e.ZH = "WeChat's daily quota of this path is used up. WeChat was not asked.", "此接口当日的调用额度已用完，尚未请求微信。"
	case !d.Dry.IsZero():
		at, left := d.Dry.In(access.China).Format("15:04"), strconv.FormatInt(d.Left, 10)
		e.EN += " " + left + " calls are left; it runs dry at " + at + " in China."
		e.ZH += "剩余 " + left + " 次，预计北京时间 " + at + " 用完。"
	}
	return e
}
