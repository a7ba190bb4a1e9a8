package keeper

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// appLimits is how often in a minute WeChat lets one app ask for tokens:
//
//   - stable_token, developers.weixin.qq.com/doc/channels/api/basic/api_getstableaccesstoken
//   - /sns/oauth2/refresh_token, developers.weixin.qq.com/doc/service/guide/h5/auth
//
// For the calls of a third-party platform no number is published; they get the
// smaller one. Those of all accounts that authorised it are calls of one app.
var appLimits = map[grant.Kind]int{
	grant.Self: 10_000,
	grant.User: 50_000,

	grant.Component: 10_000,
	grant.ISV:       10_000,
}

// share is the part of WeChat's limit that one process uses by its schedule:
// half of it. The other half is for a second process that catches up at the
// same time, for refreshes that somebody waits for, and for people who log in.
const share = 2

// appPer is how many refreshes of one app the schedule starts in a second.
func appPer(kind grant.Kind) int { return max(1, appLimits[kind]/60/share) }

// pace says when a refresh may start: so many a second in all, so many of one
// app, and none of an app that WeChat has just told to slow down. A refresh
// that somebody waits for is counted and never waits, so that it does not queue
// behind a backlog; the backlog pays for it.
type pace struct {
	all *rate.Limiter

	mu     sync.Mutex
	second time.Time // the counts are of the second that began here
	apps   map[string]*appPace
}

// appPace is kept for apps that asked in this second or that have to wait.
type appPace struct {
	count  int
	closed time.Time // WeChat's limit ends here
	next   time.Time // the place in time of the next grant that has to wait
}

// newPace makes a pace of so many refreshes a second. A tenth of a second's
// worth may start at once, or one batch if that is more.
func newPace(all, batch int) *pace {
	return &pace{
		all:  rate.NewLimiter(rate.Limit(all), max(batch, all/10)),
		apps: map[string]*appPace{},
	}
}

// room is how many of the schedule's refreshes may start now, and otherwise how
// long it takes until want may. That is rounded up: what lacks less than a
// nanosecond's worth must not be asked for again in the same moment.
func (p *pace) room(now time.Time, want int) (n int, wait time.Duration) {
	have := p.all.TokensAt(now)
	if have >= float64(want) {
		return want, 0
	}
	return 0, 1 + time.Duration((float64(want)-have)/float64(p.all.Limit())*float64(time.Second))
}

// started counts n refreshes. The limiter goes below nothing for those that
// did not wait.
func (p *pace) started(now time.Time, n int) {
	for left := n; left > 0; left -= p.all.Burst() {
		p.all.ReserveN(now, min(left, p.all.Burst()))
	}
}

// start counts a refresh of an app, or says how long it has to wait for its own
// place in time. Those that wait get different places, at the app's pace.
func (p *pace) start(app string, kind grant.Kind, demand bool, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	a := p.app(app)
	if wait := a.closed.Sub(now); wait > 0 && demand {
		return wait
	} else if wait <= 0 && (demand || a.count < appPer(kind)) {
		a.count++
		return 0
	}
	a.next = later(a.next, later(a.closed, p.second.Add(time.Second)))
	at := a.next
	a.next = at.Add(time.Second / time.Duration(appPer(kind)))
	return at.Sub(now)
}

// close holds an app back until WeChat's limit is over.
func (p *pace) close(app string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.app(app)
	a.closed = later(a.closed, until)
}

func (p *pace) app(id string) *appPace {
	a := p.apps[id]
	if a == nil {
		a = new(appPace)
		p.apps[id] = a
	}
	return a
}

// turn begins a new second and forgets the apps that need not wait.
func (p *pace) turn(now time.Time) {
	if d := now.Sub(p.second); d >= 0 && d < time.Second {
		return
	}
	p.second = now
	for id, a := range p.apps {
		a.count = 0
		if !a.closed.After(now) && !a.next.After(now) {
			delete(p.apps, id)
		}
	}
}
