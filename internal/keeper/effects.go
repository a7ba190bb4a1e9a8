package keeper

import (
	"slices"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// effects writes down everything that follows from a verdict: it is applied in
// one transaction.
func (a *attempt) effects(v verdict, tokens *grant.Tokens, now time.Time) grant.Effects {
	g := a.claim.Grant
	e := grant.Effects{At: now, Notices: a.notices(v, now)}
	routine := v.outcome == audit.Done && g.State == grant.Active && len(e.Notices) == 0 && a.ended == 0
	if !routine && v.cause != grant.CausePlatform { // that was a wait for the platform's token, whose grant tells it
		e.Audit = append(e.Audit, a.entry(v, tokens, now))
	}
	if a.proof.found == foundDead && a.want.scheduled() {
		e.Audit = append(e.Audit, a.doubt(now))
	}
	e.Settle = &grant.Settlement{
		GrantID: g.ID, Term: g.Lease.Term, From: g.Tokens.Generation, Tokens: tokens,
		State: v.state, Cause: v.cause, ErrCode: v.code, DueAt: v.due, Attempt: v.attempt,
		Proved: a.proof.at, Doubts: a.proof.doubts, Routine: routine, Kills: g.Kills, Killed: a.ended,
	}
	a.oweOn(&e, v, now)
	return e
}

// notices says what a human must be told: once for each cause, and once when
// it is over.
func (a *attempt) notices(v verdict, now time.Time) []notice.Notice {
	g := a.claim.Grant
	var list []notice.Notice
	switch {
	case v.state == grant.NeedsOwner:
		return a.notice(now, notice.GrantNeedsOwner, a.details(v)) // a reminder beside it would be noise
	case v.tell && v.state == grant.Stopped:
		list = a.notice(now, notice.GrantStopped, a.details(v))
	case v.tell:
		list = a.notice(now, notice.GrantFailing, a.details(v))
	case v.outcome == audit.Done && told(g):
		list = a.notice(now, notice.GrantHealed, a.healed())
	}
	return slices.Concat(list, a.doubts(now), a.reminders(now))
}

// healed names the cause that is over.
func (a *attempt) healed() map[string]string {
	d := a.who()
	put(d, "cause", a.claim.Grant.Cause)
	return d
}

func (a *attempt) notice(now time.Time, k notice.Kind, details map[string]string) []notice.Notice {
	return []notice.Notice{{At: now, Kind: k, Subject: subject(a.claim.Grant), Details: details}}
}

// doubts tells of a token that WeChat refuses although it renews it, and when
// that is over.
func (a *attempt) doubts(now time.Time) []notice.Notice {
	g, d := a.claim.Grant, a.who()
	was := tellsDoubt(g.Kind, g.Doubts)
	switch is := tellsDoubt(g.Kind, a.proof.doubts); {
	case is && !was:
		return a.notice(now, notice.GrantDoubtful, d)
	case was && !is:
		d["cause"] = grant.CauseDoubtful
		return a.notice(now, notice.GrantHealed, d)
	}
	return nil
}

// tellsDoubt asks the table of decisions: one odd answer changes nothing.
func tellsDoubt(kind grant.Kind, doubts int) bool {
	p := proof{doubts: doubts}
	return doubts > 0 && decide(blamesToken, kind, due, p.seer(), foundDead) == moveTell
}

// reminders tells that a person's authorisation nears its end.
func (a *attempt) reminders(now time.Time) []notice.Notice {
	g := a.claim.Grant
	r, ok := remind(g.Tokens, g.DueAt, now)
	if !ok || g.Kind != grant.User {
		return nil
	}
	return a.notice(now, notice.GrantExpiring, map[string]string{
		"day": r.day, "ends": refreshEnd(g.Tokens).UTC().Format(time.RFC3339), "person": g.PersonID,
	})
}

// doubt is the audit entry of a proof that failed.
func (a *attempt) doubt(now time.Time) audit.Entry {
	d := a.who()
	d["doubts"] = strconv.Itoa(a.proof.doubts)
	d["generation"] = strconv.FormatInt(a.claim.Grant.Tokens.Generation, 10)
	return audit.Entry{
		At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.prove",
		Subject: subject(a.claim.Grant), Outcome: audit.Failed, Reason: grant.CauseDoubtful, Details: d,
	}
}

// entry is the audit entry of a settle that is not routine.
func (a *attempt) entry(v verdict, tokens *grant.Tokens, now time.Time) audit.Entry {
	d := a.details(v)
	d["term"] = strconv.FormatInt(a.claim.Grant.Lease.Term, 10)
	if tokens != nil {
		d["generation"] = strconv.FormatInt(tokens.Generation, 10)
	}
	return audit.Entry{
		At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.refresh",
		Subject: subject(a.claim.Grant), Outcome: v.outcome, Reason: v.cause, Details: d,
	}
}

// details holds ids of ours, codes and counts: no personal data, no secret.
func (a *attempt) details(v verdict) map[string]string {
	d := a.who()
	put(d, "cause", v.cause)
	put(d, "rid", v.rid)
	if v.code != 0 {
		d["errcode"] = strconv.Itoa(v.code)
	}
	if v.attempt != 0 {
		d["attempt"] = strconv.Itoa(v.attempt)
	}
	return d
}

// who names the grant by ids of ours.
func (a *attempt) who() map[string]string {
	g := a.claim.Grant
	d := map[string]string{"kind": string(g.Kind)}
	put(d, "shop", g.ShopID)
	put(d, "person", g.PersonID)
	if g.Kind == grant.ISV || g.Kind == grant.Component {
		put(d, "app", g.App)
	}
	return d
}

func put(d map[string]string, key, value string) {
	if value != "" {
		d[key] = value
	}
}

func subject(g grant.Grant) string { return "grant:" + g.ID }
