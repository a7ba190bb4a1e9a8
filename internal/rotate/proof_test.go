package rotate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestRefusedForItsAddress: WeChat shows a new secret once. One that cannot be proved
// because this server's address is not listed is kept, and nobody is told that it is
// wrong.
func TestRefusedForItsAddress(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		b := w.begin(appSecret)
		plain := w.reset(shopAppID)
		w.must(w.sim.SetApp(shopAppID, func(a *appOfSim) { a.IPAllowlist = []string{"203.0.113.7"} }))
		if _, err := w.rotate.Take(t.Context(), operator, b.ID, plain); err != nil {
			t.Fatalf("the right secret is refused: %v", err)
		}
		w.stands(b.ID, access.RotationTaken)
		time.Sleep(time.Minute)
		w.look()
		w.stands(b.ID, access.RotationTaken)
		w.must(w.sim.SetApp(shopAppID, func(a *appOfSim) { a.IPAllowlist = nil }))
		time.Sleep(time.Minute)
		w.look()
		w.stands(b.ID, access.RotationOverlap)
		if w.inUse() != plain.RevealString() {
			t.Error("the proved secret is not in use")
		}
	})
}

// TestEnteredMeanwhile: the refusal of one secret does not delete the one that was
// entered while WeChat was asked about it.
func TestEnteredMeanwhile(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		b := w.begin(appSecret)
		plain := w.reset(shopAppID)
		w.away = true
		_, err := w.rotate.Take(t.Context(), operator, b.ID, secret.FromString(strings.Repeat("0", 32)))
		w.must(err)
		w.away = false
		w.meanwhile = func() {
			w.away = true
			_, err := w.rotate.Take(t.Context(), operator, b.ID, plain)
			w.must(err)
			w.away = false
		}
		w.look()
		w.stands(b.ID, access.RotationTaken)
		time.Sleep(time.Minute)
		w.look()
		w.stands(b.ID, access.RotationOverlap)
		if w.inUse() != plain.RevealString() {
			t.Error("the one that was entered last is not in use")
		}
	})
}

// TestUntilIsLater: a first key that would end at once is a mistake in a date, and
// would shut every program out.
func TestUntilIsLater(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, until := range []time.Time{time.Now(), time.Now().AddDate(-1, 0, 0)} {
			_, err := w.rotate.Begin(t.Context(), operator, rotate.Start{Kind: access.RotateClient, Subject: "erp", Until: until})
			w.refuses("rotation-until", err)
		}
	})
}

// TestSeenByALateReplica: a replica that has not heard of the new keys yet takes a push
// with the old ones for one with the current ones. That does not prove the new.
func TestSeenByALateReplica(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		b := w.begin(rotate.Start{Kind: access.RotatePushToken, Subject: "lantian"})
		time.Sleep(time.Second)
		w.rotate.Opened("shop-lantian", b.Version-1, true, true, time.Now())
		w.look()
		if r := w.stands(b.ID, access.RotationOverlap); !r.NewSeen.IsZero() {
			t.Errorf("the new token counts as seen at %v", r.NewSeen)
		}
		w.rotate.Opened("shop-lantian", b.Version, true, true, time.Now())
		time.Sleep(time.Minute)
		w.look()
		if r := w.stands(b.ID, access.RotationOverlap); r.NewSeen.IsZero() {
			t.Error("the new token was not seen")
		}
	})
}
