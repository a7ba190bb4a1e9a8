package clock_test

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/clock"
)

// edge answers with a Date header of its own clock.
type edge struct {
	off  time.Duration
	trip time.Duration
	head http.Header
	err  error
}

func (e edge) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(e.trip)
	h := http.Header{"Date": {time.Now().Add(e.off).UTC().Format(http.TimeFormat)}}
	maps.Copy(h, e.head)
	time.Sleep(e.trip)
	return &http.Response{StatusCode: 200, Header: h, Body: http.NoBody}, e.err
}

// ask makes n calls, two seconds apart.
func ask(t *testing.T, s *clock.Skew, e edge, n int) {
	t.Helper()
	for range n {
		time.Sleep(2 * time.Second)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Watch(e).RoundTrip(req)
		if !errors.Is(err, e.err) {
			t.Errorf("RoundTrip: %v", err)
		}
		resp.Body.Close()
	}
}

func TestSkewIsMeasured(t *testing.T) {
	for _, off := range []time.Duration{0, 90 * time.Second, -90 * time.Second, 300 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := clock.NewSkew(time.Now)
			ask(t, s, edge{off: off, trip: 100 * time.Millisecond}, 5)
			e := s.Estimate()
			if e.Samples != 5 || e.Bound > 700*time.Millisecond || (e.Ours+off).Abs() > e.Bound {
				t.Errorf("WeChat's clock is ahead by %v, the estimate is %+v", off, e)
			}
			if e.Wrong() != (off.Abs() > clock.SkewLimit) {
				t.Errorf("%v is wrong: %v", off, e.Wrong())
			}
		})
	}
}

func TestSkewNeedsSamplesAndForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clock.NewSkew(time.Now)
		if e := s.Estimate(); e.Samples != 0 || e.Wrong() {
			t.Errorf("out of nothing %+v", e)
		}
		ask(t, s, edge{off: time.Hour}, 2)
		if e := s.Estimate(); e.Wrong() || e.Samples != 2 {
			t.Errorf("two samples say %+v", e)
		}
		ask(t, s, edge{}, 3)
		ask(t, s, edge{off: -time.Hour}, 1)
		if e := s.Estimate(); e.Wrong() || e.Ours.Abs() > time.Second {
			t.Errorf("with odd ones in between %+v", e)
		}
		ask(t, s, edge{off: time.Hour}, 9)
		if e := s.Estimate(); !e.Wrong() || e.Samples != 9 {
			t.Errorf("after nine new ones %+v", e)
		}
		time.Sleep(7 * time.Hour)
		if e := s.Estimate(); e.Samples != 0 {
			t.Errorf("after hours %+v", e)
		}
	})
}

func TestSkewBelowItsBoundIsNotWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clock.NewSkew(time.Now)
		ask(t, s, edge{off: 40 * time.Second, trip: 20 * time.Second}, 5)
		if e := s.Estimate(); e.Wrong() {
			t.Errorf("slow answers say %+v", e)
		}
	})
}

func TestSkewLeavesOutWhatTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clock.NewSkew(time.Now)
		for _, e := range []edge{
			{head: http.Header{"Date": nil}}, {head: http.Header{"Date": {"yesterday"}}}, {head: http.Header{"Age": {"3600"}}}, {err: errors.New("gone")},
		} {
			ask(t, s, e, 3)
		}
		if e := s.Estimate(); e.Samples != 0 {
			t.Errorf("out of nothing %+v", e)
		}
		for range 100 {
			s.Watch(edge{}).RoundTrip(nil) //nolint:bodyclose,errcheck // it has none
		}
		if e := s.Estimate(); e.Samples != 1 {
			t.Errorf("a burst gave %d samples", e.Samples)
		}
	})
}

func TestSkewPassesAnswersOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clock.NewSkew(time.Now)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example.com", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Watch(edge{head: http.Header{"X-Own": {"1"}}}).RoundTrip(req)
		if err != nil || resp.Header.Get("X-Own") != "1" {
			t.Errorf("answer %v, %v", resp, err)
		}
		resp.Body.Close()
	})
}
