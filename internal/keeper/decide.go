package keeper

import (
	"context"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A complaint about a kept token is somebody's word that WeChat refused it, and
// it need not be the token's fault: a path that wants another kind of token
// answers 40001 to every token. A forced refresh ends the live token of all
// other programs of the shop at once, so no word of others leads to one. The
// keeper probes the kept token itself, with one cheap read, and forces only what
// that read proves dead.
//
// The table decisions says what a complaint leads to. What the answer to a
// refresh leads to is the table reactions in classify.go: again, limit, stop,
// dead. Together they end: a complaint is read and probed at most once, then
// asks at most once and forces at most once, and what came of it answers the
// next complaints for a while.

// deadTokenCodes are the errcodes of data calls that say "this token is not
// good". No other code leads to a refresh.
var deadTokenCodes = map[int]bool{40001: true, 40014: true, 42001: true}

// blame is what the errcode speaks of.
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

// age is how the kept token stands to the refused one and to its own life.
type age int

const (
	anyAge age = iota
	unread     // memory does not say: the row must be read
	newer      // a later generation than the refused one is kept
	judged     // a complaint about it was answered a moment ago
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

// seer is who saw the refusal.
type seer int

const (
	anySeer   seer = iota
	client         // a program, by [Keeper.Report]
	daily          // the keeper's daily proof
	dailyMore      // the keeper's daily proof, not for the first time in a row
)

// move is what a complaint leads to.
type move int

const (
	moveHandOver move = iota // re-read: give what is kept; ask nothing
	moveRead                 // re-read: take the lease and read the row
	moveLeave                // wait: give the same token, and remember so for a while
	moveProbe                // find out whether WeChat accepts the kept token
	moveAsk                  // refresh; the same token again is left as it is
	moveForce                // refresh; when the same token comes again, force
	moveDoubt                // wait: write the doubt down; the renewal goes on as planned
	moveTell                 // wait, and tell a human
)

// decision is one row.
type decision struct {
	blame   blame
	kind    grant.Kind
	age     age
	seer    seer
	finding finding
	move    move
}

// decisions say what a complaint leads to. The first row that fits counts.
var decisions = []decision{
	// errcode    kind     kept token  seen by    probe         what to do
	{blamesElse, anyKind, anyAge, anySeer, anyFinding, moveHandOver},
	{blamesToken, anyKind, newer, client, anyFinding, moveHandOver},
	{blamesToken, anyKind, judged, client, anyFinding, moveLeave},
	{blamesToken, anyKind, unread, client, anyFinding, moveRead},
	{blamesToken, anyKind, ended, client, anyFinding, moveAsk},

	{blamesToken, anyKind, living, client, notProbed, moveProbe},
	{blamesToken, anyKind, living, client, foundAlive, moveLeave},
	{blamesToken, anyKind, living, client, foundUnclear, moveAsk},
	{blamesToken, grant.Self, living, client, foundDead, moveForce},
	{blamesToken, anyKind, living, client, foundDead, moveAsk}, // WeChat forces no other token

	{blamesToken, anyKind, due, client, notProbed, moveProbe},
	{blamesToken, anyKind, due, client, foundAlive, moveAsk},
	{blamesToken, anyKind, due, client, foundUnclear, moveAsk},
	{blamesToken, grant.Self, due, client, foundDead, moveForce},
	{blamesToken, anyKind, due, client, foundDead, moveAsk},

	{blamesToken, anyKind, anyAge, daily, foundDead, moveDoubt},
	{blamesToken, anyKind, anyAge, dailyMore, foundDead, moveTell},
}

// decide finds the row. What no row knows is not proved, so nothing is asked.
func decide(b blame, kind grant.Kind, a age, by seer, f finding) move {
	for _, d := range decisions {
		if fits(d.blame, b) && fits(d.kind, kind) && fits(d.age, a) && fits(d.seer, by) && fits(d.finding, f) {
			return d.move
		}
	}
	return moveLeave
}

// fits compares a cell of a table; its zero stands for any.
func fits[T comparable](cell, is T) bool { return cell == is || cell == *new(T) }

// onReport decides about a report under the lease, with a probe if the table
// wants one.
func (a *attempt) onReport(ctx context.Context, kept secret.Value) move {
	kind, old := a.claim.Grant.Kind, a.age(!kept.IsZero(), a.k.now())
	next := decide(blamesToken, kind, old, client, notProbed)
	if next == moveProbe {
		found := a.probe(ctx, kept)
		next = decide(blamesToken, kind, old, client, found)
		switch found {
		case foundAlive:
			a.proof = proof{at: a.k.now()}
		case foundDead:
			a.bury(true)
		}
		a.k.opt.Logger.Info("reported token probed", "grant", a.claim.Grant.ID, "by", a.want.by,
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
	dead, err := a.probeOnce(ctx, kept)
	a.k.opt.Step(StepProbe)
	switch {
	case err != nil:
		return foundUnclear
	case dead:
		return foundDead
	}
	return foundAlive
}

func (a *attempt) probeOnce(ctx context.Context, kept secret.Value) (dead bool, err error) {
	switch g := a.claim.Grant; g.Kind {
	case grant.User:
		return a.k.opt.Platform.ProbeUser(ctx, a.claim.App, kept, g.OpenID)
	case grant.Component:
		return a.k.opt.Platform.ProbeComponent(ctx, a.claim.App, kept)
	}
	return a.k.opt.Platform.Probe(ctx, a.claim.App, kept)
}

// leave answers a report with the token that was reported: nothing is wrong
// with it.
func (a *attempt) leave(ctx context.Context) (Token, error) {
	g := a.claim.Grant
	tok, err := a.k.tokenOf(g, a.k.now())
	if err == nil {
		a.k.hold(g, tok, a.epoch)
		err = a.conclude(tok.Generation, false, nil)
	}
	return tok, a.release(ctx, err)
}

// replaced answers a report with what an ask brought. The same token is an
// error only when it was proved dead.
func (a *attempt) replaced(tok Token) (Token, error) {
	var cause error
	if a.same && a.next == moveForce {
		cause = errStillKept
		if a.spent != nil {
			cause = fmt.Errorf("%w: %w", errStillKept, a.spent)
		}
	}
	if err := a.conclude(tok.Generation, !a.same, cause); err != nil {
		return Token{}, err
	}
	return tok, nil
}
