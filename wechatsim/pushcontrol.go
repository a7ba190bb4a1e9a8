package wechatsim

import (
	"encoding/json"
	"net/http"
	"time"
)

// pushRoutes are the part of the control API that is about pushes.
func (s *Sim) pushRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/push", s.servePushState)
	mux.HandleFunc("GET "+pushPage, s.servePushPage)
	mux.HandleFunc("GET /sim/push/ledger", s.servePushLedger)
	mux.HandleFunc("POST /sim/push/deliver", s.servePushDeliver)
	mux.HandleFunc("POST /sim/push/shop", s.servePushShop)
	mux.HandleFunc("POST /sim/push/user", s.servePushUser)
	mux.HandleFunc("POST /sim/push/day", s.servePushDay)
	mux.HandleFunc("PUT /sim/push/settings/{appid}", s.servePushSettings)
	mux.HandleFunc("POST /sim/push/settings/{appid}", s.savePushForm)
	mux.HandleFunc("POST /sim/push/tickets/{appid}/{act}", s.servePushTickets)
	mux.HandleFunc("GET /sim/push/faults", s.servePushFaults)
	mux.HandleFunc("POST /sim/push/faults", s.armPushFault)
	mux.HandleFunc("DELETE /sim/push/faults", func(w http.ResponseWriter, r *http.Request) {
		s.ClearPushFaults()
		s.servePushFaults(w, r)
	})
}

// TicketState is how the tickets of a platform stand.
type TicketState struct {
	// AppID is the platform's.
	AppID string `json:"appid"`
	// On tells whether WeChat pushes tickets.
	On bool `json:"on"`
	// Next is when the next ticket is due; zero if it is due at once.
	Next time.Time `json:"next,omitzero"`
	// Bad is how many answers of the authorisation URL in a row were bad.
	Bad int `json:"bad"`
}

// TicketStates tells how the tickets of every platform stand.
func (s *Sim) TicketStates() []TicketState {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []TicketState{}
	for _, a := range s.platforms {
		l := s.line(a.AppID)
		out = append(out, TicketState{AppID: a.AppID, On: a.platform.ticketsOn, Next: l.next, Bad: l.bad})
	}
	return out
}

func (s *Sim) servePushState(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"pending": s.PendingPushes(), "tickets": s.TicketStates()})
}

func (s *Sim) servePushLedger(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, ok := readSince(w, q)
	if !ok {
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"entries": s.PushLedger(since, q["name"]...)})
}

// servePushDeliver is for programs that drive pushes themselves.
func (s *Sim) servePushDeliver(w http.ResponseWriter, r *http.Request) {
	sent := s.Deliver(r.Context())
	if pressed(w, r, nil) {
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"sent": sent, "pending": s.PendingPushes()})
}

func (s *Sim) servePushShop(w http.ResponseWriter, r *http.Request) {
	var in struct {
		AppID string          `json:"appid"`
		Event string          `json:"event"`
		Body  json.RawMessage `json:"body"`
	}
	// The body is free in form, so it is not compared with a Go type.
	err := json.NewDecoder(r.Body).Decode(&in)
	if err == nil {
		err = s.PushShop(in.AppID, in.Event, in.Body)
	}
	answerControl(w, done, err)
}

func (s *Sim) servePushUser(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Person     string `json:"person"`
		AppID      string `json:"appid"`
		Event      string `json:"event"`
		RevokeInfo string `json:"revoke_info"`
	}
	err := readControl(r, &in)
	if err == nil {
		err = s.PushUser(in.Person, in.AppID, in.Event, in.RevokeInfo)
	}
	answerControl(w, done, err)
}

func (s *Sim) servePushDay(w http.ResponseWriter, r *http.Request) {
	var in PushDay
	err := readControl(r, &in)
	var n int
	if err == nil {
		n, err = s.PushDay(in)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, map[string]any{"events": n, "pending": s.PendingPushes()})
}

func (s *Sim) servePushSettings(w http.ResponseWriter, r *http.Request) {
	var in PushSettings
	err := readControl(r, &in)
	if err == nil {
		err = s.SetPush(r.Context(), r.PathValue("appid"), in)
	}
	answerControl(w, done, err)
}

func (s *Sim) servePushTickets(w http.ResponseWriter, r *http.Request) {
	appid := r.PathValue("appid")
	var err error
	switch r.PathValue("act") {
	case "stop":
		err = s.StopTickets(appid)
	case "start":
		err = s.StartTickets(appid)
	case "now":
		_, err = s.IssueTicket(appid)
	default:
		writeProblem(w, http.StatusNotFound, "unknown act: use start, stop or now")
		return
	}
	if !pressed(w, r, err) {
		answerControl(w, done, err)
	}
}

func (s *Sim) servePushFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"faults": s.PushFaults()})
}

func (s *Sim) armPushFault(w http.ResponseWriter, r *http.Request) {
	var f PushFault
	err := readControl(r, &f)
	var id int
	if err == nil {
		id, err = s.AddPushFault(f)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, map[string]any{"id": id})
}
