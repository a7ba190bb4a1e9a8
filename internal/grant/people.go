package grant

import (
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// ChangeEffects is what follows when somebody gives a member another role or
// another end: the entry, and for a new owner word to those who are owners already.
func ChangeEffects(now time.Time, by audit.Actor, from, to access.Member) Effects {
	d := placeOf(to.TenantID, to.ShopID)
	d["person"], d["role"], d["was"] = to.PersonID, string(to.Role), string(from.Role)
	if !to.Until.IsZero() {
		d["until"] = to.Until.UTC().Format(time.RFC3339)
	}
	e := Effects{At: now, Audit: []audit.Entry{{At: now, Actor: by, Action: "member.change", Subject: "person:" + to.PersonID,
		Outcome: audit.Done, Details: d}}}
	if to.Role == access.Owner && from.Role != access.Owner {
		e.Notices = []notice.Notice{{At: now, Kind: notice.NewOwner, Subject: "tenant:" + to.TenantID, Details: d}}
	}
	return e
}

// RemoveEffects is what follows when a member is removed, besides what the
// departure names: every session of theirs ends.
func RemoveEffects(now time.Time, by audit.Actor, d access.Departure) Effects {
	details := placeOf(d.Member.TenantID, d.Member.ShopID)
	details["role"] = string(d.Member.Role)
	details["keys"], details["invitations"] = strconv.Itoa(len(d.Clients)), strconv.Itoa(len(d.Invitations))
	e := Effects{At: now,
		EndSessions: []access.SessionFilter{{PersonID: d.Member.PersonID, Why: "member_removed"}},
		Audit: []audit.Entry{{At: now, Actor: by, Action: "member.remove", Subject: "person:" + d.Member.PersonID, Outcome: audit.Done,
			Details: details}}}
	for _, c := range d.Clients {
		e.Audit = append(e.Audit, audit.Entry{At: now, Actor: by, Action: "client.revoke", Subject: "client:" + c.ID, Outcome: audit.Done,
			Reason: "member_removed"})
	}
	for _, i := range d.Invitations {
		e.Audit = append(e.Audit, audit.Entry{At: now, Actor: by, Action: "invitation.withdraw", Subject: "invitation:" + i.ID,
			Outcome: audit.Done, Reason: "member_removed"})
	}
	return e
}

// NewTransfer makes a transfer. A person offers theirs to somebody who must accept
// it; whoever runs the server gives notice to the owners, who can stop it.
func NewTransfer(tenant, shop, from, to string, by audit.Actor, now time.Time) access.Transfer {
	t := access.Transfer{ID: access.NewID("t"), TenantID: tenant, ShopID: shop, From: from, To: to, By: by.Kind + ":" + by.ID,
		State: access.TransferNoticed, CreatedAt: now, DueAt: now.Add(access.TransferNotice)}
	if by.ID == "" {
		t.By = by.Kind
	}
	if by.Kind == audit.ActorPerson {
		t.State, t.DueAt = access.TransferOffered, now.Add(access.OfferLife)
	}
	return t
}

// TransferEffects is what follows from a step of a transfer: "transfer.offer",
// "transfer.notice", "transfer.done" or "transfer.stop". Owners are told of a notice
// and of a new owner.
func TransferEffects(now time.Time, by audit.Actor, action string, t access.Transfer) Effects {
	d := placeOf(t.TenantID, t.ShopID)
	d["to"] = t.To
	if t.From != "" {
		d["from"] = t.From
	}
	e := Effects{At: now, Audit: []audit.Entry{{At: now, Actor: by, Action: action, Subject: "transfer:" + t.ID, Outcome: audit.Done, Details: d}}}
	subject := "tenant:" + t.TenantID
	switch action {
	case TransferNoticeAction:
		d["due"] = t.DueAt.UTC().Format(time.RFC3339)
		e.Notices = []notice.Notice{{At: now, Kind: notice.OwnerTransfer, Subject: subject, Details: d}}
	case TransferDoneAction:
		e.Notices = []notice.Notice{{At: now, Kind: notice.NewOwner, Subject: subject, Details: d}}
	}
	return e
}

// The steps of a transfer in the audit log.
const (
	TransferOfferAction  = "transfer.offer"
	TransferNoticeAction = "transfer.notice"
	TransferDoneAction   = "transfer.done"
	TransferStopAction   = "transfer.stop"
)

// VisitEffects is what follows when staff enters a tenant: the entry, and word to
// its owners. The reason stands in the visit: it is somebody's free words.
func VisitEffects(now time.Time, by audit.Actor, v access.Visit) Effects {
	d := map[string]string{"visit": v.ID, "until": v.EndsAt.UTC().Format(time.RFC3339)}
	return Effects{At: now,
		Audit: []audit.Entry{{At: now, Actor: by, Action: "visit.start", Subject: "tenant:" + v.TenantID, Outcome: audit.Done, Details: d}},
		Notices: []notice.Notice{{At: now, Kind: notice.StaffVisit, Subject: "tenant:" + v.TenantID,
			Details: map[string]string{"visit": v.ID, "admin": v.AdminID}}}}
}

// ForgetEffects is what follows when a person has what is kept of them deleted,
// besides that.
func ForgetEffects(now time.Time, by audit.Actor, person string, kept []access.Member) Effects {
	return Effects{At: now,
		EndSessions: []access.SessionFilter{{PersonID: person, Why: "person_forgotten"}},
		Audit: []audit.Entry{{At: now, Actor: by, Action: "person.forget", Subject: "person:" + person, Outcome: audit.Done,
			Details: map[string]string{"kept_roles": strconv.Itoa(len(kept))}}}}
}

func placeOf(tenant, shop string) map[string]string {
	m := map[string]string{"tenant": tenant}
	if shop != "" {
		m["shop"] = shop
	}
	return m
}
