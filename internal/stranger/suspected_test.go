package stranger_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/stranger"
)

// TestSuspectedAreThoseOfTheLastDay: what is explained, what is over and what cannot be
// read is nobody's suspicion.
func TestSuspectedAreThoseOfTheLastDay(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := newShelf()
	put := func(id string, level stranger.Level, at time.Time) {
		body, err := json.Marshal(stranger.Evidence{ShopID: id, Deaths: 1, Last: at, Records: []stranger.Record{{At: at, Level: level}}})
		s.rows[id] = grant.Suspect{GrantID: id, LastAt: at, Evidence: body}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("proven", stranger.Proven, now.Add(-time.Hour))
	put("guessed", stranger.Likely, now)
	put("explained", stranger.Innocent, now)
	put("unknown", stranger.Unknown, now)
	put("over", stranger.Proven, now.Add(-stranger.Remission))
	s.rows["odd"] = grant.Suspect{GrantID: "odd", LastAt: now, Evidence: []byte("{")}
	all, err := stranger.New(stranger.Options{Store: s, Now: func() time.Time { return now }}).Suspected(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]stranger.Level{}
	for _, e := range all {
		got[e.ShopID] = e.Verdict(now)
	}
	if diff := cmp.Diff(map[string]stranger.Level{"proven": stranger.Proven, "guessed": stranger.Likely}, got); diff != "" {
		t.Errorf("suspected (-want +got):\n%s", diff)
	}
	s.down = errors.New("away")
	if _, err := stranger.New(stranger.Options{Store: s, Now: time.Now}).Suspected(t.Context()); !errors.Is(err, s.down) {
		t.Errorf("without a store: %v", err)
	}
}
