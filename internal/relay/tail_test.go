package relay

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// What the tail dropped is free: an array that many small events made large must
// not hold large ones that came after.
func TestTheTailLetsGo(t *testing.T) {
	var tl tail
	tl.moved = make(chan struct{})
	tl.begin(0)
	id := int64(0)
	event := func(size int) grant.Event {
		id++
		return grant.Event{ID: id, Body: make([]byte, size)}
	}
	for range tailEvents {
		tl.add([]grant.Event{event(2)})
	}
	const large, many = 1 << 18, 8 * tailBytes >> 18
	var freed atomic.Int64
	for range many {
		e := event(large)
		runtime.AddCleanup(&e.Body[0], func(int) { freed.Add(1) }, 0)
		tl.add([]grant.Event{e})
	}
	held := func() int64 { return (many - freed.Load()) * large }
	for deadline := time.Now().Add(10 * time.Second); held() > 3*tailBytes && time.Now().Before(deadline); {
		runtime.GC() // cleanups run some time after it
		runtime.Gosched()
	}
	if n := held(); n > 3*tailBytes {
		t.Errorf("%d MiB of events are held, want at most %d", n>>20, 3*tailBytes>>20)
	}
	if events, ok := tl.after(id-3, 10); !ok || len(events) != 3 {
		t.Errorf("%d events, %v", len(events), ok)
	}
}

// A client that makes and removes subscriptions all day fills no memory, and one
// whose rights were forgotten between two batches is owed what it was.
func TestRightsAreBounded(t *testing.T) {
	r := &Relay{rights: map[string]known{}, failing: map[string]bool{}, o: Options{Logger: slog.New(slog.DiscardHandler)}}
	claim := func(id string, revision int64, shops ...string) grant.RelayClaim {
		return grant.RelayClaim{Revision: revision, Subscription: grant.Subscription{ID: id}, Client: access.Client{Shops: shops}}
	}
	r.learn(claim("sub_first", 7, "tea"), r.knows("sub_first"))
	before := r.knows("sub_first") // what the claim was asked with
	for i := range 5 * rightsHeld {
		id := fmt.Sprintf("sub_%d", i)
		r.learn(claim(id, 7, "rice"), r.knows(id))
		r.did(t.Context(), "send to subscription "+id, nil)
	}
	if n, m := len(r.rights), len(r.failing); n > rightsHeld || m > 0 {
		t.Errorf("the rights of %d and the failures of %d subscriptions are remembered", n, m)
	}
	if shops := r.learn(claim("sub_first", 7), before); !shops["tea"] {
		t.Error("a right got lost with what was forgotten")
	}
}
