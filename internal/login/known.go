package login

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

const (
	knownLife = 180 * 24 * time.Hour
	maxKnown  = 20 // shops that one browser remembers; the oldest is dropped
)

// knownShop is a shop that somebody at this browser said yes to. The list lives
// in a sealed cookie; it opens nothing without a new code from WeChat.
type knownShop struct {
	Key   string `json:"k"`
	Until int64  `json:"u"` // Unix seconds
}

// knownKey names a platform and a shop in the list.
func knownKey(e entry) string { return digestHex("known\x00" + e.App + "\x00" + e.AppID)[:24] }

// known gives the shops that this browser remembers, oldest first.
func (l *Login) known(r *http.Request) []knownShop {
	value, ok := l.jar.Get(r, knownCookie)
	if !ok {
		return nil
	}
	var all []knownShop
	if l.openCookie(knownCookie, value, &all) != nil {
		return nil
	}
	now := l.o.Now().Unix()
	return slices.DeleteFunc(all, func(k knownShop) bool { return now >= k.Until })
}

// knows tells whether an entry needs no question: somebody at this browser opened
// this shop before, and nothing else is open in it now. Not knowing who is in
// means asking.
func (l *Login) knows(r *http.Request, e entry) bool {
	if !slices.ContainsFunc(l.known(r), func(k knownShop) bool { return k.Key == knownKey(e) }) {
		return false
	}
	s, err := l.session(r)
	if err != nil {
		return errors.Is(err, errNoSession)
	}
	if s.Door != access.DoorMarket || s.App != e.App {
		return false
	}
	shop, err := l.o.Store.Shop(r.Context(), s.ShopID)
	return err == nil && shop.AppID == e.AppID
}

// remember puts the shop of an entry at the end of the list.
func (l *Login) remember(w http.ResponseWriter, r *http.Request, e entry) {
	key := knownKey(e)
	all := slices.DeleteFunc(l.known(r), func(k knownShop) bool { return k.Key == key })
	all = append(all, knownShop{Key: key, Until: l.o.Now().Add(knownLife).Unix()})
	all = all[max(0, len(all)-maxKnown):]
	value, err := l.sealCookie(knownCookie, all)
	if err != nil || len(value) > maxCookie {
		return // the next entry asks again
	}
	l.jar.Set(w, knownCookie, value, knownLife)
}
