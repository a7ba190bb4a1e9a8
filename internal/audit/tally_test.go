package audit

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func refusal(id string) Entry {
	return Entry{At: epoch, Actor: Actor{ActorStranger, id}, Action: "login.refuse", Outcome: Refused, Reason: "bad_state"}
}

func TestTallyOneEntryForEachMinute(t *testing.T) {
	tally := NewTally(Strangers)
	now := epoch
	if e, ok := tally.Add(now, "k", refusal("a")); !ok || e.Count != 0 {
		t.Fatalf("the first one is not written at once: %+v, %v", e, ok)
	}
	for range 9 {
		now = now.Add(time.Second)
		if _, ok := tally.Add(now, "k", refusal("a")); ok {
			t.Fatal("a second entry in one minute")
		}
	}
	if got := tally.Flush(now); len(got) != 0 {
		t.Fatalf("flushed before the minute was over: %+v", got)
	}
	now = epoch.Add(time.Minute)
	want := refusal("a")
	want.Count = 9
	if diff := cmp.Diff([]Entry{want}, tally.Flush(now)); diff != "" {
		t.Fatalf("flushed (-want +got):\n%s", diff)
	}
	// It goes on: counted for the next minute, not written at once.
	if _, ok := tally.Add(now, "k", refusal("a")); ok {
		t.Fatal("a second entry right after the counted one")
	}
	now = now.Add(time.Minute)
	if got := tally.Flush(now); len(got) != 1 || got[0].Count != 1 {
		t.Fatalf("second minute: %+v", got)
	}
	// It stops, and is forgotten: the next one is written at once.
	now = now.Add(time.Minute)
	if got := tally.Flush(now); len(got) != 0 {
		t.Fatalf("a silent minute: %+v", got)
	}
	if _, ok := tally.Add(now, "k", refusal("a")); !ok {
		t.Fatal("after silence, the first one is not written")
	}
}

func TestTallyBurst(t *testing.T) {
	tally := NewTally(Limits{Window: time.Minute, Burst: 3, Keys: 10})
	written := 0
	for range 10 {
		if _, ok := tally.Add(epoch, "erp", refusal("erp")); ok {
			written++
		}
	}
	if got := tally.Drain(epoch); written != 3 || len(got) != 1 || got[0].Count != 7 {
		t.Errorf("%d written, %+v counted", written, got)
	}
}

// Without Flush in between, a window that is over begins anew by itself.
func TestTallyWindowEndsByItself(t *testing.T) {
	tally := NewTally(Strangers)
	for i := range 5 {
		if _, ok := tally.Add(epoch.Add(time.Duration(i)*time.Minute), "k", refusal("a")); !ok {
			t.Errorf("minute %d: not written", i)
		}
	}
}

func TestTallyClockSetBack(t *testing.T) {
	tally := NewTally(Strangers)
	tally.Add(epoch.Add(time.Hour), "k", refusal("a"))
	tally.Add(epoch.Add(time.Hour), "k", refusal("a"))
	if got := tally.Flush(epoch); len(got) != 1 || got[0].Count != 1 {
		t.Errorf("counted entries wait for a clock that was set back: %+v", got)
	}
}

func TestTallyMemoryIsBounded(t *testing.T) {
	tally := NewTally(Limits{Window: time.Minute, Burst: 1, Keys: 3})
	written := 0
	for i := range 1000 {
		if _, ok := tally.Add(epoch, fmt.Sprint(i), refusal(fmt.Sprint(i))); ok {
			written++
		}
	}
	if len(tally.cells) != 4 || written != 4 {
		t.Errorf("%d keys remembered, %d written; want three and the one for others", len(tally.cells), written)
	}
	want := Entry{At: epoch, Actor: Actor{ActorStranger, "other"}, Action: "login.refuse", Outcome: Refused,
		Reason: "too_many_sources", Count: 996}
	if diff := cmp.Diff([]Entry{want}, tally.Drain(epoch)); diff != "" {
		t.Errorf("others (-want +got):\n%s", diff)
	}
}

// TestTallyLosesNothing: whatever comes, in whatever order, counts add up, and
// no key gets more than a burst and one entry for each flush.
func TestTallyLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := Limits{Window: time.Minute, Burst: rapid.IntRange(1, 3).Draw(rt, "burst"), Keys: rapid.IntRange(1, 4).Draw(rt, "keys")}
		tally := NewTally(l)
		now, added, told := epoch, int64(0), int64(0)
		count := func(entries ...Entry) {
			for _, e := range entries {
				told += max(e.Count, 1)
			}
		}
		for range rapid.IntRange(0, 60).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(-10, 50).Draw(rt, "seconds")) * time.Second)
			if rapid.IntRange(0, 5).Draw(rt, "step") == 0 {
				count(tally.Flush(now)...)
				continue
			}
			added++
			if e, ok := tally.Add(now, rapid.StringN(1, 1, 1).Draw(rt, "key"), refusal("a")); ok {
				count(e)
			}
			if len(tally.cells) > l.Keys+1 {
				rt.Fatalf("%d keys remembered, limit %d", len(tally.cells), l.Keys)
			}
		}
		count(tally.Drain(now)...)
		if added != told {
			rt.Fatalf("%d added, %d told", added, told)
		}
	})
}

func TestTallyConcurrent(t *testing.T) {
	tally := NewTally(Callers)
	var wg sync.WaitGroup
	var mu sync.Mutex
	told := int64(0)
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				e, ok := tally.Add(epoch, fmt.Sprint(g%3), refusal("a"))
				flushed := tally.Flush(epoch.Add(time.Duration(i) * time.Minute))
				mu.Lock()
				if ok {
					told += max(e.Count, 1)
				}
				for _, f := range flushed {
					told += f.Count
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, e := range tally.Drain(epoch) {
		told += e.Count
	}
	if told != 1600 {
		t.Errorf("%d of 1600 told", told)
	}
}

func TestAddressKey(t *testing.T) {
	salt := []byte("salt")
	key := func(s string) string { return AddressKey(netip.MustParseAddr(s), salt) }
	same := [][2]string{
		{"192.0.2.1", "192.0.2.254"},
		{"192.0.2.1", "::ffff:192.0.2.9"},
		{"2001:db8:1::1", "2001:db8:1:ffff::2"},
		{"fe80::1%eth0", "fe80::2%eth1"},
	}
	for _, s := range same {
		if key(s[0]) != key(s[1]) {
			t.Errorf("%s and %s have different keys", s[0], s[1])
		}
	}
	different := [][2]string{
		{"192.0.2.1", "192.0.3.1"},
		{"2001:db8:1::1", "2001:db8:2::1"},
		{"0.0.0.0", "::"},
	}
	for _, d := range different {
		if key(d[0]) == key(d[1]) {
			t.Errorf("%s and %s have one key", d[0], d[1])
		}
	}
	if key("192.0.2.1") == AddressKey(netip.MustParseAddr("192.0.2.1"), []byte("other")) {
		t.Error("the salt does nothing")
	}
	if got := AddressKey(netip.Addr{}, salt); got != "unknown" {
		t.Errorf("invalid address: %q", got)
	}
	if got := key("192.0.2.1"); len(got) != 16 {
		t.Errorf("key %q is not 16 digits", got)
	}
}
