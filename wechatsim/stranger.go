package wechatsim

import (
	"errors"
	"fmt"
	"net/http"
)

// What a [Sim.Stranger] may ask for.
const (
	StrangerForced = "forced" // /cgi-bin/stable_token with force_refresh: ends the token that others use
	StrangerStable = "stable" // /cgi-bin/stable_token: gets the token that others have
	StrangerToken  = "token"  // /cgi-bin/token: gets a token apart, and harms only those who use that path too
)

// errForceRefused says that WeChat would not refresh now.
var errForceRefused = errors.New("the forced refreshes of the day are used up, or the last one was less than 30 seconds ago: advance the clock")

// Stranger is another program that asks for a token with the account's AppSecret. Its
// request counts for the account's quota; it does not stand in the ledger, which holds
// what was sent here.
func (s *Sim) Stranger(appid, asks string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, now := s.apps[appid], s.Now()
	if a == nil {
		return fmt.Errorf("app %q: %w", appid, ErrNoApp)
	}
	path := "/cgi-bin/stable_token"
	switch asks {
	case StrangerForced:
		if now.Sub(a.lastForce) < forceSpacing || !s.forceNow(a, now) {
			return errForceRefused
		}
	case StrangerStable:
		s.keepStable(a, now)
	case StrangerToken:
		path = "/cgi-bin/token"
		s.nextCGI(a, now)
	default:
		return fmt.Errorf("a stranger asks for %q: it is forced, stable or token", asks)
	}
	key := usageKey{appid: appid, path: path}
	s.usage[key] = s.used(key, now).plusOne()
	return nil
}

func (s *Sim) serveStranger(w http.ResponseWriter, r *http.Request) {
	var in struct {
		AppID string `json:"appid"`
		Asks  string `json:"asks"`
	}
	err := readControl(r, &in)
	if err == nil {
		err = s.Stranger(in.AppID, in.Asks)
	}
	answerControl(w, done, err)
}
