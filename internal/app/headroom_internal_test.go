package app

import "testing"

func TestHeadroomIsForSmallHeaps(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 3200, 8 << 20: 400, 16 << 20: 200, headroom: 100, headroom + 1: 100, 400 << 20: 100,
	} {
		if got := growthFor(live); got != want {
			t.Errorf("%d bytes in use: growth %d %%, want %d %%", live, got, want)
		}
	}
}
