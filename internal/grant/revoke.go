package grant

import (
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// KillEffects is what RevokeEffects is for one shop's grant, and has its tokens
// ended at WeChat too. WeChat has no way to do that for a person's.
func KillEffects(now time.Time, by audit.Actor, cause string, g Grant) Effects {
	e := RevokeEffects(now, by, cause, g)
	e.Revoke[0].Kill = true
	e.Audit[0].Details["kill"] = "true"
	return e
}

// RevokeEffects is what follows when somebody ends grants: each is revoked and
// told, and the logins that rest on a person's grant end with it.
func RevokeEffects(now time.Time, by audit.Actor, cause string, grants ...Grant) Effects {
	e := Effects{At: now}
	persons := map[string]bool{}
	for _, g := range grants {
		subject := "grant:" + g.ID
		e.Revoke = append(e.Revoke, Revocation{GrantID: g.ID, Cause: cause})
		e.Notices = append(e.Notices, notice.Notice{At: now, Kind: notice.GrantRevoked, Subject: subject,
			Details: map[string]string{"cause": cause, "kind": string(g.Kind), "shop": g.ShopID}})
		e.Audit = append(e.Audit, audit.Entry{At: now, Actor: by, Action: "grant.revoke", Subject: subject, Outcome: audit.Done,
			Reason: cause, Details: map[string]string{"kind": string(g.Kind), "shop": g.ShopID}})
		if g.PersonID != "" && !persons[g.PersonID] {
			persons[g.PersonID] = true
			e.EndSessions = append(e.EndSessions, access.SessionFilter{PersonID: g.PersonID, Why: "grant revoked"})
		}
	}
	return e
}
