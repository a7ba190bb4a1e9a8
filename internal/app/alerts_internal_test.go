package app

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// TestRefreshesAreCountedByApp: one app's failures do not hide among another's good
// ones, the shops' own apps count as one, and metrics name no app.
func TestRefreshesAreCountedByApp(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	c := counting{newMeters(registry), alert.NewRates(alert.Defaults(), nil)}
	for range 10 {
		c.Asked(grant.User, "fuwuhao", "", time.Second)
		c.Asked(grant.User, "web", "busy", time.Second)
		c.Asked(grant.ISV, "platform", "busy", time.Second)
		c.Asked(grant.Component, "platform", "", time.Second)
		c.Asked(grant.Self, "shop-lantian", "", time.Second)
		c.Asked(grant.Self, "shop-qinghe", "busy", time.Second)
	}
	want := map[string][2]int64{"fuwuhao": {10, 0}, "web": {0, 10}, "platform": {10, 10}, "shop-*": {10, 10}}
	for _, r := range c.rates.Read() {
		if r.Kind != notice.RefreshFailing || want[r.Group] != [2]int64{r.Good, r.Bad} {
			t.Errorf("counted %+v", r)
		}
		delete(want, r.Group)
	}
	if len(want) != 0 {
		t.Errorf("not counted: %v", want)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				switch l.GetValue() {
				case "fuwuhao", "web", "platform", "shop-lantian":
					t.Errorf("%s has the label %s=%s", f.GetName(), l.GetName(), l.GetValue())
				}
			}
		}
	}
}
