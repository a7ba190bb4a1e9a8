package quota

// taker is one who shares.
type taker struct {
	who  *client
	used float64 // today
	want float64 // until midnight
	got  float64
}

// fill divides what there is by max-min fairness: it raises a level until all is
// given, and each gets as much as lifts what it used to the level, but never more than
// it wants. What nobody wants is left.
func fill(capacity float64, takers []taker) (left float64) {
	wanted, high := 0.0, 0.0
	for i := range takers {
		wanted += takers[i].want
		high = max(high, takers[i].used+takers[i].want)
	}
	if wanted <= capacity {
		for i := range takers {
			takers[i].got = takers[i].want
		}
		return capacity - wanted
	}
	low := 0.0
	for range 50 { // halving: exact to far less than a call
		level := (low + high) / 2
		if given(level, takers) <= capacity {
			low = level
		} else {
			high = level
		}
	}
	given(low, takers)
	return 0
}

// given sets what each gets at a level, and adds it up.
func given(level float64, takers []taker) (sum float64) {
	for i := range takers {
		t := &takers[i]
		t.got = min(max(level-t.used, 0), t.want)
		sum += t.got
	}
	return sum
}
