package wechatsim

import (
	"fmt"
	"net/http"
	"strconv"
)

// platformControls adds the controls of platforms and their market.
func (s *Sim) platformControls(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/components/{component}", s.serveComponent)
	mux.HandleFunc("POST /sim/components/{component}/ticket", s.issueTicket)
	mux.HandleFunc("GET /sim/components/{component}/accounts", s.serveGrants)
	mux.HandleFunc("GET /sim/components/{component}/accounts/{account}", s.serveGrant)
	mux.HandleFunc("POST /sim/components/{component}/accounts/{account}/{act}", s.actGrant)
	mux.HandleFunc("POST /sim/accounts/{account}/{act}", s.actAccount)
	mux.HandleFunc("POST /sim/market/buy", s.serveBuy)
	mux.HandleFunc("POST /sim/market/use", s.serveUse)
	mux.HandleFunc("POST /sim/visit/grant", s.serveVisitGrant)
}

// answerControl writes v, or the problem that err is.
func answerControl(w http.ResponseWriter, v any, err error) {
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, v)
}

var done = map[string]bool{"ok": true}

func (s *Sim) serveComponent(w http.ResponseWriter, r *http.Request) {
	out := struct {
		TicketsOn bool     `json:"tickets_on"`
		Tickets   []string `json:"tickets"` // newest last
		Accounts  int      `json:"accounts"`
		Buyers    int      `json:"buyers"`
	}{Tickets: []string{}}
	s.mu.Lock()
	a, err := s.component(r.PathValue("component"))
	if err == nil {
		p := a.platform
		out.TicketsOn, out.Accounts = p.ticketsOn, len(p.list)
		for _, t := range p.tickets[max(0, len(p.tickets)-2):] {
			out.Tickets = append(out.Tickets, t.value)
		}
		for _, list := range p.buyers {
			out.Buyers += len(list)
		}
	}
	s.mu.Unlock()
	answerControl(w, out, err)
}

func (s *Sim) issueTicket(w http.ResponseWriter, r *http.Request) {
	t, err := s.IssueTicket(r.PathValue("component"))
	answerControl(w, map[string]string{"ticket": t}, err)
}

func (s *Sim) serveGrants(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	numbers := map[string]int{"offset": 0, "limit": 100}
	for name := range numbers {
		if v := q.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				writeProblem(w, http.StatusUnprocessableEntity, name+" is not a number: leave it out or write 0 or more")
				return
			}
			numbers[name] = n
		}
	}
	list, total, err := s.Grants(r.PathValue("component"), numbers["offset"], numbers["limit"])
	answerControl(w, map[string]any{"total": total, "accounts": list}, err)
}

func (s *Sim) serveGrant(w http.ResponseWriter, r *http.Request) {
	g, err := s.Grant(r.PathValue("component"), r.PathValue("account"))
	answerControl(w, g, err)
}

func (s *Sim) actGrant(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Sets []int `json:"permission_sets"`
	}
	isForm := r.URL.Query().Has("form")
	err := readSets(r, isForm, &in.Sets, &in)
	if err != nil {
		writeError(w, err)
		return
	}
	component, account := r.PathValue("component"), r.PathValue("account")
	switch r.PathValue("act") {
	case "withdraw":
		err = s.WithdrawGrant(component, account)
	case "reauthorize":
		err = s.Reauthorize(component, account, in.Sets)
	default:
		writeProblem(w, http.StatusNotFound, "unknown act: use withdraw or reauthorize")
		return
	}
	if err == nil && isForm {
		goBack(w, r)
		return
	}
	answerControl(w, done, err)
}

// readSets reads the body of an act, or the boxes that were ticked in a form.
func readSets(r *http.Request, isForm bool, sets *[]int, body any) error {
	if !isForm {
		return readControl(r, body)
	}
	if err := r.ParseForm(); err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	for _, v := range r.PostForm["set"] {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("permission set %q is not a number: tick the boxes of the page", v)
		}
		*sets = append(*sets, n)
	}
	return nil
}

// accountAct is the body of POST /sim/accounts/{account}/{act}. Forms of the
// market page send the same fields.
type accountAct struct {
	AccountStatus int    `json:"account_status"`
	ShopStatus    string `json:"status"`
}

func (s *Sim) actAccount(w http.ResponseWriter, r *http.Request) {
	var in accountAct
	var err error
	isForm := r.URL.Query().Has("form")
	if isForm {
		in.ShopStatus = r.PostFormValue("status")
		in.AccountStatus, _ = strconv.Atoi(r.PostFormValue("account_status")) // 0 is refused below where it matters
	} else if err = readControl(r, &in); err != nil {
		writeError(w, err)
		return
	}
	account := r.PathValue("account")
	switch r.PathValue("act") {
	case "account-status":
		err = s.SetAccountStatus(account, in.AccountStatus)
	case "shop-status":
		err = s.SetShopStatus(account, in.ShopStatus)
	case "change-password":
		err = s.ChangeAccountPassword(account)
	default:
		writeProblem(w, http.StatusNotFound, "unknown act: use account-status, shop-status or change-password")
		return
	}
	if err == nil && isForm {
		goBack(w, r)
		return
	}
	answerControl(w, done, err)
}

// marketControl is the body of the two controls of the market.
type marketControl struct {
	AppID     string `json:"appid"`
	ServiceID uint64 `json:"service_id"`
	SpecID    string `json:"spec_id"`
}

func (s *Sim) serveBuy(w http.ResponseWriter, r *http.Request) {
	var in marketControl
	err := readControl(r, &in)
	var out Purchase
	if err == nil {
		out, err = s.Buy(in.AppID, in.ServiceID, in.SpecID)
	}
	answerControl(w, out, err)
}

func (s *Sim) serveUse(w http.ResponseWriter, r *http.Request) {
	var in marketControl
	err := readControl(r, &in)
	var target string
	if err == nil {
		target, err = s.OpenService(r.Context(), in.AppID, in.ServiceID)
	}
	answerControl(w, map[string]string{"url": target}, err)
}

func (s *Sim) serveVisitGrant(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Account  string   `json:"account"`
		URL      string   `json:"url"`
		Decision Decision `json:"decision"`
	}
	if err := readControl(r, &in); err != nil {
		writeError(w, err)
		return
	}
	callback, err := s.VisitGrant(r.Context(), in.Account, in.URL, in.Decision)
	writeVisit(w, []string{callback}, err)
}
