package keeper

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// put1 puts a token of a shop into memory as if it had been read now.
func put1(k *Keeper, shop string, generation int64, wanted bool) {
	g := grant.Grant{ID: "g_" + shop, Kind: grant.Self, ShopID: shop}
	tok := Token{Value: secretOf("token-0"), Generation: generation, Expires: time.Now().Add(time.Hour), GrantID: g.ID}
	k.put(g, tok, wanted, k.epoch.Load())
}

// TestTableLikeMaps: whatever is put and dropped, the table finds what plain
// maps would hold. Few names and hashes that collide make the rare ways
// common.
func TestTableLikeMaps(t *testing.T) {
	long := strings.Repeat("x", 30)
	rapid.Check(t, func(t *rapid.T) {
		table, model := newTable(), map[string]*held{}
		names := []string{}
		for i := range rapid.IntRange(1, 300).Draw(t, "names") {
			names = append(names, fmt.Sprint(i), fmt.Sprint(long, i))
		}
		steps := rapid.SliceOfN(rapid.Custom(drawTableStep), 1, 600).Draw(t, "steps")
		for _, s := range steps {
			s.key, s.grant = names[int(s.pick)%len(names)], fmt.Sprint("g", s.pick%7, names[int(s.pick)%len(names)])
			s.apply(table, model)
		}
		for _, name := range names {
			if got, want := table.get(name), model[name]; got != want {
				t.Fatalf("under %q: %v, want %v", name, got, want)
			}
		}
		for _, h := range model {
			if table.ofGrant(h.grantID()) != h || h.has(gone) {
				t.Fatalf("%q is not found by its grant, or marked gone", h.key())
			}
		}
	})
}

// tableStep is one change of the table.
type tableStep struct {
	do         int
	pick       uint16
	generation int64
	key, grant string
}

func drawTableStep(t *rapid.T) tableStep {
	return tableStep{
		do: rapid.IntRange(0, 5).Draw(t, "do"), pick: rapid.Uint16().Draw(t, "pick"),
		generation: rapid.Int64Range(1, 4).Draw(t, "generation"),
	}
}

func (s tableStep) apply(table *table, model map[string]*held) {
	old := model[s.key]
	switch {
	case s.do == 0:
		table.dropKey(s.key)
		delete(model, s.key)
	case s.do == 1:
		table.drop(s.grant, s.generation)
		if old != nil && old.grantID() == s.grant && old.generation < s.generation {
			delete(model, s.key)
		}
	default:
		h := newHeld(s.key, Token{Generation: s.generation, GrantID: s.grant}, time.Hour, time.Hour, never)
		table.put(h, true, func() bool { return true })
		if old == nil || old.grantID() != s.grant || old.generation < s.generation {
			model[s.key] = h
		}
	}
}

// TestIndexCollisions: names with one hash, and hashes with one tag, are kept
// apart, also when some are removed and put again.
func TestIndexCollisions(t *testing.T) {
	ix := index{is: (*held).isKey}
	all := map[string]*held{}
	for i := range 40 {
		name := fmt.Sprint("shop-", i)
		all[name] = newHeld(name, Token{GrantID: "g"}, 0, 0, never)
		ix.put(uint64(i%2)<<40, name, all[name])
	}
	for round := range 3 {
		for i := range 40 {
			name, hash := fmt.Sprint("shop-", i), uint64(i%2)<<40
			if got := ix.get(hash, name); got != all[name] {
				t.Fatalf("round %d: %s leads to %v", round, name, got)
			}
			if i%3 == 0 {
				ix.remove(hash, all[name])
				if got := ix.get(hash, name); got != nil {
					t.Fatalf("round %d: %s is still there", round, name)
				}
				ix.put(hash, name, all[name])
			}
		}
	}
	if got := ix.get(0, "other"); got != nil {
		t.Errorf("a name that nobody put leads to %v", got)
	}
	if p := ix.part(0); p.live != 40 || p.filled != 40 {
		t.Errorf("%d tokens in %d slots, want 40 in 40", p.live, p.filled)
	}
}

// TestIndexGivesBack: an index from which nearly all was removed is small.
func TestIndexGivesBack(t *testing.T) {
	table := newTable()
	for i := range 10_000 {
		h := newHeld(fmt.Sprint(i), Token{Generation: 1, GrantID: fmt.Sprint("g", i)}, 0, 0, never)
		table.put(h, true, func() bool { return true })
	}
	full := slotsOf(table)
	for i := range 9_900 {
		table.dropKey(fmt.Sprint(i))
	}
	if left := slotsOf(table); left > full/10 {
		t.Errorf("%d slots for 100 tokens, %d for 10,000", left, full)
	}
}

func slotsOf(t *table) int {
	n := 0
	for i := range t.byKey.parts {
		if s := t.byKey.parts[i].slots.Load(); s != nil {
			n += len(*s)
		}
	}
	return n
}

