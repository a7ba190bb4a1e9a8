package review

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// ages are the reasons that say that a key or secret is older than it should become, by
// the section of the report that it stands in.
var ages = []struct{ section, code string }{
	{"staff", StaffKeyOld},
	{"clients", ClientKeyOld},
	{"secrets", SecretOld},
	{"keys", KeyOld},
}

// mostNamed is how many keys a notice names.
const mostNamed = 10

// LookAtKeys has a human told, once for each sort of key, that some are older than they
// should become, and once that none is any more. Run does it.
func (r *Reviews) LookAtKeys(ctx context.Context) error {
	report, err := r.Report(ctx, Scope{})
	if err != nil {
		return err
	}
	for _, age := range ages {
		if err := r.tellOld(ctx, report.At, age.section, report.marked(age.section, age.code)); err != nil {
			return err
		}
	}
	return nil
}

// marked gives the ids of the lines of a section that stand out for a reason.
func (r Report) marked(section, code string) (ids []string) {
	for _, s := range r.Sections {
		if s.Name != section {
			continue
		}
		for _, l := range s.Lines {
			if slices.ContainsFunc(l.Why, func(w Reason) bool { return w.Code == code }) {
				ids = append(ids, l.ID)
			}
		}
	}
	return ids
}

func (r *Reviews) tellOld(ctx context.Context, at time.Time, section string, old []string) error {
	n := notice.Notice{At: at, Kind: notice.KeyOld, Subject: "keys:" + section, Details: map[string]string{
		"keys": strings.Join(old[:min(len(old), mostNamed)], " "), "count": strconv.Itoa(len(old)),
	}}
	entry := audit.Entry{At: at, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(n.Kind), Subject: n.Subject, Outcome: audit.Done, Details: n.Details}
	if len(old) == 0 {
		n = notice.OverOf(n, at)
		entry.Action, entry.Details = string(n.Kind), n.Details
	}
	_, err := r.o.Store.SetCondition(ctx, string(notice.KeyOld)+":"+section, len(old) > 0, n, entry)
	return err
}
