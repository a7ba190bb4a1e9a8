package access

import (
	"errors"
	"time"
)

// Use is one call of a path that may be called so often a day: see [PathRight].
type Use struct {
	ClientID string
	ShopID   string
	Path     string // as the catalogue writes it
	At       time.Time
	Daily    int // how often the path may be called on the day of At
	// TellEach: a human is told of each use, not only of the day's first.
	TellEach bool
}

// China is the time by which WeChat counts days. It knows no summer time.
var China = time.FixedZone("Asia/Shanghai", 8*60*60)

// Day gives the beginning of the day that a use counts for, in China's time.
func (u Use) Day() time.Time {
	y, m, d := u.At.In(China).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, China)
}

// NextDay gives when the next day begins.
func (u Use) NextDay() time.Time { return u.Day().AddDate(0, 0, 1) }

// ErrCap says that a path was called as often as it may be called today.
var ErrCap = errors.New("access: called as often as granted for today; wait for the next day of China's time, or grant more")
