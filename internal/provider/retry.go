package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat"
)

// waits is how long to wait after each look that failed, the last one for ever
// after. A quarter of jitter is added.
//
//	attempt  waited after it  since the first
//	1        5 s              5 s
//	2        15 s             20 s
//	3        1 min            1 min 20 s
//	4        5 min            6 min 20 s
//	5        15 min           21 min 20 s
//	6        1 h              1 h 21 min
//	7        3 h              4 h 21 min
//	8        6 h              10 h 21 min
var waits = []time.Duration{
	5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour,
}

const (
	// tellAfter is the failed look after which somebody is told that a new
	// authoriser cannot be adopted.
	tellAfter = 5
	// believeAfter is the failed look after which 61003 is believed of an account
	// that was never adopted. WeChat has answered it for hours to platforms that
	// were authorised all the time, so of a shop that is kept it never is alone.
	believeAfter = 8
)

// notAuthorised is WeChat's errcode for an account that did not authorise the
// platform: developers.weixin.qq.com/doc/oplatform/openApi/authorization-management/api_getauthorizerinfo.
const notAuthorised = 61003

// causeUndeclared is why an account waits whose shop nobody declared, where that is
// asked for. The store knows the word: declaring the shop ends the wait.
const causeUndeclared = "undeclared"

// trouble is why a look must be repeated, where it is not WeChat's word.
type trouble struct {
	cause string
	wait  time.Duration // 0: by the plan
	err   error
}

// Error names the cause.
func (t *trouble) Error() string {
	if t.err == nil {
		return "provider: authoriser not adopted (" + t.cause + "); it is tried again"
	}
	return "provider: authoriser not adopted (" + t.cause + "); it is tried again: " + t.err.Error()
}

// Unwrap returns what is below.
func (t *trouble) Unwrap() error { return t.err }

// putOff plans the next look after one that failed.
func (a *adoption) putOff(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(ctx, a.p.o.Hold/4)
	defer cancel()
	now, row := a.p.o.Now(), a.row
	row.Attempt++
	if codeOf(err) == notAuthorised && row.Attempt >= believeAfter && row.State == grant.AuthorizerNew && a.grant.State != grant.Active {
		return a.write(ctx, a.withdraw(now, "info"))
	}
	var wait time.Duration
	row.Cause, wait = judge(err, row.Attempt)
	row.DueAt = now.Add(wait + a.p.o.Jitter(wait/4))
	e := grant.Effects{At: now, Authorizers: []grant.Authorizer{row}}
	if row.Attempt == tellAfter && row.State == grant.AuthorizerNew {
		e.Notices = []notice.Notice{{At: now, Kind: notice.NotAdopted, Subject: "authorizer:" + row.AppID,
			Details: map[string]string{"app": row.App, "cause": row.Cause, "errcode": strconv.Itoa(codeOf(err))}}}
	}
	return a.write(ctx, e)
}

// judge gives the cause of a failure and how long to wait.
func judge(err error, attempt int) (cause string, wait time.Duration) {
	wait = waits[min(max(attempt, 1), len(waits))-1]
	if t, ok := errors.AsType[*trouble](err); ok {
		return t.cause, max(t.wait, wait)
	}
	if errors.Is(err, grant.ErrShopTaken) {
		return "shop_taken", max(time.Hour, wait)
	}
	e, ok := errors.AsType[*wechat.Error](err)
	switch {
	case !ok:
		return "failed", wait
	case e.Class() == wechat.ClassSlow:
		return causeOf(e.Code), max(time.Hour, wait)
	case e.Code != 0:
		return causeOf(e.Code), wait
	}
	return strings.ReplaceAll(e.Outcome.String(), "-", "_"), wait
}

// causeOf is the cause of a look that WeChat refused with an errcode.
func causeOf(code int) string { return "errcode_" + strconv.Itoa(code) }

// codeOf is WeChat's errcode, 0 when it gave none.
func codeOf(err error) int {
	if e, ok := errors.AsType[*wechat.Error](err); ok && e.Outcome == wechat.OutcomeAnswered {
		return e.Code
	}
	return 0
}

// tokenRefused tells the keeper when WeChat did not take the platform's token.
func (p *Provider) tokenRefused(ctx context.Context, app access.App, token Token, err error) {
	if e, ok := errors.AsType[*wechat.Error](err); ok && e.Class() == wechat.ClassRefreshToken {
		p.o.Keeper.Refused(ctx, app.ID, token.Generation)
	}
}

// findings says what a human must be told of a kept shop: once for each change.
func (p *Provider) findings(now time.Time, before, after grant.Authorizer) []notice.Notice {
	var list []notice.Notice
	tell := func(k notice.Kind, details map[string]string) {
		details["app"], details["shop"] = after.App, after.ShopID
		list = append(list, notice.Notice{At: now, Kind: k, Subject: "shop:" + after.ShopID, Details: details})
	}
	missing := p.missing(after.Sets)
	if missing != "" && (before.State != grant.AuthorizerKept || missing != p.missing(before.Sets)) {
		tell(notice.SetsMissing, map[string]string{"sets": missing})
	}
	if state, odd := strings.CutPrefix(after.Cause, "account_"); odd && before.Cause != after.Cause {
		tell(notice.AccountState, map[string]string{"state": state})
	}
	return list
}

// missing names the expected permission sets that were not granted. Sets that
// WeChat did not tell are not missing.
func (p *Provider) missing(granted []int64) string {
	if granted == nil {
		return ""
	}
	var list []string
	for _, s := range p.o.Sets {
		if !slices.Contains(granted, s) {
			list = append(list, fmt.Sprint(s))
		}
	}
	return strings.Join(list, " ")
}
