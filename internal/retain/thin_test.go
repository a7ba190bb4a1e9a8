package retain

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// headsInMemory is a store of heads.
type headsInMemory struct {
	heads []audit.Checkpoint
	to    int64
	fails func() error // nil: never
}

func (m *headsInMemory) ThinnedTo(context.Context) (int64, error) { return m.to, nil }

func (m *headsInMemory) CheckpointBefore(_ context.Context, before time.Time, most int64) (c audit.Checkpoint, ok bool, err error) {
	for _, h := range m.heads {
		if !h.At.After(before) && h.Size <= most {
			c, ok = h, true
		}
	}
	return c, ok, nil
}

func (m *headsInMemory) CheckpointsAfter(_ context.Context, size int64, limit int) (page []audit.Checkpoint, err error) {
	for _, h := range m.heads {
		if h.Size > size && len(page) < limit {
			page = append(page, h)
		}
	}
	return page, nil
}

func (m *headsInMemory) ThinCheckpoints(_ context.Context, from, to int64, drop []audit.Checkpoint) error {
	if m.fails != nil && m.fails() != nil {
		return m.fails()
	}
	if from != m.to {
		return access.ErrStale
	}
	m.to = to
	m.heads = slices.DeleteFunc(m.heads, func(h audit.Checkpoint) bool {
		return slices.ContainsFunc(drop, func(d audit.Checkpoint) bool { return d.Size == h.Size })
	})
	return nil
}

func (m *headsInMemory) ThinWitnessed(context.Context, time.Time, int) (int, error) { return 0, nil }

func (m *headsInMemory) sizes() (all []int64) {
	for _, h := range m.heads {
		all = append(all, h.Size)
	}
	return all
}

// TestThinningKeepsItsPromises: however heads were signed, and in whatever steps they
// are thinned, the young ones stay, one of each day does, and no gap is longer than a
// stretch where there was a head within.
func TestThinningKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at, size := start, int64(0)
		var given []audit.Checkpoint
		for range rapid.IntRange(1, 60).Draw(t, "heads") {
			at = at.Add(time.Duration(rapid.IntRange(1, 30*3600).Draw(t, "seconds")) * time.Second)
			size += int64(rapid.IntRange(1, 15).Draw(t, "entries"))
			given = append(given, audit.Checkpoint{Size: size, At: at})
		}
		now := start
		m, once := &headsInMemory{heads: slices.Clone(given)}, &headsInMemory{heads: slices.Clone(given)}
		thin := func(m *headsInMemory, page int) {
			th := Thinner{Store: m, Now: func() time.Time { return now }, Page: page, Stretch: 20}
			if err := th.Thin(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "days")) * aDay)
			thin(m, rapid.IntRange(1, 9).Draw(t, "page"))
			promised(t, given, m.heads, now)
		}
		thin(once, 0)
		if !slices.Equal(m.sizes(), once.sizes()) {
			t.Fatalf("in steps %v stay, at once %v", m.sizes(), once.sizes())
		}
	})
}

func promised(t *rapid.T, given, kept []audit.Checkpoint, now time.Time) {
	stays := map[int64]bool{}
	for _, h := range kept {
		stays[h.Size] = true
	}
	last := int64(0)
	for i, h := range given {
		newest := i+1 == len(given)
		if !stays[h.Size] && (newest || now.Sub(h.At) <= KeepHeads || !sameDay(h.At, given[i+1].At)) {
			t.Fatalf("the head of %d entries, signed %v, is gone at %v", h.Size, h.At, now)
		}
		if !stays[h.Size] && given[i+1].Size-last > 20 {
			t.Fatalf("between %d and %d entries no head stays", last, given[i+1].Size)
		}
		if stays[h.Size] {
			last = h.Size
		}
	}
}

// TestNothingGivenAwayIsLost: after heads were thinned and entries archived, the log
// verifies, every two heads that stay have their proof, and so has every head that was
// ever signed.
func TestNothingGivenAwayIsLost(t *testing.T) {
	r := newRig(t, 0)
	path := filepath.Join(r.dir, audit.HeadsFile)
	file, err := audit.OpenHeadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for day := range 200 {
		heads := 1 + day%3%2 + day%2
		if day > 60 && day%5 > 0 {
			heads = 0
		}
		for range heads {
			r.append(audit.Entry{Action: "login", Subject: "shop:tea", Outcome: audit.Done})
			r.now = r.now.Add(time.Hour)
		}
		r.now = start.Add(time.Duration(day+1) * aDay)
	}
	given, err := r.store.Checkpoints(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range given {
		err = errors.Join(err, file.Append(c))
	}
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	thinner := Thinner{Store: r.store, Now: func() time.Time { return r.now }, Page: 20}
	for range 2 {
		if err := errors.Join(thinner.Thin(t.Context()), r.archiver(r.store).Archive(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	r.sign()
	if report := r.verify(); len(report.Pruned) == 0 {
		t.Errorf("nothing was archived: %+v", report)
	}
	kept, err := r.store.Checkpoints(t.Context())
	if err != nil || len(kept) >= len(given)-40 {
		t.Fatalf("of %d heads %d stay, %v", len(given), len(kept), err)
	}
	hashes := r.store.AuditHashes(t.Context())
	for i := range kept[1:] {
		r.proves(kept[i], kept[i+1], hashes)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range given {
		found, err := audit.FindHead(f, info.Size(), c.Size)
		old, openErr := audit.OpenCheckpoint(found, r.signer.Verifier())
		if err := cmp.Or(err, openErr); err != nil || old.Size != c.Size {
			t.Fatalf("the head of %d entries is lost: %v", c.Size, err)
		}
		r.proves(old, kept[len(kept)-1], hashes)
	}
}

// proves wants the proof that the log of one head begins that of another.
func (r *rig) proves(old, head audit.Checkpoint, hashes tlog.HashReader) {
	r.t.Helper()
	p, err := audit.ProveConsistency(old, head, hashes)
	if err == nil {
		_, err = p.Check(r.signer.Verifier())
	}
	if err != nil {
		r.t.Fatalf("%d to %d: %v", old.Size, head.Size, err)
	}
}

// TestThinnerRuns: each day, in spite of errors, until it is stopped.
func TestThinnerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		m := &headsInMemory{fails: func() error {
			switch age := time.Since(begun); {
			case age < KeepHeads+3*aDay/2:
				return errors.New("the store is away")
			case age < KeepHeads+5*aDay/2:
				return access.ErrStale
			}
			return nil
		}}
		for i := range 3 {
			m.heads = append(m.heads, audit.Checkpoint{Size: int64(i + 1), At: time.Now().Add(time.Duration(i) * time.Minute)})
		}
		thinner := Thinner{Store: m, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { thinner.Run(ctx); close(done) }()
		time.Sleep(KeepHeads + 3*aDay)
		synctest.Wait()
		stop()
		<-done
		if !slices.Equal(m.sizes(), []int64{3}) {
			t.Errorf("%v stay", m.sizes())
		}
	})
}
