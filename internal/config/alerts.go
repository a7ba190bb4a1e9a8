package config

import (
	"reflect"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// Alerts says what is told, how loud and when.
type Alerts struct {
	Rules      []AlertRule `yaml:"rules" envPrefix:"-"` // in the file only
	QuietHours QuietHours  `yaml:"quiet_hours" envPrefix:"QUIET_HOURS_"`
	Runbooks   URL         `yaml:"runbooks" env:"RUNBOOKS" doc:"Address that runbooks stand under: a message of the kind grant.stopped names grant.stopped.md there. Empty: messages name none."`
}

// AlertRule changes the rule of one kind of notice. What it leaves out stays as it
// is.
type AlertRule struct {
	Kind      string        `yaml:"kind" doc:"Kind of notice that the rule is of, such as quota.low; see docs/operate/alerts.md. A kind has one rule."`
	Off       bool          `yaml:"off" doc:"Nobody is told, and no alert is kept."`
	Severity  string        `yaml:"severity" doc:"info, warning or critical. Empty: as without the rule."`
	Threshold float64       `yaml:"threshold" doc:"From which share of failures on (0.25 is a quarter; of disk.low: which share is free), or, of callback.refused, from how many on it is told. 0: as without the rule."`
	Window    time.Duration `yaml:"window" doc:"Over how long the threshold is measured, from 10s to 1h. 0: as without the rule."`
	After     time.Duration `yaml:"after" doc:"How long it lasts before it is told, at most 24h. 0: as without the rule."`
}

// QuietHours are the hours in which only what is critical is told.
type QuietHours struct {
	From string `yaml:"from" env:"FROM" doc:"Begin of the hours in which only what is critical is told, such as 22:00; the rest is told at their end. Empty: there are none."`
	To   string `yaml:"to" env:"TO" doc:"End of these hours, such as 07:30."`
	Zone string `yaml:"zone" env:"ZONE" doc:"Time zone of these hours, such as Asia/Shanghai. Empty: Asia/Shanghai."`
}

// DefaultZone is where quiet hours are counted that name no time zone.
const DefaultZone = "Asia/Shanghai"

// clockForm is how the hours of a day are written.
const clockForm = "15:04"

// Hours gives quiet hours as times since midnight; ok is false when there are
// none.
func (q QuietHours) Hours() (from, to time.Duration, zone *time.Location, ok bool) {
	if q.From == "" && q.To == "" {
		return 0, 0, nil, false
	}
	a, errA := time.Parse(clockForm, q.From)
	b, errB := time.Parse(clockForm, q.To)
	name := q.Zone
	if name == "" {
		name = DefaultZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil && name == DefaultZone {
		zone, err = time.FixedZone(name, 8*60*60), nil // where no zones are installed; it never changes its clocks
	}
	return sinceMidnight(a), sinceMidnight(b), zone, errA == nil && errB == nil && err == nil
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

func (c *Config) checkAlerts(r *report) {
	seen := map[string]bool{}
	for i, rule := range c.Alerts.Rules {
		at := item("alerts.rules", i)
		kind := notice.Kind(rule.Kind)
		if !r.want(slices.Contains(notice.Kinds(), kind), at+".kind", "is not a kind of notice", kindHint(rule.Kind)) {
			continue
		}
		r.want(!seen[rule.Kind], at+".kind", "is there twice", "keep one rule for each kind")
		seen[rule.Kind] = true
		severity := notice.Severity(rule.Severity)
		r.want(severity == "" || slices.Contains(notice.Severities(), severity), at+".severity", "is not a severity", "write info, warning or critical")
		rule.checkMeasure(r, at, kind)
	}
	c.Alerts.QuietHours.check(r)
}

// kindHint names the kind that was meant, if there is one that is near.
func kindHint(written string) string {
	fields := map[string]reflect.StructField{}
	for _, k := range notice.Kinds() {
		fields[string(k)] = reflect.StructField{}
	}
	if near := nearest(written, fields); near != "" {
		return "did you mean " + near + "?"
	}
	return "take one from docs/operate/alerts.md, such as quota.low"
}

func (a AlertRule) checkMeasure(r *report, at string, kind notice.Kind) {
	switch measure := notice.MeasureOf(kind); measure {
	case notice.Share:
		r.want(a.Threshold >= 0 && a.Threshold <= 1, at+".threshold", "is not a share", "write it between 0 and 1, such as 0.25 for a quarter")
	case notice.Number:
		r.want(a.Threshold >= 0 && a.Threshold <= 1e6, at+".threshold", "is not a number of times", "write it between 1 and 1000000")
	default:
		r.want(a.Threshold == 0 && a.Window == 0, at+".threshold", "is there for a kind that nothing is measured of", "leave threshold and window out")
	}
	r.want(a.Window == 0 || a.Window >= 10*time.Second && a.Window <= time.Hour, at+".window", "is out of bounds", "write a time from 10s to 1h")
	r.want(a.After == 0 || notice.Watched(kind), at+".after", "is there for a kind that is told at once", "leave it out")
	r.want(a.After >= 0 && a.After <= 24*time.Hour, at+".after", "is out of bounds", "write a time of at most 24h")
}

func (q QuietHours) check(r *report) {
	const s = "alerts.quiet_hours"
	for name, text := range map[string]string{".from": q.From, ".to": q.To} {
		_, err := time.Parse(clockForm, text)
		r.want(err == nil || q.From == "" && q.To == "", s+name, "is not a time of day", "write it as 22:00")
	}
	from, errFrom := time.Parse(clockForm, q.From)
	to, errTo := time.Parse(clockForm, q.To)
	r.want(errFrom != nil || errTo != nil || !from.Equal(to), s+".to", "is the same as from", "write another end, or leave both out")
	if q.Zone != "" {
		_, err := time.LoadLocation(q.Zone)
		r.want(err == nil && q.Zone != "Local", s+".zone", "is not a time zone", "write it as Asia/Shanghai, or leave it out")
	}
}
