package grant

import (
	"cmp"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Why somebody is asked to authorise anew.
const (
	RenewalAsked  = "asked"   // a human wants it
	RenewalMaxAge = "max_age" // the authorisation is as old as it may become
)

// Why a grant ended that nobody authorised anew in time, where the settings want that.
const (
	CauseMaxAge     Cause = "max_age"
	CauseNotRenewed Cause = "not_renewed" // until the day that a human named
)

// Overdue tells whether a grant ended because nobody authorised anew in time. Only a
// newer authorisation starts it again: WeChat goes on naming the old one.
func (g Grant) Overdue() bool {
	return g.State == NeedsOwner && (g.Cause == CauseMaxAge || g.Cause == CauseNotRenewed)
}

// Renewal is an authorisation that somebody is asked to give anew. The grant serves
// meanwhile. It is over when a newer authorisation comes, or the grant ends.
type Renewal struct {
	GrantID   string
	Why       string
	By        string // who asked: "operator", "admin:…", "person:…", or "system"
	AskedAt   time.Time
	DueAt     time.Time // until when; zero: whenever
	RenewedAt time.Time // when it was given anew last; zero: not since it was asked for first
	ClosedAt  time.Time // when it was over; zero: somebody is asked
	Told      bool      // a human was told, and is told when it is over
}

// Open tells whether somebody is asked.
func (r Renewal) Open() bool { return r.ClosedAt.IsZero() }

// Aged is a grant that a human authorised, with the time of its authorisation.
type Aged struct {
	GrantID      string
	ShopID       string
	Kind         Kind
	AuthorisedAt time.Time
}

// AuthorisedAt gives when whoever g is of gave the authorisation that it rests on, as
// far as is known: at is what an account's last event said, renewed when it was given
// anew; both may be zero.
func AuthorisedAt(g Grant, at, renewed time.Time) time.Time {
	last := g.CreatedAt
	for _, t := range []time.Time{g.Tokens.RefreshIssued, at, renewed} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// AskEffects is what follows when somebody is asked to authorise anew. A human is told
// when nobody did the asking.
func AskEffects(now time.Time, by audit.Actor, r Renewal, shop string) Effects {
	d := map[string]string{"why": r.Why, "shop": shop}
	if !r.DueAt.IsZero() {
		d["due"] = r.DueAt.UTC().Format(time.RFC3339)
	}
	e := Effects{At: now, Audit: []audit.Entry{{At: now, Actor: by, Action: "grant.renew", Subject: "grant:" + r.GrantID, Outcome: audit.Done, Details: d}}}
	if r.Told {
		e.Notices = []notice.Notice{{At: now, Kind: notice.GrantOld, Subject: "grant:" + r.GrantID, Details: d}}
	}
	return e
}

// RenewedEffects is what follows when it is over that somebody was asked: reason is
// "renewed", or why it does not matter any more.
func RenewedEffects(now time.Time, r Renewal, reason string) Effects {
	subject := "grant:" + r.GrantID
	e := Effects{At: now, Audit: []audit.Entry{{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.renewed", Subject: subject,
		Outcome: audit.Done, Reason: reason, Details: map[string]string{"days": strconv.Itoa(int(now.Sub(r.AskedAt) / (24 * time.Hour)))}}}}
	if r.Told {
		over := notice.OverOf(notice.Notice{Kind: notice.GrantOld, Subject: subject}, now)
		over.Details["reason"] = reason
		e.Notices = []notice.Notice{over}
	}
	return e
}

// OverdueEffects ends a grant that nobody authorised anew in time. Its tokens are
// deleted; the owner starts it again at WeChat.
func OverdueEffects(now time.Time, r Renewal, g Grant) Effects {
	cause := CauseNotRenewed
	if r.Why == RenewalMaxAge {
		cause = CauseMaxAge
	}
	d := map[string]string{"cause": cause, "kind": string(g.Kind), "shop": cmp.Or(g.ShopID, g.Authorizer)}
	return Effects{At: now, Revoke: []Revocation{{GrantID: g.ID, Cause: cause, State: NeedsOwner}},
		Notices: []notice.Notice{{At: now, Kind: notice.GrantNeedsOwner, Subject: "grant:" + g.ID, Details: d}},
		Audit: []audit.Entry{{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "grant.overdue", Subject: "grant:" + g.ID,
			Outcome: audit.Done, Reason: cause, Details: map[string]string{"kind": string(g.Kind), "shop": g.ShopID}}}}
}
