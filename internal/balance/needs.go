package balance

import "time"

// DueSlack is how much earlier than at half of its life a token may be asked
// for: answers tell lives in whole seconds, and requests take time.
const DueSlack = 1500 * time.Millisecond

// need is why a token was asked for.
type need int

const (
	needless need = iota // nothing called for it
	due
	died
)

// keeping is the token that a grant keeps, as the emulator knows it.
type keeping struct {
	since time.Time // when the emulator gave it; zero: there is none
	asked time.Time // when it was last answered about
	ends  time.Time
}

// answered takes over what a request brought.
func (k *keeping) answered(r Request, renewed bool) {
	if renewed {
		k.since = r.At
	}
	k.asked, k.ends = r.At, r.At.Add(r.Left)
}

// need says why a token is asked for at a time.
func (k *keeping) need(at time.Time, deaths []Death) need {
	left := k.ends.Sub(at)
	if k.since.IsZero() || left <= k.ends.Sub(k.asked)/2+DueSlack {
		return due
	}
	for _, d := range deaths {
		if !d.At.Before(k.since) && !d.At.After(at) {
			return died
		}
	}
	return needless
}

// held is the time in which a token was the newest durable one.
type held struct {
	from time.Time // durable
	ends time.Time // at the emulator, by life or death
}

// durable lists the tokens that a story kept, in order.
func (s *story) durable(deaths []Death) []held {
	var all []held
	for _, t := range s.terms {
		r := t.brings()
		if r == nil {
			continue
		}
		h := held{from: t.settled, ends: r.At.Add(r.Left)}
		for _, d := range deaths {
			if d.At.After(r.At) && d.At.Before(h.ends) {
				h.ends = d.At
			}
		}
		all = append(all, h)
	}
	return all
}
