package keeper

import (
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// renewals say how long before a token's end it is renewed.
//
// A stable token is the same until its last five minutes, in which WeChat
// gives out the next one and both work (developers.weixin.qq.com/doc/channels/
// api/basic/api_getstableaccesstoken). Asking earlier is harmless and useless,
// so the due time lies inside those minutes. The spread keeps shops that
// started together apart.
//
// A person's token may be renewed at any time, so ten minutes at the least leave
// room for the whole start of the retry plan, and half an hour of spread takes
// apart in a few lives what began together.
//
// The tokens of a platform and of those who authorised it have no such rule: each
// answer is a new one, and the last one is not promised to live on. They are
// renewed 110 minutes into their life at the latest, as WeChat's pages advise
// (developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/
// api_getcomponentaccesstoken); those of the accounts are spread, since many may
// have been taken over at once.
//
// A token that has less left than a row needs is renewed at half of what it
// has left: fresh tokens of short life, and a stable token that was asked for
// inside its last minutes before WeChat had made the next one. In its last ten
// seconds its end is waited for, and leastApart.
var renewals = map[grant.Kind]renewal{
	//           before the end   later by up to   example: a life of 2 h
	grant.Self: {5 * time.Minute, 1 * time.Minute},   // 1h55m … 1h56m
	grant.User: {40 * time.Minute, 30 * time.Minute}, // 1h20m … 1h50m

	grant.Component: {10 * time.Minute, 0},                // 1h50m
	grant.ISV:       {20 * time.Minute, 10 * time.Minute}, // 1h40m … 1h50m
}

type renewal struct{ before, spread time.Duration }

// leastApart is the shortest time from an answer to the next request for the
// same healthy grant: WeChat is asked at most twelve times a minute, however
// short the lives that it gives. A life shorter than this leaves a gap without
// a token.
const leastApart = 5 * time.Second

// refreshLife is how long a person's refresh token lives, counted from the
// code exchange. Refreshing does not move it.
const refreshLife = 30 * 24 * time.Hour

// reminders say when, counted from the code exchange, somebody is told that a
// person's authorisation nears its end.
var reminders = []reminder{
	//  after             day    days left
	{20 * 24 * time.Hour, "20"}, // 10
	{23 * 24 * time.Hour, "23"}, // 7
	{25 * 24 * time.Hour, "25"}, // 5
	{27 * 24 * time.Hour, "27"}, // 3
	{29 * 24 * time.Hour, "29"}, // 1
}

type reminder struct {
	after time.Duration
	day   string
}

// rung is one line of a retry plan: the longest wait before the next try, and
// the longest time since the first failure until then.
type rung struct{ wait, total time.Duration }

// retries is the plan after a failure that may pass by itself. The real wait
// is random between nothing and the wait shown (full jitter), so that many
// grants that failed together do not return together. It is steep at first,
// since most outages are short and a stable token leaves five minutes; the
// last line repeats for ever, since nobody but the clock ends an outage.
var retries = []rung{
	// wait             since the first failure
	{1 * time.Second, 1 * time.Second},
	{2 * time.Second, 3 * time.Second},
	{4 * time.Second, 7 * time.Second},
	{10 * time.Second, 17 * time.Second},
	{30 * time.Second, 47 * time.Second},
	{1 * time.Minute, 1*time.Minute + 47*time.Second},
	{2 * time.Minute, 3*time.Minute + 47*time.Second}, // tellAfter: still inside the five minutes
	{5 * time.Minute, 8*time.Minute + 47*time.Second},
	{10 * time.Minute, 18*time.Minute + 47*time.Second},
}

// leastRetry is the shortest wait that jitter leaves.
const leastRetry = 250 * time.Millisecond

// tellAfter is the number of failures in a row after which a human is told.
const tellAfter = 7

// stops is how often a stopped grant is looked at again: an operator mends
// things and tells nobody. The wait is at least what is shown and up to a
// tenth more.
var stops = []rung{
	{10 * time.Minute, 10 * time.Minute},
	{10 * time.Minute, 20 * time.Minute},
	{20 * time.Minute, 40 * time.Minute},
	{20 * time.Minute, 1 * time.Hour},
	{1 * time.Hour, 2 * time.Hour},
}

// platformDay is WeChat's day. China has one zone and no summer time.
var platformDay = time.FixedZone("Asia/Shanghai", 8*60*60)

// pick gives the rung for the nth failure in a row, counted from 1.
func pick(plan []rung, n int) time.Duration {
	return plan[min(max(n, 1), len(plan))-1].wait
}

// jitter gives a random part of a duration.
type jitter func(time.Duration) time.Duration

// retryAt says when to try again after the nth failure in a row.
func retryAt(now time.Time, n int, j jitter) time.Time {
	return now.Add(max(leastRetry, j(pick(retries, n))))
}

// stopAt says when to look again at a stopped grant. own is the wait that the
// errcode itself asks for, or 0.
func stopAt(now time.Time, n int, own time.Duration, j jitter) time.Time {
	wait := max(own, pick(stops, n))
	return now.Add(wait + j(wait/10))
}

// nextDay is the start of WeChat's next day, up to two minutes late.
func nextDay(now time.Time, j jitter) time.Time {
	y, m, d := now.In(platformDay).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, platformDay).Add(j(2 * time.Minute))
}

// nextSecond is one to two seconds away: a limit for a second is over then, and
// those that met it together come back apart.
func nextSecond(now time.Time, j jitter) time.Time { return now.Add(time.Second + j(time.Second)) }

// nextMinute is the start of the next minute, up to ten seconds late.
func nextMinute(now time.Time, j jitter) time.Time {
	return now.Truncate(time.Minute).Add(time.Minute + j(10*time.Second))
}

// renewAt says when a token that ends at end is renewed.
func renewAt(kind grant.Kind, now, end time.Time, j jitter) time.Time {
	r, left := renewals[kind], end.Sub(now)
	switch {
	case left < 2*leastApart:
		return later(end, now.Add(leastApart))
	case left <= r.before:
		return now.Add(left / 2)
	}
	due := end.Add(-r.before)
	return due.Add(j(min(r.spread, left-r.before)))
}

// notAfter makes sure that no look at a person's grant is planned past the
// next reminder or past the end of its refresh token. The reminders that are
// due follow from this alone: see [remind]. A zero due is none.
func notAfter(due, now time.Time, t grant.Tokens) time.Time {
	if t.RefreshIssued.IsZero() {
		return due
	}
	first := func(at time.Time) {
		if at.After(now) && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	for _, r := range reminders {
		first(t.RefreshIssued.Add(r.after))
	}
	first(refreshEnd(t))
	return due
}

// refreshEnd is when a person's refresh token dies; zero for a grant that has
// none.
func refreshEnd(t grant.Tokens) time.Time {
	if !t.RefreshExpires.IsZero() || t.RefreshIssued.IsZero() {
		return t.RefreshExpires
	}
	return t.RefreshIssued.Add(refreshLife)
}

// remind gives the reminder to send at now for a grant that was planned to be
// looked at at planned, and whether there is one. Since no plan reaches past a
// reminder, those between planned and now have not been sent, and all before
// planned have.
func remind(t grant.Tokens, planned, now time.Time) (reminder, bool) {
	var found reminder
	if t.RefreshIssued.IsZero() {
		return found, false
	}
	for _, r := range reminders {
		if at := t.RefreshIssued.Add(r.after); !at.Before(planned) && !at.After(now) {
			found = r
		}
	}
	return found, found.day != ""
}
