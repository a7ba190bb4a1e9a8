package alert

import (
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// What tenants hear of an alert of manyFacts or more is looked at every partsEvery, unless
// everybody is told of it: that counts all its facts in a transaction that others wait for,
// and while a storm passes each second changes something.
const (
	manyFacts  = 1000
	partsEvery = 5 * time.Second
)

// part plans what tenants hear of an alert that several may share. In quiet hours it
// is looked at again when they end.
func (w *work) part(e *entry) {
	rule := w.policy.Rules.Of(e.Kind)
	mute := e.State != notice.AlertOpen && e.phase == ""
	if e.dropped || mute || !e.Told() || e.Shop != "" || !e.made && !changed(e.before, e.Alert) {
		return
	}
	if e.phase == "" && w.earliest(rule).After(w.now) {
		e.Due = sooner(e.Due, w.quiet)
		return
	}
	if early := e.before.Due.IsZero() || e.before.Due.After(w.now); early && e.phase == "" && e.Count >= manyFacts && !rule.Event {
		e.Due = sooner(e.Due, w.now.Truncate(partsEvery).Add(partsEvery))
		return
	}
	shared := map[string]string{} // the first fact's others are of its own shop
	for _, name := range rule.Group {
		if v := e.Details[name]; v != "" {
			shared[name] = v
		}
	}
	w.plan.Parts = append(w.plan.Parts, notice.Part{Event: rule.Event, Message: notice.Message{
		Notice: notice.Notice{At: w.now, Kind: e.Kind, Details: shared}, Phase: e.phase, Severity: e.Severity,
		Alert: e.ID, About: e.Kind, Since: e.Opened, Runbook: w.policy.Runbook(e.Kind),
	}})
}
