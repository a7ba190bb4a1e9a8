package grant

import (
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// SilenceEntry is the audit entry of a silence that is made or ended.
func SilenceEntry(action string, now time.Time, by audit.Actor, s notice.Silence) audit.Entry {
	d := map[string]string{}
	for name, value := range map[string]string{"kind": string(s.Kind), "about": s.Subject, "shop": s.Shop, "until": s.Until.UTC().Format(time.RFC3339)} {
		if value != "" {
			d[name] = value
		}
	}
	return audit.Entry{At: now, Actor: by, Action: action, Subject: "silence:" + s.ID, Outcome: audit.Done, Details: d}
}

// AlertEndEntry is the audit entry of an alert that a person ended, in their words.
func AlertEndEntry(now time.Time, by audit.Actor, a notice.Alert, reason string) audit.Entry {
	d := map[string]string{"kind": string(a.Kind), "since": a.Opened.UTC().Format(time.RFC3339), "reason": reason}
	for _, what := range []string{"place", "held", "entries"} { // what an audit log's place never got
		if v := a.Details[what]; a.Kind == notice.CheckpointUnsent && v != "" {
			d[what] = v
		}
	}
	return audit.Entry{At: now, Actor: by, Action: "alert.end", Subject: "alert:" + strconv.FormatInt(a.ID, 10), Outcome: audit.Done, Details: d}
}
