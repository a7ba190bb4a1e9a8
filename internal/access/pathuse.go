package access

import "time"

// PathUse counts the calls of one path by one client for one shop on one day.
type PathUse struct {
	ClientID string
	ShopID   string
	Path     string    // as the catalogue writes it
	Day      time.Time // when the day began in China
	Calls    int64
}

// DayOf gives the beginning of the day of a time, in China's time.
func DayOf(at time.Time) time.Time { return Use{At: at}.Day() }

// PathTotal is what a client called of one path over some days, for all its shops.
type PathTotal struct {
	Path  string
	Shops int // different ones
	Calls int64
	Last  time.Time // the last day of a call, when it began in China
}

// PathUser is a client that used a path lately and may still do so.
type PathUser struct {
	ClientID string
	ShopID   string // the first of its shops, by id
	Shops    int
	Calls    int64
}
