package wechatsim_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// day runs a day of events to its end and returns what arrived.
func day(t *testing.T, d wechatsim.PushDay) []message {
	t.Helper()
	g := newPushRig(t)
	n, err := g.PushDay(d)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.PendingPushes(); got != n {
		t.Errorf("%d wait, want %d", got, n)
	}
	var out []message
	for range 25 {
		out = append(out, g.deliver()...)
		g.Advance(time.Hour)
	}
	if len(out) != n {
		t.Errorf("%d arrived of %d", len(out), n)
	}
	return out
}

func TestDayIsTheSameForTheSameSeed(t *testing.T) {
	a, b, c := day(t, wechatsim.PushDay{Seed: 7, Events: 300}), day(t, wechatsim.PushDay{Seed: 7, Events: 300}), day(t, wechatsim.PushDay{Seed: 8, Events: 300})
	texts := func(ms []message) (out []string) {
		for _, m := range ms {
			out = append(out, m.text)
		}
		return out
	}
	if diff := cmp.Diff(texts(a), texts(b)); diff != "" {
		t.Errorf("the same seed gives (-one +other):\n%s", diff)
	}
	if slices.Equal(texts(a), texts(c)) {
		t.Error("another seed gives the same day")
	}
}

// TestDayFollowsTheDocuments looks at names, order in time, ids, and the
// stages of orders.
func TestDayFollowsTheDocuments(t *testing.T) {
	got := day(t, wechatsim.PushDay{Seed: 1, Events: 2000, Shops: []string{shopID}})
	kinds := map[string]bool{}
	stages := []string{"channels_ec_order_new", "channels_ec_order_pay", "channels_ec_order_wait_shipping",
		"channels_ec_order_deliver", "channels_ec_order_confirm", "channels_ec_order_settle"}
	at := map[string]int{}
	last := ""
	for _, m := range got {
		kinds[m.name()] = true
		if m.fields["CreateTime"] < last {
			t.Errorf("%s goes back in time", m.name())
		}
		last = m.fields["CreateTime"]
		stage := slices.Index(stages, m.name())
		if stage < 0 {
			continue
		}
		id := m.fields["order_info.order_id"]
		if len(id) != 19 || at[id] != stage {
			t.Errorf("order %s: %s after %d stages", id, m.name(), at[id])
		}
		at[id]++
		// The documents show a number in these two, a string in the others.
		quoted := strings.Contains(m.text, `"order_id":"`)
		if number := m.name() == stages[0] || m.name() == stages[3]; number == quoted {
			t.Errorf("%s writes its id as %s", m.name(), m.text)
		}
	}
	if len(kinds) < 30 {
		t.Errorf("%d kinds of event, want at least 30", len(kinds))
	}
	for _, m := range got {
		if !json.Valid([]byte(m.text)) {
			t.Errorf("not JSON: %s", m.text)
		}
	}
}

func TestDayIsChecked(t *testing.T) {
	g := newPushRig(t)
	for _, d := range []wechatsim.PushDay{{Events: -1}, {Events: 1_000_001}, {Over: -1}, {Shops: []string{}}, {Shops: []string{"wx00000000000000ff"}}} {
		if _, err := g.PushDay(d); err == nil {
			t.Errorf("%+v is accepted", d)
		}
	}
}

// TestDayShuffledAndDoubled: everything of the day arrives twice, and hardly
// anything where it was.
func TestDayShuffledAndDoubled(t *testing.T) {
	want := day(t, wechatsim.PushDay{Seed: 5, Events: 200})
	g := newPushRig(t)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushReorder, Events: 50, Times: 1, Count: -1})
	if _, err := g.PushDay(wechatsim.PushDay{Seed: 5, Events: 200}); err != nil {
		t.Fatal(err)
	}
	g.Advance(24 * time.Hour)
	got := g.deliver()
	times, moved := map[string]int{}, 0
	for i, m := range got {
		times[m.text]++
		if i%2 == 0 && m.text != want[i/2].text {
			moved++
		}
	}
	for _, m := range want {
		if times[m.text] != 2 {
			t.Errorf("%d times: %s", times[m.text], m.text)
		}
	}
	if len(got) != 400 || moved < 190 {
		t.Errorf("%d arrived, %d of them elsewhere", len(got), moved)
	}
}
