package wechatsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// controlHandler serves / and /sim/. Pages of foreign sites cannot press its
// buttons: a browser's cross-origin request is refused, a program's is not.
func (s *Sim) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.serveHome)
	mux.HandleFunc("GET /sim/health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"ok": true, "now": s.Now()})
	})
	mux.HandleFunc("GET /sim/clock", s.serveClock)
	mux.HandleFunc("POST /sim/clock", s.moveClock)
	mux.HandleFunc("GET /sim/ledger", s.serveLedger)
	mux.HandleFunc("GET /sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"faults": s.Faults()})
	})
	mux.HandleFunc("POST /sim/faults", s.armFault)
	mux.HandleFunc("DELETE /sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		writeJSON(w, http.StatusOK, map[string]any{"faults": s.Faults()})
	})
	mux.HandleFunc("GET /sim/switches", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Switches()) })
	mux.HandleFunc("PATCH /sim/switches", s.patchSwitches)
	mux.HandleFunc("GET /sim/world", s.serveWorld)
	mux.HandleFunc("PATCH /sim/apps/{appid}", s.patchApp)
	mux.HandleFunc("POST /sim/apps/{appid}/reset-secret", s.serveResetSecret)
	mux.HandleFunc("GET /sim/people/{name}", s.servePerson)
	mux.HandleFunc("POST /sim/people/{name}/{act}", s.actPerson)
	mux.HandleFunc("GET /sim/messages", s.serveMessages)
	mux.HandleFunc("POST /sim/tokens/kill", s.killTokens)
	mux.HandleFunc("POST /sim/stranger", s.serveStranger)
	mux.HandleFunc("POST /sim/visit", s.serveVisit)
	mux.HandleFunc("POST /sim/mini/login", s.serveMiniLogin)
	s.quotaControls(mux)
	mux.HandleFunc("POST /sim/shops/{appid}/orders/{order}/{act}", s.serveBuyer)
	mux.HandleFunc("POST /sim/shops/{appid}/coupons/{coupon}/give", s.serveGiveCoupon)
	s.platformControls(mux)
	mux.HandleFunc("POST /sim/phone", s.servePhone)
	mux.HandleFunc("POST /sim/who", s.serveWho)
	s.pushRoutes(mux)
	return http.NewCrossOriginProtection().Handler(mux)
}

// serveControl records what changes something, and serves.
func (s *Sim) serveControl(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		s.control.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the caller went away while sending
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c := &call{r: r, host: hostSim, body: body, now: s.Now()}
	rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	s.control.ServeHTTP(rec, r)
	s.finish(c, answer{status: rec.status})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(encode(v), '\n')) // the caller may be gone
}

func writeProblem(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"error": text})
}

// writeError answers with the status that fits err.
func writeError(w http.ResponseWriter, err error) {
	we, isWorld := errors.AsType[*WorldError](err)
	se, isSetup := errors.AsType[*PushSetupError](err)
	switch {
	case isSetup:
		writeJSON(w, http.StatusUnprocessableEntity, map[string]any{"error": err.Error(), "reason": se.Reason, "field": se.Field, "status": se.Status})
	case isWorld:
		writeJSON(w, http.StatusUnprocessableEntity, map[string]any{"error": err.Error(), "problems": we.Problems})
	case errors.Is(err, ErrNobody) || errors.Is(err, ErrNoApp) || errors.Is(err, ErrNotGranted) || errors.Is(err, ErrNoService):
		writeProblem(w, http.StatusNotFound, err.Error())
	default:
		writeProblem(w, http.StatusUnprocessableEntity, err.Error())
	}
}

// readControl reads a JSON body strictly into dst; an empty body leaves dst.
func readControl(r *http.Request, dst any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return err
	}
	var ps problems
	decodeStrict(body, dst, &ps)
	return ps.err()
}

func (s *Sim) serveClock(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"now": s.Now(), "offset": Duration(s.clock.offset.Load())})
}

func (s *Sim) moveClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Advance Duration `json:"advance"`
	}
	if err := readControl(r, &in); err != nil {
		writeError(w, err)
		return
	}
	s.Advance(in.Advance.Std())
	s.serveClock(w, r)
}

// readSince reads the seq after which a ledger is wanted, 0 for all of it. If there
// is none to be read it answers so.
func readSince(w http.ResponseWriter, q url.Values) (since int64, ok bool) {
	v := q.Get("since")
	if v == "" {
		return 0, true
	}
	since, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		writeProblem(w, http.StatusUnprocessableEntity, "since is not a number: use the seq of the last entry you saw")
	}
	return since, err == nil
}

func (s *Sim) serveLedger(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, ok := readSince(w, q)
	if !ok {
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"entries": s.LedgerSince(since, q["path"]...)})
}

func (s *Sim) armFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	err := readControl(r, &f)
	var id int
	if err == nil {
		id, err = s.AddFault(f)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, map[string]any{"id": id})
}

