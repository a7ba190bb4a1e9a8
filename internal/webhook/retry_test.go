package webhook

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestThePageShowsTheTable: what operators read is what is done.
func TestThePageShowsTheTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/operate/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	since := time.Duration(0)
	for i, w := range waits {
		since += w
		row := fmt.Sprintf("| %d | %s | %s |", i+2, inWords(w), inWords(since))
		if i > 4 { // hours without their seconds
			row = fmt.Sprintf("| %d | %s | %s |", i+2, inWords(w), inWords(since.Truncate(time.Minute)))
		}
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/operate/notices.md lacks the row %s", row)
		}
	}
	if Life() != since || Life() < 60*time.Hour || Life() > 80*time.Hour {
		t.Errorf("a delivery is tried for %v, want about three days", Life())
	}
}

func inWords(d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / u.unit; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			d -= n * u.unit
		}
	}
	return strings.Join(parts, " ")
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		failed int
		asked  time.Duration
		want   time.Duration
		ok     bool
	}{
		{1, 0, 5 * time.Second, true}, {1, time.Second, 5 * time.Second, true}, {1, 10 * time.Minute, 10 * time.Minute, true},
		{1, 1000 * time.Hour, time.Hour, true}, {11, 0, 24 * time.Hour, true}, {12, 0, 0, false}, {1 << 40, 0, 0, false}, {0, -time.Hour, 5 * time.Second, true},
	} {
		if got, ok := Next(c.failed, c.asked); got != c.want || ok != c.ok {
			t.Errorf("Next(%d, %v) = %v, %v; want %v, %v", c.failed, c.asked, got, ok, c.want, c.ok)
		}
	}
}