// TestReadersBesideAWriter: what is in memory all the time is found at any
// moment, with its newest or next generation, while others come and go and
// the index grows and shrinks.
func TestReadersBesideAWriter(t *testing.T) {
	k := newEnv(t, func(o *Options) { o.Recheck = -1 }).Keeper
	const stay = 50
	for i := range stay {
		put1(k, fmt.Sprint("stay-", i), 1, true)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			seen := [stay]int64{}
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				h := k.shops.get(fmt.Sprint("stay-", i%stay))
				if h == nil || h.generation < seen[i%stay] {
					t.Errorf("stay-%d: %v after generation %d", i%stay, h, seen[i%stay])
					return
				}
				seen[i%stay] = h.generation
			}
		})
	}
	for generation := range int64(5) {
		for i := range 2000 {
			put1(k, fmt.Sprint("goes-", i), 1, true)
			put1(k, fmt.Sprint("stay-", i%stay), generation+2, true)
		}
		for i := range 2000 {
			k.Forget(fmt.Sprint("g_goes-", i))
		}
	}
	close(stop)
	readers.Wait()
}

// TestForgottenEverywhere: once Forget has returned, no way leads to the token
// any more: by shop, by a source that held it, from a read before it.
func TestForgottenEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		source := e.Source("lantian")
		if _, err := source.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		epoch, g := e.epoch.Load(), e.row()
		e.store.revoke(g.ID)
		e.Forget(g.ID)
		e.put(g, Token{Generation: 1, Expires: time.Now().Add(time.Hour), GrantID: g.ID}, true, epoch)
		if e.shops.get("lantian") != nil {
			t.Error("a token that was read before Forget came back")
		}
		for name, get := range map[string]func() (Token, error){
			"by shop":   func() (Token, error) { return e.Token(t.Context(), "lantian") },
			"by source": func() (Token, error) { return source.Token(t.Context()) },
		} {
			if _, err := get(); !errors.Is(err, ErrRevoked) {
				t.Errorf("%s: got %v, want ErrRevoked", name, err)
			}
		}
	})
}

// TestForgetRaces: a token that is taken after Forget returned was put by a
// read that began after it.
func TestForgetRaces(t *testing.T) {
	k := newEnv(t, func(o *Options) { o.Recheck = -1 }).Keeper
	g := grant.Grant{ID: "g_a", Kind: grant.Self, ShopID: "a"}
	var mu sync.Mutex
	generation := int64(1) // what the store would answer
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				epoch := k.epoch.Load()
				mu.Lock()
				read := generation
				mu.Unlock()
				k.put(g, Token{Generation: read, Expires: time.Now().Add(time.Hour), GrantID: g.ID}, true, epoch)
			}
		})
	}
	for range 3000 {
		mu.Lock()
		generation++
		now := generation
		mu.Unlock()
		k.Forget(g.ID)
		if h := k.shops.get("a"); h != nil && h.generation < now {
			t.Fatalf("generation %d after %d was forgotten", h.generation, now-1)
		}
	}
	close(stop)
	writers.Wait()
}

func TestChanged(t *testing.T) {
	for name, tt := range map[string]struct {
		changed int64
		want    int64 // generation in memory afterwards; 0 for none
	}{
		"an older one is told late": {changed: 2, want: 3},
		"our own settle":            {changed: 3, want: 3},
		"a newer one":               {changed: 4, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			k := newEnv(t).Keeper
			put1(k, "a", 3, true)
			put1(k, "b", 1, true)
			k.Changed("g_a", tt.changed)
			if got := generationIn(k, "a"); got != tt.want {
				t.Errorf("memory holds generation %d, want %d", got, tt.want)
			}
			if got := generationIn(k, "b"); got != 1 {
				t.Error("another grant was touched")
			}
		})
	}
	t.Run("a read from before it", func(t *testing.T) {
		k := newEnv(t).Keeper
		epoch := k.epoch.Load()
		k.Changed("g_a", 4)
		g := grant.Grant{ID: "g_a", Kind: grant.Self, ShopID: "a"}
		for _, tt := range []struct{ read, want int64 }{{3, 0}, {4, 4}, {3, 4}} {
			k.put(g, Token{Generation: tt.read, Expires: time.Now().Add(time.Hour), GrantID: g.ID}, true, epoch)
			if got := generationIn(k, "a"); got != tt.want {
				t.Errorf("generation %d was read; memory holds %d, want %d", tt.read, got, tt.want)
			}
		}
	})
}

func generationIn(k *Keeper, shop string) int64 {
	if h := k.shops.get(shop); h != nil {
		return h.generation
	}
	return 0
}

