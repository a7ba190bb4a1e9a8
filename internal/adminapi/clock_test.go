package adminapi_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/audit"
)

func TestClock(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.behind = time.Hour
	var got adminapi.ClockView
	r.ask("GET", "/v1/clock", nil, &got)
	want := adminapi.ClockView{Now: epoch, Behind: 3600, Skew: 1.5, Within: 0.5, Samples: 9}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clock (-want +got):\n%s", diff)
	}
	r.ask("POST", "/v1/clock/accept", nil, &got)
	if got.Behind != 0 || !slices.Equal(r.accepted, []audit.Actor{operator}) {
		t.Errorf("accepted by %v: %+v", r.accepted, got)
	}
	r.behind = -1 // stands for a clock that is known to be wrong
	if rec := r.say("POST", "/v1/clock/accept", nil); rec.Code != http.StatusConflict {
		t.Errorf("a wrong clock: %d %s", rec.Code, rec.Body)
	}
}
