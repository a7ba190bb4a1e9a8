package access

import "time"

// Export says that a client fetched the kept access token of a shop. From then on the
// token is out of the server's hands: it ends when its time is over.
type Export struct {
	ClientID   string
	ShopID     string
	Generation int64 // of the token, as in the shop's grant
	At         time.Time
	Ends       time.Time // of the token; WeChat takes it a few minutes longer at most
}

// Day is the day in which a human is told once, in China's time.
func (e Export) Day() time.Time { return Use{At: e.At}.Day() }
