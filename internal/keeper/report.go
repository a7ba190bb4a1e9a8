package keeper

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/trace"
)

// Complaint is a program's word that WeChat refused a token.
type Complaint struct {
	Shop       string // whose token; exactly one of Shop, Grant and App is set
	Grant      string // whose token, if it is a person's
	App        string // whose token, if it is a third-party platform's own
	Generation int64  // of the refused token
	ErrCode    int    // WeChat's
	By         string // who pays for a forced refresh: [ByClient], [ByAdmin], ByOperator or BySystem
}

// Report says that WeChat refused a token, and gives the token to go on with.
// What it does is a table, see decide.go:
// a later generation is handed over and nothing is asked; a token that the
// keeper's own probe finds alive is handed over again; any other is asked
// for, once for any number of reporters; a forced refresh is spent only when
// the probe proves the token dead, WeChat names it again, and the ledger
// allows it to By.
//
// The token may be the reported one: then the call was refused for another
// reason. Callers repeat their call once with a new token and then give up.
func (k *Keeper) Report(ctx context.Context, c Complaint) (Token, error) {
	s := k.complained(c)
	blame := blameOf(c.ErrCode)
	old, err := k.remembered(s, c)
	switch {
	case decide(blame, anyKind, old, client, notProbed) == moveRead:
		return k.reportFlight(ctx, s, c).wait(ctx)
	case err != nil && blame == blamesToken:
		return Token{}, err
	}
	return k.tokenFrom(ctx, s)
}

// complained is the source that a complaint is about.
func (k *Keeper) complained(c Complaint) source {
	switch {
	case c.App != "":
		return k.platform(c.App)
	case c.Grant != "":
		return k.user(c.Grant)
	}
	return k.shop(c.Shop)
}

func (k *Keeper) reportFlight(caller context.Context, s source, c Complaint) *flight {
	return k.flights.join("report "+strconv.FormatInt(c.Generation, 10)+" "+s.name, func() (Token, error) {
		ctx, cancel := context.WithTimeoutCause(trace.Carry(context.Background(), caller), 3*k.opt.Lease, errHolderSlow)
		defer cancel()
		switch old, err := k.remembered(s, c); {
		case err != nil:
			return Token{}, err
		case old != unread: // the flight before this one has found out
			return k.tokenFrom(ctx, s)
		}
		tok, err := k.fetch(ctx, s, want{demand: true, rejected: c.Generation, by: c.By})
		switch {
		case final(err):
			s.table.dropKey(s.key)
		case err != nil && !errors.Is(err, errStillKept):
			k.remember(s.name, c.Generation, err)
		}
		return tok, err
	})
}

// errStillKept says that WeChat named a token as the valid one that it
// refuses.
var errStillKept = errors.New("WeChat still gives out the token that it refuses; look at the shop's other programs")

// tokenVerdict is what the last report on a generation led to. It answers the
// next ones until its time is over: no caller can make the keeper probe or
// ask more often.
type tokenVerdict struct {
	generation int64
	until      time.Duration // on the keeper's uptime
	times      int           // reports in a row that led to a probe or an ask
	err        error         // nil: the token is good, as far as is known
	// refused are the spenders that the ledger gave no forced refresh. Somebody
	// else may have one, once.
	refused map[string]bool
}

// silences tells whether the verdict answers a report of by.
func (v tokenVerdict) silences(by string) bool {
	if len(v.refused) == 0 || v.refused[by] {
		return true
	}
	return !errors.Is(v.err, errShareSpent) && !privileged(by)
}

// leaveFor is for how long the nth verdict in a row answers reports: 30 s,
// doubled up to 8 minutes. It starts short because a token may die right
// after it was proved alive.
func leaveFor(n int) time.Duration { return 30 * time.Second << min(max(n-1, 0), 4) }

// remembered says how the token in memory stands to a reported generation,
// and with what error a verdict answers.
func (k *Keeper) remembered(s source, c Complaint) (age, error) {
	if h := s.table.get(s.key); h != nil && h.generation > c.Generation && k.uptime() < h.end {
		return newer, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if v, ok := k.verdicts[s.name]; ok && v.generation == c.Generation && k.uptime() < v.until && v.silences(c.By) {
		return judged, v.err
	}
	return unread, nil
}

// freeReplacements is how many times in a row a report may bring another token
// before the next one has to wait.
const freeReplacements = 2

// conclude remembers that a report was answered with generation to, or with
// cause. It gives the error to answer with. Another
// token is not suspect at first: it may really be dead again.
func (a *attempt) conclude(to int64, another bool, cause error) (err error) {
	k, name := a.k, a.k.sourceOf(a.claim.Grant).name
	k.mu.Lock()
	defer k.mu.Unlock()
	v := tokenVerdict{generation: to, times: 1}
	last := k.verdicts[name]
	if last.generation == a.want.rejected {
		v.times = last.times + 1
	}
	wait := leaveFor(v.times)
	if another && v.times <= freeReplacements {
		wait = 0
	}
	if cause != nil {
		err = notYet("", wait, cause)
	}
	if a.spent != nil {
		v.refused = map[string]bool{a.want.by: true}
		if last.generation == a.want.rejected {
			maps.Copy(v.refused, last.refused)
		}
	}
	v.until, v.err = k.uptime()+wait, err
	k.verdicts[name] = v
	return err
}

// remember keeps the error of a report that could not be decided, for as long
// as asking again is of no use.
func (k *Keeper) remember(name string, generation int64, err error) {
	wait := leaveFor(1)
	if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter > 0 {
		wait = min(wait, e.RetryAfter)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	v := tokenVerdict{generation: generation, until: k.uptime() + wait, times: 1, err: err}
	if last := k.verdicts[name]; last.generation == generation {
		v.times = max(last.times, 1)
	}
	k.verdicts[name] = v
}
