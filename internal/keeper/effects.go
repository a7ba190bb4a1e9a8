package keeper

import (
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
	routine := v.outcome == audit.Done && g.State == grant.Active && len(e.Notices) == 0
	if !routine {
		e.Audit = append(e.Audit, a.entry(v, tokens, now))
	}
	e.Settle = &grant.Settlement{
		GrantID: g.ID, Term: g.Lease.Term, From: g.Tokens.Generation, Tokens: tokens,
		State: v.state, Cause: v.cause, ErrCode: v.code, DueAt: v.due, Attempt: v.attempt,
		Proved: g.Proved, Doubts: g.Doubts, Routine: routine,
	}
	return e
}

// notices says what a human must be told: once for each cause, and once when
// it is over.
func (a *attempt) notices(v verdict, now time.Time) []notice.Notice {
	g := a.claim.Grant
	var list []notice.Notice
	add := func(k notice.Kind, details map[string]string) {
		list = append(list, notice.Notice{At: now, Kind: k, Subject: subject(g), Details: details})
	}
	switch {
	case v.state == grant.NeedsOwner:
		add(notice.GrantNeedsOwner, a.details(v))
		return list // a reminder beside it would be noise
	case v.tell:
		add(notice.GrantStopped, a.details(v))
	case v.outcome == audit.Done && told(g):
		add(notice.GrantHealed, map[string]string{"cause": g.Cause, "shop": g.ShopID})
	}
	if r, ok := remind(g.Tokens, g.DueAt, now); ok && g.Kind == grant.User {
		add(notice.GrantExpiring, map[string]string{
			"day": r.day, "ends": refreshEnd(g.Tokens).UTC().Format(time.RFC3339), "person": g.PersonID,
		})
	}
	return list
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
	g := a.claim.Grant
	d := map[string]string{"kind": string(g.Kind)}
	put := func(key, value string) {
		if value != "" {
			d[key] = value
		}
	}
	put("cause", v.cause)
	put("rid", v.rid)
	put("shop", g.ShopID)
	put("person", g.PersonID)
	if v.code != 0 {
		d["errcode"] = strconv.Itoa(v.code)
	}
	if v.attempt != 0 {
		d["attempt"] = strconv.Itoa(v.attempt)
	}
	return d
}

func subject(g grant.Grant) string { return "grant:" + g.ID }
