package keeper

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A report is somebody's word that WeChat refused a token, and it need not be
// the token's fault: a path that wants another kind of token answers 40001 to
// every token. A forced refresh ends the live token of all other programs of
// the shop at once, so no word of others leads to one. The keeper probes the
// kept token itself, with one cheap read, and forces only what that read
// proves dead.

// deadTokenCodes are the errcodes of data calls that say "this token is not
// good". No other code leads to a refresh.
var deadTokenCodes = map[int]bool{40001: true, 40014: true, 42001: true}

// blame is what the reported errcode speaks of.
type blame int

const (
	anyBlame blame = iota
	blamesToken
	blamesElse
)

func blameOf(errcode int) blame {
	if deadTokenCodes[errcode] {
		return blamesToken
	}
	return blamesElse
}

// age is how the kept token stands to the reported one and to its own life.
type age int

const (
	anyAge age = iota
	unread     // memory does not say: the row must be read
	newer      // a later generation than the reported one is kept
	judged     // a report on it was answered a moment ago
	living     // its plan lets it live on
	due        // it still lives, and its plan renews it now
	ended      // its life is over, or it cannot be read
)

// finding is what a probe of the kept token found.
type finding int

const (
	anyFinding   finding = iota
	notProbed            // no probe was made
	foundAlive           // WeChat accepted it
	foundDead            // WeChat called the token itself bad
	foundUnclear         // no answer, or one that says nothing of the token
)

// move is what a report leads to.
type move int

const (
	moveHandOver move = iota // give what is kept; ask nothing
	moveLeave                // give the same token, and remember so for a while
	moveRead                 // take the lease and read the row
	moveProbe                // find out whether WeChat accepts the kept token
	moveAsk                  // ask; the same token again is left as it is
	moveForce                // ask; when the same token comes again, force
)

// decisions say what a report leads to. The first row that fits counts.
var decisions = []struct {
	blame   blame
	age     age
	finding finding
	move    move
}{
	// errcode    kept token  probe         what to do
	{blamesElse, anyAge, anyFinding, moveHandOver},
	{blamesToken, newer, anyFinding, moveHandOver},
	{blamesToken, judged, anyFinding, moveLeave},
	{blamesToken, unread, anyFinding, moveRead},
	{blamesToken, ended, anyFinding, moveAsk},

	{blamesToken, living, notProbed, moveProbe},
	{blamesToken, living, foundAlive, moveLeave},
	{blamesToken, living, foundUnclear, moveAsk},
	{blamesToken, living, foundDead, moveForce},

	{blamesToken, due, notProbed, moveProbe},
	{blamesToken, due, foundAlive, moveAsk},
	{blamesToken, due, foundUnclear, moveAsk},
	{blamesToken, due, foundDead, moveForce},
}

// decide finds the row. What no row knows is not proved, so nothing is asked.
func decide(b blame, a age, f finding) move {
	for _, d := range decisions {
		if (d.blame == anyBlame || d.blame == b) && (d.age == anyAge || d.age == a) &&
			(d.finding == anyFinding || d.finding == f) {
			return d.move
		}
	}
	return moveLeave
}

// onReport decides about a report under the lease, with a probe if the table
// wants one.
func (a *attempt) onReport(ctx context.Context, kept secret.Value) move {
	old := a.age(!kept.IsZero(), a.k.now())
	next := decide(blamesToken, old, notProbed)
	if next == moveProbe {
		found := a.probe(ctx, kept)
		next = decide(blamesToken, old, found)
		a.k.opt.Logger.Info("reported token probed", "grant", a.claim.Grant.ID,
			"generation", a.want.rejected, "dead", found == foundDead, "unclear", found == foundUnclear)
	}
	return next
}

// age classes the kept token, which is the reported one by now.
func (a *attempt) age(readable bool, now time.Time) age {
	switch g := a.claim.Grant; {
	case !readable || !now.Before(g.Tokens.AccessExpires):
		return ended
	case !now.Before(g.DueAt):
		return due
	}
	return living
}

// probe reads with the kept token. It takes half of Ask at most, so that the
// lease leaves room for what follows.
func (a *attempt) probe(ctx context.Context, kept secret.Value) finding {
	ctx, cancel := context.WithTimeout(ctx, a.k.opt.Ask/2)
	defer cancel()
	switch dead, err := a.k.opt.Platform.Probe(ctx, a.claim.App, kept); {
	case err != nil:
		return foundUnclear
	case dead:
		return foundDead
	}
	return foundAlive
}

// leave answers a report with the token that was reported: nothing is wrong
// with it.
func (a *attempt) leave(ctx context.Context) (Token, error) {
	g := a.claim.Grant
	tok, err := a.k.tokenOf(g, a.k.now())
	if err == nil {
		a.k.hold(g, tok, a.epoch)
		err = a.k.conclude(g.ShopID, a.want.rejected, tok.Generation, false, nil)
	}
	return tok, a.release(ctx, err)
}

// replaced answers a report with what an ask brought. The same token is an
// error only when it was proved dead.
func (a *attempt) replaced(tok Token) (Token, error) {
	var cause error
	if a.same && a.next == moveForce {
		cause = errStillKept
	}
	err := a.k.conclude(a.claim.Grant.ShopID, a.want.rejected, tok.Generation, !a.same, cause)
	if err != nil {
		return Token{}, err
	}
	return tok, nil
}
