package quota

import (
	"math"
	"slices"
	"time"
)

// maxClients bounds the clients of a ledger that are told apart.
const maxClients = 32

// others is the place of clients beyond maxClients. No client has this id.
const others = "\x00"

// trust is how long WeChat's word that a ledger is empty holds without being heard
// anew, and trialEvery how often a call goes out to see then.
const (
	trust      = 10 * time.Minute
	trialEvery = time.Minute
)

// again is how long it takes until shares that are used up are worth another look.
const again = 5 * time.Minute

// ledger is what is known of one path of a shop. The times in it are Unix seconds,
// the numbers are calls.
type ledger struct {
	key        Key
	prev, next *ledger // by last use

	day   int64
	today int64 // our own calls
	hour  window

	known   bool  // WeChat said what is left
	limit   int64 // a day; 0: only that it is used up
	base    int64 // what was left when WeChat was asked
	counted int64 // calls ever
	mark    int64 // counted by then, without those under way
	flying  int64 // calls under way

	heard int64 // when WeChat last said what is left
	trial int64 // when a call last went out to see
	slow  int64 // until then WeChat wants to be called slower
	low   bool  // it runs dry today, see [Book.Lows]

	asking bool
	ask    int64 // not before

	clients map[string]*client
}

type client struct {
	id    string
	low   bool
	today int64
	hour  window
	last  int64 // when it last went
}

// roll begins a new day: all of the limit is there again.
func (l *ledger) roll(now int64) {
	day := dayOf(now)
	if day <= l.day {
		return
	}
	l.day, l.today = day, 0
	l.base, l.mark = l.limit, l.counted-l.flying
	l.known = l.known && l.limit > 0
	for id, c := range l.clients {
		c.today = 0
		if c.hour.move(now); c.hour.sum == 0 {
			delete(l.clients, id)
		}
	}
}

// client finds who calls.
func (l *ledger) client(id string, low bool) *client {
	c := l.clients[id]
	if c == nil {
		if len(l.clients) >= maxClients {
			id = others
		}
		if c = l.clients[id]; c == nil {
			c = &client{id: id}
			l.clients[id] = c
		}
	}
	c.low = low && c.id != others
	return c
}

// left is how many calls there may be yet today.
func (l *ledger) left() int64 { return max(0, l.base-(l.counted-l.mark)) }

// count counts a call that goes.
func (l *ledger) count(c *client, now int64) {
	l.counted++
	l.flying++
	l.today++
	l.hour.add(now, 1)
	c.today++
	c.hour.add(now, 1)
	c.last = now
}

// landed ends a call that went out sent times.
func (l *ledger) landed(c *client, sent int, now int64) {
	l.flying = max(0, l.flying-1)
	more := sent - 1
	l.counted += int64(more)
	l.today = max(0, l.today+int64(more))
	c.today = max(0, c.today+int64(more))
	if more != 0 {
		l.hour.add(now, more)
		c.hour.add(now, more)
	}
}

// empty says that WeChat gives no more today.
func (l *ledger) empty(now int64) {
	l.known, l.base, l.mark, l.heard = true, 0, l.counted, now
}

// enough tells whether what is left lasts until midnight.
func (l *ledger) enough(now int64) bool {
	return !l.known || l.hour.perSecond(now)*float64(endOf(l.day)-now) <= float64(l.left()) && l.left() > 0
}

// look tells whether the ledger runs low: three quarters of it are used, or more, and
// the rest does not last. Then it does until there are calls to spare, so that a rate
// that goes up and down does not.
func (l *ledger) look(now int64) bool {
	l.low = l.low && !l.plenty(now) || !l.enough(now) && l.left()*4 <= l.limit
	return l.low
}

// plenty tells whether what is left lasts until midnight with some to spare.
func (l *ledger) plenty(now int64) bool {
	if !l.known {
		return true
	}
	wanted := l.hour.atMost(now, int64(len(l.clients))) * float64(endOf(l.day)-now) * spare
	return wanted < float64(l.left())
}

// dry is when the ledger runs dry at the rate of the last hour; zero: not today.
func (l *ledger) dry(now int64) time.Time {
	if l.enough(now) {
		return time.Time{}
	}
	in := 0.0
	if rate := l.hour.perSecond(now); rate > 0 {
		in = float64(l.left()) / rate
	}
	return unix(min(now+int64(in), endOf(l.day)))
}

// decide says what becomes of a call of who.
func (l *ledger) decide(who *client, reads bool, now int64) Decision {
	if now < l.slow && (who.low || reads) {
		return Decision{Verdict: Wait, Until: unix(l.slow), Left: l.leftIfKnown(), Dry: l.dry(now)}
	}
	if l.plenty(now) {
		return Decision{Left: l.leftIfKnown()}
	}
	d := Decision{Left: l.left(), Dry: l.dry(now)}
	if d.Left == 0 {
		l.decideEmpty(&d, who, now)
		return d
	}
	share, least := l.share(who, now)
	switch {
	case share < 1 && !least:
		d.Verdict, d.Until = Refuse, unix(min(now+int64(again/time.Second), endOf(l.day)))
	case who.low:
		if next := who.last + int64(float64(endOf(l.day)-now)/share); now < next {
			d.Verdict, d.Until = Wait, unix(min(next, endOf(l.day)))
		}
	}
	return d
}

// decideEmpty holds everybody up, except for a call now and then to see whether
// WeChat's word still holds: somebody may have reset the quota.
func (l *ledger) decideEmpty(d *Decision, who *client, now int64) {
	if !who.low && now-l.heard >= int64(trust/time.Second) && now-l.trial >= int64(trialEvery/time.Second) {
		l.trial = now
		return
	}
	d.Verdict, d.Until = Refuse, unix(endOf(l.day))
}

func (l *ledger) leftIfKnown() int64 {
	if !l.known {
		return Unknown
	}
	return l.left()
}

// share is how many of the calls that are left are who's. least says that they are
// too few to be divided, and who is next: the one who used the least.
func (l *ledger) share(who *client, now int64) (share float64, least bool) {
	normal, low := l.takers(who, now)
	rest := fill(float64(l.left()), normal)
	fill(rest, low)
	least = !who.low
	for _, t := range normal {
		least = least && (t.want < 1 || t.who.today >= who.today)
	}
	for _, t := range slices.Concat(normal, low) {
		if t.who == who {
			share = t.got
		}
	}
	return share, least
}

// spare is what is added to what a client will want: who calls a little more often than
// before is not to find that others took it.
const spare = 1.25

// takers lists who wants calls until midnight, at the rate of their last hour and some
// more. asking wants one at least.
func (l *ledger) takers(asking *client, now int64) (normal, low []taker) {
	until := float64(endOf(l.day) - now)
	for _, c := range l.clients {
		t := taker{who: c, used: float64(c.today)}
		if rate := c.hour.atMost(now, 1); rate > 0 {
			t.want = math.Ceil(rate * until * spare)
		} else if c == asking {
			t.want = 1
		}
		if c.low {
			low = append(low, t)
		} else {
			normal = append(normal, t)
		}
	}
	return normal, low
}
