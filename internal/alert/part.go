package alert

import "github.com/zhanggui/zhanggui/internal/notice"

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
