package wechatsim

import (
	"net/http"
	"slices"
)

// homeData is what the home page shows.
type homeData struct {
	Now     string
	Phone   bool
	Me      string
	World   *World
	Entries []Entry
}

const homeEntries = 50

// serveHome serves /: who this browser is, who else there is, and what was
// asked lately.
func (s *Sim) serveHome(w http.ResponseWriter, r *http.Request) {
	d := homeData{Now: stamp(s.Now()), Phone: inWeChat(r), World: s.worldNow()}
	s.mu.Lock()
	if p, _ := s.whoIs(r); p != nil {
		d.Me = p.Name
	}
	d.Entries = s.ledger.since(s.ledger.seq-homeEntries, every)
	s.mu.Unlock()
	slices.Reverse(d.Entries)
	renderPage("home", http.StatusOK, d).writeTo(w)
}
