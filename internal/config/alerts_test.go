package config

import (
	"strings"
	"testing"
	"time"
)

func TestQuietHours(t *testing.T) {
	c, err := Load(Source{Data: []byte("alerts: {quiet_hours: {from: '22:00', to: '07:30'}, rules: [{kind: quota.low, severity: info}]}")})
	if err != nil {
		t.Fatal(err)
	}
	from, to, zone, ok := c.Alerts.QuietHours.Hours()
	if !ok || from != 22*time.Hour || to != 7*time.Hour+30*time.Minute || zone.String() != DefaultZone {
		t.Errorf("from %v to %v in %v, %v", from, to, zone, ok)
	}
	if _, _, _, ok := (QuietHours{}).Hours(); ok {
		t.Error("there are quiet hours that nobody asked for")
	}
	if c.Alerts.Rules[0].Severity != "info" {
		t.Errorf("rules %+v", c.Alerts.Rules)
	}
}

// TestNoQuietHoursAtAll: hours that end when they begin are none, however they are
// written, and nobody would notice.
func TestNoQuietHoursAtAll(t *testing.T) {
	for _, to := range []string{"09:00", "9:00"} {
		_, err := Load(Source{Data: []byte("alerts: {quiet_hours: {from: '09:00', to: '" + to + "'}}")})
		if err == nil || !strings.Contains(err.Error(), "alerts.quiet_hours.to") {
			t.Errorf("from 09:00 to %s: %v", to, err)
		}
	}
}
