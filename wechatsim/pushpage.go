package wechatsim

import (
	"net/http"
	"slices"
)

// pushPageData is what the page about pushes shows.
type pushPageData struct {
	Now     string
	Pending int
	Apps    []App
	Tickets []TicketState
	Entries []PushEntry

	Edited, Refusal string // the app of a form that was refused, and why
	Saved           bool
}

// servePushPage serves GET /sim/push/page.
func (s *Sim) servePushPage(w http.ResponseWriter, r *http.Request) {
	s.renderPushPage(w, http.StatusOK, pushPageData{Saved: r.URL.Query().Has("saved")})
}

func (s *Sim) renderPushPage(w http.ResponseWriter, status int, d pushPageData) {
	d.Now, d.Pending, d.Tickets, d.Apps = stamp(s.Now()), s.PendingPushes(), s.TicketStates(), s.worldNow().Apps
	for i := range d.Apps {
		if d.Apps[i].Push == nil {
			d.Apps[i].Push = &PushSettings{}
		}
	}
	s.mu.Lock()
	d.Entries = s.pushes.ledger.since(s.pushes.ledger.seq-homeEntries, every)
	s.mu.Unlock()
	slices.Reverse(d.Entries)
	renderPage("push", status, d).writeTo(w)
}

// savePushForm is the console's form. A refusal shows the page again with the
// reason; what was typed is not kept.
func (s *Sim) savePushForm(w http.ResponseWriter, r *http.Request) {
	appid := r.PathValue("appid")
	err := s.SetPush(r.Context(), appid, PushSettings{URL: r.PostFormValue("url"), AuthURL: r.PostFormValue("auth_url"),
		EventURL: r.PostFormValue("event_url"), Token: r.PostFormValue("token"), EncodingAESKey: r.PostFormValue("encoding_aes_key")})
	if err != nil {
		s.renderPushPage(w, http.StatusUnprocessableEntity, pushPageData{Edited: appid, Refusal: err.Error()})
		return
	}
	http.Redirect(w, r, pushPage+"?saved", http.StatusSeeOther)
}

const pushPage = "/sim/push/page"

// pressed sends a browser back to the page if it was one of its buttons that
// asked. Buttons mark themselves, since curl -d calls every body a form.
func pressed(w http.ResponseWriter, r *http.Request, err error) bool {
	if !r.URL.Query().Has("form") || err != nil {
		return false
	}
	http.Redirect(w, r, pushPage, http.StatusSeeOther)
	return true
}
