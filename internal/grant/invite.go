package grant

import (
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// InviteEntry is the audit entry of a new invitation.
func InviteEntry(now time.Time, by audit.Actor, i access.Invitation) audit.Entry {
	return audit.Entry{At: now, Actor: by, Action: "invitation.create", Subject: "invitation:" + i.ID, Outcome: audit.Done, Details: place(i)}
}

// ConfirmEffects is what a right code leads to besides the membership: the
// entry, and for a new owner word to those who are owners already.
func ConfirmEffects(now time.Time, by audit.Actor, i access.Invitation) Effects {
	e := Effects{At: now, Audit: []audit.Entry{{At: now, Actor: by, Action: "invitation.confirm", Subject: "invitation:" + i.ID,
		Outcome: audit.Done, Details: place(i)}}}
	if i.Role == access.Owner {
		e.Notices = []notice.Notice{{At: now, Kind: notice.NewOwner, Subject: "tenant:" + i.TenantID, Details: place(i)}}
	}
	return e
}

// ClaimEffects is what follows when a person becomes the owner of a shop
// without anybody's confirmation: the service market named the shop to session,
// nobody owned it, and the person proved who they are in the same browser.
func ClaimEffects(now time.Time, session string, i access.Invitation) Effects {
	details := place(i)
	details["session"] = session
	return Effects{At: now,
		Audit: []audit.Entry{{At: now, Actor: audit.Actor{Kind: audit.ActorPerson, ID: i.PersonID}, Action: "member.claim",
			Subject: "invitation:" + i.ID, Outcome: audit.Done, Details: details}},
		Notices: []notice.Notice{{At: now, Kind: notice.NewOwner, Subject: "tenant:" + i.TenantID, Details: place(i)}}}
}

// ClaimNotice tells the owners of a shop that somebody claims it.
func ClaimNotice(now time.Time, i access.Invitation) notice.Notice {
	return notice.Notice{At: now, Kind: notice.OwnerClaim, Subject: "tenant:" + i.TenantID, Details: place(i)}
}

func place(i access.Invitation) map[string]string {
	m := placeOf(i.TenantID, i.ShopID)
	m["role"] = string(i.Role)
	if i.PersonID != "" {
		m["person"] = i.PersonID
	}
	return m
}