func (s *Sim) patchSwitches(w http.ResponseWriter, r *http.Request) {
	next := s.Switches()
	err := readControl(r, &next)
	if err == nil {
		err = s.SetSwitches(func(sw *Switches) { *sw = next })
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, next)
}

// worldNow is the world with people, authorisations and switches as they are
// now. The crowd is told by its number only.
func (s *Sim) worldNow() *World {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.world.clone()
	sw := s.sw
	w.Switches = &sw
	w.Grants = s.worldGrants()
	w.Faults = nil
	for _, f := range s.faults {
		w.Faults = append(w.Faults, *f)
	}
	return w
}

// serveWorld shows the world with its secrets: they open nothing real, and a
// program under test needs them.
func (s *Sim) serveWorld(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.worldNow())
}

func (s *Sim) patchApp(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		var ps problems
		decodeStrict(body, &App{}, &ps)
		err = ps.err()
	}
	if err == nil {
		err = s.SetApp(r.PathValue("appid"), func(a *App) { err = json.Unmarshal(body, a) })
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"ok": true})
}

func (s *Sim) servePerson(w http.ResponseWriter, r *http.Request) {
	out := struct {
		Person
		Consents map[string]time.Time `json:"consents"`
		IDs      map[string]string    `json:"openid_by_appid"`
	}{Consents: map[string]time.Time{}, IDs: map[string]string{}}
	err := s.withPerson(r.PathValue("name"), func(p *person) {
		out.Person = *p.Person
		maps.Copy(out.Consents, p.consents)
		for _, a := range s.world.Apps {
			out.IDs[a.AppID] = s.openID(p, a.AppID)
		}
	})
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// personAct is the body of POST /sim/people/{name}/{act}. Forms of the home
// page send the same fields.
type personAct struct {
	AppID string `json:"appid"`
	On    bool   `json:"on"`
	// Template is what the person says yes to one notice of.
	Template string `json:"template"`
}

func (s *Sim) actPerson(w http.ResponseWriter, r *http.Request) {
	var in personAct
	// Buttons mark themselves: curl -d calls every body a form.
	isForm := r.URL.Query().Has("form")
	if isForm {
		in = personAct{AppID: r.PostFormValue("appid"), On: r.PostFormValue("on") == "true"}
	} else if err := readControl(r, &in); err != nil {
		writeError(w, err)
		return
	}
	known, err := s.act(r.PathValue("name"), r.PathValue("act"), in)
	switch {
	case !known:
		writeProblem(w, http.StatusNotFound, "unknown act: use withdraw, change-password, close, reset-profile, snapshot, consent, follow, unfollow or subscribe")
	case err != nil:
		writeError(w, err)
	case isForm:
		goBack(w, r)
	default:
		writeJSON(w, http.StatusOK, map[string]any{"ok": true})
	}
}

func (s *Sim) act(name, act string, in personAct) (known bool, err error) {
	switch act {
	case "withdraw":
		return true, s.Withdraw(name, in.AppID)
	case "change-password":
		return true, s.ChangePassword(name)
	case "close":
		return true, s.CloseAccount(name)
	case "reset-profile":
		return true, s.ResetProfile(name)
	case "snapshot":
		return true, s.SetSnapshot(name, in.On)
	case "consent":
		return true, s.Consent(name, in.AppID)
	case "follow":
		return true, s.Follow(name, in.AppID)
	case "unfollow":
		return true, s.Unfollow(name, in.AppID)
	case "subscribe":
		return true, s.Subscribe(name, in.AppID, in.Template)
	}
	return false, nil
}

func (s *Sim) killTokens(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Token string `json:"token"`
		AppID string `json:"appid"`
		Kind  string `json:"kind"`
	}
	if err := readControl(r, &in); err != nil {
		writeError(w, err)
		return
	}
	n := 0
	if in.Token != "" {
		if s.KillToken(in.Token) {
			n = 1
		}
	} else {
		n = s.KillTokens(in.AppID, in.Kind)
	}
	writeJSON(w, http.StatusOK, map[string]any{"killed": n})
}

// serveVisit is the scripted browser for programs that are not written in Go.
func (s *Sim) serveVisit(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Person   string   `json:"person"`
		URL      string   `json:"url"`
		Decision Decision `json:"decision"`
	}
	if err := readControl(r, &in); err != nil {
		writeError(w, err)
		return
	}
	urls, err := s.VisitAll(r.Context(), in.Person, in.URL, in.Decision)
	writeVisit(w, urls, err)
}

// writeVisit answers what came of a scripted visit.
func writeVisit(w http.ResponseWriter, urls []string, err error) {
	if pe, ok := errors.AsType[*PageError](err); ok {
		writeJSON(w, http.StatusUnprocessableEntity, map[string]any{"error": err.Error(), "page_errcode": pe.Code})
		return
	}
	if errors.Is(err, ErrNoCallback) {
		writeJSON(w, http.StatusOK, map[string]any{"callbacks": []string{}})
		return
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"callbacks": urls})
}
