package app

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// TestCensus: it counts when somebody looks, not too often, and shows what it had
// while the store is away.
func TestCensus(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Source{Flags: map[string]string{"data": t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	a, err := New(t.Context(), Options{Config: *c, Version: "test", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	x := &census{app: a, now: func() time.Time { return now }}
	look := func() (age, entries float64) {
		t.Helper()
		age, entries = math.NaN(), math.NaN()
		r := prometheus.NewRegistry()
		r.MustRegister(x)
		all, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		value := func(f *dto.MetricFamily) float64 { return f.GetMetric()[0].GetGauge().GetValue() }
		for _, f := range all {
			switch f.GetName() {
			case "zhanggui_census_age_seconds":
				age = value(f)
			case "zhanggui_audit_entries":
				entries = value(f)
			}
		}
		return age, entries
	}
	age, entries := look()
	if age != 0 || math.IsNaN(entries) {
		t.Fatalf("at first: %v entries, %v s old", entries, age)
	}
	if err := a.store.Append(t.Context(), audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "test", Outcome: audit.Done}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(10 * time.Second)
	if age, n := look(); age != 10 || n != entries {
		t.Errorf("too early: %v entries, %v s old", n, age)
	}
	now = now.Add(5 * time.Second)
	if age, n := look(); age != 0 || n != entries+1 {
		t.Errorf("in time: %v entries, %v s old", n, age)
	}
	now = now.Add(-time.Hour) // somebody set the clock
	if age, _ := look(); age != 0 {
		t.Errorf("after the clock went back: %v s old", age)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if age, n := look(); age != 60 || n != entries+1 {
		t.Errorf("without a store: %v entries, %v s old", n, age)
	}
}

func TestGrantMetricsAddUp(t *testing.T) {
	t.Parallel()
	got := map[string]float64{}
	for _, m := range grantMetrics([]sqlstore.GrantCount{
		{Kind: grant.User, State: grant.Active, Token: "1h", Grant: "3d", N: 2}, {Kind: grant.User, State: grant.Active, Token: "1h", Grant: "7d", N: 3},
		{Kind: grant.User, State: grant.Revoked, Token: "none", Grant: "none", N: 5},
	}) {
		var out dto.Metric
		if err := m.Write(&out); err != nil {
			t.Fatal(err)
		}
		got[out.GetLabel()[0].GetValue()+" "+out.GetLabel()[1].GetValue()] = out.GetGauge().GetValue()
	}
	for series, want := range map[string]float64{"user active": 5, "user revoked": 5, "user 1h": 5, "user 3d": 2, "user 7d": 3} {
		if got[series] != want {
			t.Errorf("%s: %v, want %v", series, got[series], want)
		}
	}
	if len(got) != 5 {
		t.Errorf("an end of what has ended is shown: %v", got)
	}
}
