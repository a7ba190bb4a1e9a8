package rotate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// traffic calls the shop every half minute of a world's time, beside the keeper's
// schedule and the assistant's, until the returned function is called. That gives how
// many calls there were, how many of them failed, and when the first one did.
func (w *world) traffic() func() (calls, failed int, since time.Time) {
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.keeper.Run(ctx) }()
	looked := make(chan struct{})
	go func() { defer close(looked); w.rotate.Run(ctx) }()
	var calls, failed int
	var since time.Time
	called := make(chan struct{})
	go func() {
		defer close(called)
		for ctx.Err() == nil {
			calls++
			if err := w.call(); err != nil && ctx.Err() == nil {
				if failed++; failed == 1 {
					since = time.Now()
				}
			}
			time.Sleep(30 * time.Second)
		}
	}()
	return func() (int, int, time.Time) {
		stop()
		<-called
		<-done
		<-looked
		return calls, failed, since
	}
}

// TestModel: a shop is called on and on while its AppSecret is rotated. Done right no
// call fails; should WeChat end the tokens that live, none fails from the entry of the
// new secret on. Without it calls end with the token that is kept, and not before.
func TestModel(t *testing.T) {
	tests := []struct {
		name   string
		fresh  bool
		ends   bool          // a reset ends the tokens that live
		enter  time.Duration // after the reset
		later  time.Duration // how long traffic goes on
		broken bool          // calls fail in the end
	}{
		{name: "entered at once", enter: time.Second, later: 130 * time.Minute},
		{name: "entered after an hour, with a fresh token", fresh: true, enter: time.Hour, later: 130 * time.Minute},
		{name: "a reset that ends tokens", ends: true, enter: time.Second, later: 130 * time.Minute},
		{name: "entered too late", enter: 2 * time.Hour, later: time.Minute, broken: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.must(w.sim.SetSwitches(func(sw *wechatsim.Switches) { sw.SecretResetEndsTokens = tt.ends }))
				finish := w.traffic()
				time.Sleep(40 * time.Minute)
				b := w.begin(rotate.Start{Kind: access.RotateAppSecret, Subject: "lantian", Fresh: tt.fresh})
				if tt.fresh != (time.Until(b.TokenEnds) > 110*time.Minute) || b.Trouble != nil {
					t.Errorf("the token lives for %v (%v), fresh: %v", time.Until(b.TokenEnds), b.Trouble, tt.fresh)
				}
				time.Sleep(65 * time.Second) // between two calls
				plain := w.reset(shopAppID)
				time.Sleep(tt.enter)
				if g := w.grant(); tt.broken && g.Cause != grant.CauseAwaitsSecret {
					t.Errorf("without the new secret the grant is %s (%s)", g.State, g.Cause)
				}
				_, err := w.rotate.Take(t.Context(), operator, b.ID, plain)
				w.must(err)
				time.Sleep(tt.later)
				calls, failed, since := finish()
				t.Logf("%s: %d of %d calls failed", tt.name, failed, calls)
				if tt.broken != (failed > 0) || failed > 0 && since.Before(b.TokenEnds.Add(-time.Second)) {
					t.Errorf("%d of %d calls failed, the first at %v; the token ended at %v", failed, calls, since, b.TokenEnds)
				}
				w.stands(b.ID, access.RotationOverlap)
			})
		})
	}
}

// TestToldOnce: who must enter the new secret is told once when the token cannot be
// renewed any more, with its end, and once when that is over.
func TestToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		finish := w.traffic()
		time.Sleep(time.Minute)
		b := w.begin(rotate.Start{Kind: access.RotateAppSecret, Subject: "shop-lantian"})
		plain := w.reset(shopAppID)
		time.Sleep(2*time.Hour - 3*time.Minute)
		told := w.told()
		if len(told) != 1 || told[0].Kind != notice.RefreshFailing || told[0].Subject != "rotation:"+b.ID || told[0].Details["app"] != "shop-lantian" || told[0].Details["ends"] == "" {
			t.Fatalf("told %+v, want one notice with the end of the token", told)
		}
		_, err := w.rotate.Take(t.Context(), operator, b.ID, plain)
		w.must(err)
		time.Sleep(10 * time.Minute)
		if calls, failed, _ := finish(); failed > 0 {
			t.Errorf("%d of %d calls failed", failed, calls)
		}
		time.Sleep(25 * time.Hour)
		w.look()
		told = w.told()
		if len(told) != 2 || told[1].Kind != notice.AlertOver || told[1].Subject != told[0].Subject || told[1].Details["was"] != string(notice.RefreshFailing) {
			t.Fatalf("told %+v, want the end of it too", told)
		}
		if r := w.stands(b.ID, access.RotationDone); len(r.Previous) > 0 {
			t.Error("a day later the old secret is still kept")
		}
	})
}

// told gives the notices, the oldest first.
func (w *world) told() (all []notice.Notice) {
	w.t.Helper()
	records, err := w.store.Notices(w.t.Context(), false, 100)
	w.must(err)
	for i := len(records) - 1; i >= 0; i-- {
		all = append(all, records[i].Notice)
	}
	return all
}
