package alert

import "time"

// Quiet are the hours of a day in which only what is critical is told. The zero
// value has none.
type Quiet struct {
	From, To time.Duration // since midnight; From may be later than To
	Zone     *time.Location
}

// End tells when the quiet hours end that now is in; the zero time if it is in
// none.
func (q Quiet) End(now time.Time) time.Time {
	if q.From == q.To || q.Zone == nil {
		return time.Time{}
	}
	local := now.In(q.Zone)
	y, m, d := local.Date()
	for day := d - 1; day <= d; day++ { // a night belongs to the day that it begins on
		from, to := q.at(y, m, day, q.From), q.at(y, m, day, q.To)
		if q.To < q.From {
			to = q.at(y, m, day+1, q.To)
		}
		if !local.Before(from) && local.Before(to) {
			return to
		}
	}
	return time.Time{}
}

func (q Quiet) at(y int, m time.Month, d int, since time.Duration) time.Time {
	return time.Date(y, m, d, int(since/time.Hour), int(since%time.Hour/time.Minute), 0, 0, q.Zone)
}
