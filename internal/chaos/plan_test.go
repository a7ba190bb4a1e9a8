package chaos

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func scenes(t *rapid.T) Scene {
	s := Scene{
		Replicas: rapid.IntRange(1, 6).Draw(t, "replicas"), Shops: rapid.IntRange(1, 100).Draw(t, "shops"),
		For: time.Duration(rapid.IntRange(1, 120).Draw(t, "seconds")) * time.Second, Lease: DefaultTimes.Lease,
		Shared: rapid.Bool().Draw(t, "shared"), Failover: rapid.Bool().Draw(t, "failover"),
	}
	s.Skew = s.Shared && rapid.Bool().Draw(t, "skew")
	return s
}

// TestPlan: one seed gives one plan; whatever the scene, a plan breaks only what
// is there, within its time, and no process twice at once.
func TestPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, scene := rapid.Uint64().Draw(t, "seed"), scenes(t)
		p := NewPlan(seed, scene)
		if diff := cmp.Diff(p, NewPlan(seed, scene)); diff != "" {
			t.Fatalf("the second plan differs: %s", diff)
		}
		var last time.Duration
		busy := make([]time.Duration, scene.Replicas)
		for _, f := range p.Faults {
			checkFault(t, scene, f)
			if f.At < last {
				t.Fatalf("%v comes after %v", f, last)
			}
			last = f.At
			if f.Kind == Kill || f.Kind == Pause {
				if f.At < busy[f.Replica] {
					t.Fatalf("%v: the process is still broken", f)
				}
				busy[f.Replica] = f.At + f.For
			}
		}
		for _, o := range p.Offsets {
			if o.Abs() > furthest || o != 0 && !scene.Skew {
				t.Fatalf("a clock is off by %v", o)
			}
		}
	})
}

func checkFault(t *rapid.T, s Scene, f Fault) {
	one := map[Kind]bool{Kill: true, Pause: true, Jump: true, CutStore: true, CutWeChat: true}
	switch {
	case f.At < 0 || f.At+f.For > s.For:
		t.Fatalf("%v does not lie in %v", f, s.For)
	case one[f.Kind] != (f.Replica >= 0) || f.Replica >= s.Replicas:
		t.Fatalf("%v hits replica %d of %d", f, f.Replica, s.Replicas)
	case !s.Shared && (f.Kind == CutStore || f.Kind == StoreGone), !s.Skew && f.Kind == Jump, !s.Failover && f.Kind == Failover:
		t.Fatalf("%v: there is nothing to break", f)
	case f.Shop < 0 || f.Shop >= s.Shops:
		t.Fatalf("%v: there are %d shops", f, s.Shops)
	}
}

// TestPlansDiffer: seeds matter, and over a few of them every kind is drawn.
func TestPlansDiffer(t *testing.T) {
	scene := Scene{Replicas: 3, Shops: 50, For: time.Minute, Lease: DefaultTimes.Lease, Shared: true, Skew: true, Failover: true}
	seen, texts := map[Kind]bool{}, map[string]bool{}
	for seed := range uint64(10) {
		p := NewPlan(seed, scene)
		var text strings.Builder
		for _, f := range p.Faults {
			seen[f.Kind] = true
			text.WriteString(f.String() + "\n")
		}
		texts[text.String()] = true
	}
	if len(texts) != 10 {
		t.Errorf("ten seeds gave %d plans", len(texts))
	}
	for _, k := range []Kind{Kill, Pause, Jump, CutStore, CutWeChat, StoreGone, WeChatGone, Answer, Death, Failover} {
		if !seen[k] {
			t.Errorf("no plan has a fault of kind %s", k)
		}
	}
}

// TestPrintPlan: what --plan shows.
func TestPrintPlan(t *testing.T) {
	var out bytes.Buffer
	Settings{Seed: 7}.PrintPlan(&out)
	for _, want := range []string{"seed 7\n", "replica 2: its clock is off by ", "death       shop ", "kill        replica "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the plan does not show %q:\n%s", want, &out)
		}
	}
}