// TestJournalForgets: what was read before more changes than are remembered is
// not believed.
func TestJournalForgets(t *testing.T) {
	j := &journal{seed: maphash.MakeSeed()}
	since := j.Load()
	for range len(j.last) {
		j.add("g_other", 1)
	}
	if !j.holds(since, "g_a", 1) {
		t.Error("a read that all remembered changes leave alone is refused")
	}
	j.add("g_other", 1)
	if j.holds(since, "g_a", 1) {
		t.Error("a read is believed although a change after it is forgotten")
	}
	if !j.holds(j.Load(), "g_a", 1) {
		t.Error("a read after all changes is refused")
	}
}

// TestOtherReplicaRenewed: with a feed of changes the next use hands out the
// newer token, without a periodic look at the store.
func TestOtherReplicaRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *Options) { o.Recheck = -1 })
		first := e.must()
		time.Sleep(time.Hour)
		e.wechat.forgets()
		second, err := e.another("two").Report(t.Context(), Complaint{Shop: "lantian", Generation: first.Generation, ErrCode: 42001})
		if err != nil || second.Generation != first.Generation+1 {
			t.Fatalf("generation %d, %v", second.Generation, err)
		}
		if tok := e.must(); tok.Generation != first.Generation {
			t.Fatal("the store was looked at although the periodic look is off")
		}
		e.Changed("g_lantian", second.Generation)
		if tok := e.must(); tok.Generation != second.Generation {
			t.Errorf("generation %d was handed out, want %d", tok.Generation, second.Generation)
		}
	})
}

// TestUnusedLeaveMemory: the schedule keeps a token in memory while it is used
// and lets go of it when nobody took it since its last renewal.
func TestUnusedLeaveMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		stop := running(e.Keeper)
		defer stop()
		synctest.Wait()
		if got := generationIn(e.Keeper, "lantian"); got != 0 {
			t.Fatalf("generation %d was put into memory although nobody asked", got)
		}
		e.must()
		wants := []bool{true, false, false} // after so many renewals without a use
		for i, want := range wants {
			time.Sleep(2 * time.Hour)
			if got := generationIn(e.Keeper, "lantian"); (got != 0) != want {
				t.Errorf("%d renewals after the last use: generation %d in memory", i+1, got)
			}
		}
		if g := e.row(); g.Tokens.Generation != 4 {
			t.Errorf("generation %d is kept, want 4: renewed all the same", g.Tokens.Generation)
		}
		asked := e.wechat.asked()
		if tok := e.must(); tok.Generation != 4 || e.wechat.asked() != asked {
			t.Errorf("generation %d after %d more requests, want 4 from the store", tok.Generation, e.wechat.asked()-asked)
		}
	})
}

// TestSourceFollows: a source hands out what memory holds, over renewals.
func TestSourceFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		stop := running(e.Keeper)
		defer stop()
		source := e.Source("lantian")
		for range 300 {
			tok, err := source.Token(t.Context())
			if err != nil || !time.Now().Before(tok.Expires) {
				t.Fatalf("generation %d until %v, %v", tok.Generation, tok.Expires, err)
			}
			if same := e.must(); same.Generation != tok.Generation || !same.Expires.Equal(tok.Expires) {
				t.Fatalf("the source has generation %d, the shop %d", tok.Generation, same.Generation)
			}
			time.Sleep(3 * time.Minute)
		}
		if _, err := e.Source("nobody").Token(t.Context()); !errors.Is(err, ErrUnknownShop) {
			t.Errorf("an unknown shop: %v", err)
		}
	})
}

// TestSourceLooksAtTheStore: a source follows a revocation that nobody told.
func TestSourceLooksAtTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		source := e.Source("lantian")
		source.Token(t.Context())
		e.store.revoke("g_lantian")
		time.Sleep(17 * time.Second)
		source.Token(t.Context())
		synctest.Wait()
		if _, err := source.Token(t.Context()); !errors.Is(err, ErrRevoked) {
			t.Errorf("after the recheck: %v", err)
		}
	})
}

// TestUsedFromMemoryStaysAwake: uses that memory answers keep a grant from
// falling asleep, also when nothing else leads a caller to the store.
func TestUsedFromMemoryStaysAwake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, slow, func(o *Options) { o.Recheck, o.SleepAfter = -1, 24*time.Hour })
		stop := running(e.Keeper)
		defer stop()
		for range 5 * 24 * 2 {
			e.must()
			time.Sleep(30 * time.Minute)
		}
		if g := e.row(); time.Since(g.Used) > 15*time.Hour || g.Cause == grant.CauseAsleep {
			t.Errorf("the last use is %v old, cause %q", time.Since(g.Used), g.Cause)
		}
		time.Sleep(3 * 24 * time.Hour)
		if g := e.row(); g.Cause != grant.CauseAsleep {
			t.Errorf("unused for three days: cause %q", g.Cause)
		}
	})
}
