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

func place(i access.Invitation) map[string]string {
	m := map[string]string{"tenant": i.TenantID, "role": string(i.Role)}
	if i.ShopID != "" {
		m["shop"] = i.ShopID
	}
	if i.PersonID != "" {
		m["person"] = i.PersonID
	}
	return m
}
