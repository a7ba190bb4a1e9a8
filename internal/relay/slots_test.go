package relay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// dueOf makes n subscriptions of a client that are due.
func dueOf(client string, n int) (due []grant.DueSubscription) {
	for i := range n {
		due = append(due, grant.DueSubscription{Subscription: grant.Subscription{ID: fmt.Sprintf("sub_%s_%02d", client, i), Client: client}})
	}
	return due
}

func (s *slots) count(client string) (n int) {
	for _, c := range s.busy {
		if c == client {
			n++
		}
	}
	return n
}

// TestSlotsAreShared: whoever has most subscriptions gets no more of the slots than
// anybody else, and nobody more than their share.
func TestSlotsAreShared(t *testing.T) {
	s := newSlots()
	var due []grant.DueSubscription
	for i := range 3 {
		due = append(due, dueOf(fmt.Sprint("a", i), 20)...)
	}
	for i := range 10 {
		due = append(due, dueOf(fmt.Sprint("z", i), 1)...) // the last in the order of ids
	}
	if n := len(s.take(due)); n != 3*drainsEach+10 {
		t.Errorf("%d slots are taken", n)
	}
	for i := range 10 {
		if s.count(fmt.Sprint("z", i)) != 1 {
			t.Errorf("client z%d got nothing", i)
		}
	}
	if n := s.count("a0"); n != drainsEach {
		t.Errorf("a client has %d slots", n)
	}
	if again := s.take(due); len(again) != 0 {
		t.Errorf("%v got a slot twice", again)
	}
}

// TestSlotsGoRound: with more subscriptions than slots everybody has a turn before
// anybody has two, whatever the order of ids.
func TestSlotsGoRound(t *testing.T) {
	s := newSlots()
	var due []grant.DueSubscription
	for i := range 8 {
		due = append(due, dueOf(fmt.Sprint("c", i), 20)...)
	}
	turns := map[string]int{}
	for range 10 {
		for _, id := range s.take(due) {
			turns[id]++
		}
		for id := range s.busy {
			if !s.wanted(id) {
				t.Fatalf("%s would keep its slot", id)
			}
		}
		for _, id := range slices.Collect(maps.Keys(s.busy)) {
			s.give(id)
		}
	}
	least, most := 100, 0
	for _, d := range due {
		least, most = min(least, turns[d.Subscription.ID]), max(most, turns[d.Subscription.ID])
	}
	if least < 3 || most > 5 { // 10 rounds of 64 for 160
		t.Errorf("from %d to %d turns", least, most)
	}
}

// TestSlotsAreKeptWhenNobodyWaits, and nothing is remembered of who has nothing to send.
func TestSlotsAreKeptWhenNobodyWaits(t *testing.T) {
	s := newSlots()
	for _, id := range s.take(dueOf("erp", 2)) {
		if s.wanted(id) {
			t.Errorf("%s gives its slot back to nobody", id)
		}
		s.give(id)
	}
	s.take(nil)
	if len(s.last) != 0 {
		t.Errorf("remembered: %v", s.last)
	}
	due := dueOf("many", drainsEach+1)
	for _, id := range s.take(append(due, dueOf("few", 1)...)) {
		if want := strings.HasPrefix(id, "sub_many"); s.wanted(id) != want {
			t.Errorf("%s wanted: %v", id, !want)
		}
	}
}
