package spell_test

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/spell"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"listen", "listne", 2}, {"tls", "tsl", 2}, {"public_url", "publik_url", 1}} {
		if got := spell.Distance(c.a, c.b); got != c.want || spell.Distance(c.b, c.a) != got {
			t.Errorf("Distance(%q, %q) = %d", c.a, c.b, got)
		}
	}
}
