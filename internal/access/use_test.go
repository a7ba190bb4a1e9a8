package access

import (
	"testing"
	"time"
)

// WeChat's days are China's.
func TestDayOfUse(t *testing.T) {
	for at, want := range map[string]string{
		"2026-01-02T15:59:59Z":      "2026-01-02T00:00:00+08:00",
		"2026-01-02T16:00:00Z":      "2026-01-03T00:00:00+08:00",
		"2026-07-01T00:00:00+08:00": "2026-07-01T00:00:00+08:00",
		"2025-12-31T23:00:00-05:00": "2026-01-01T00:00:00+08:00",
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		u := Use{At: when}
		if got := u.Day().Format(time.RFC3339); got != want {
			t.Errorf("%s is of the day %s, want %s", at, got, want)
		}
		if got := u.NextDay().Sub(u.Day()); got != 24*time.Hour {
			t.Errorf("the day of %s has %s", at, got)
		}
	}
}
