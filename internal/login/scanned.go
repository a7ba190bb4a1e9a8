package login

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// getScanned is where the phone arrives that read a code: it says which PC asks,
// where it is and since when, and lets the person choose the number that the PC
// shows. It changes nothing.
func (l *Login) getScanned(w http.ResponseWriter, r *http.Request) error {
	c, err := l.scanned(r)
	if err != nil {
		return err
	}
	s, p, err := l.who(r)
	if err != nil && !errors.Is(err, errNoSession) {
		return err
	}
	if err != nil || s.PersonID == "" || l.o.Now().Sub(s.ProvedAt) >= proofLife {
		return l.goSilently(w, r, url.Values{"prove": {"1"}})
	}
	v := askedView{
		Nickname: p.Profile.Nickname, Device: c.Device, Place: c.Place, Begun: c.begun(), Now: l.o.Now(),
		Near: c.Place != "" && c.Place == access.Network(addressOf(r.Context())), Numbers: c.Numbers, Post: "/scan/" + r.PathValue("code"),
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.scanned.title"}, askedPage(v))
}

// scanned reads the code of the address if it can still be answered.
func (l *Login) scanned(r *http.Request) (scanCode, error) {
	c, ok := l.openScan(r.PathValue("code"))
	switch {
	case !ok:
		return c, l.refuse(r, "scan.open", "", page(http.StatusNotFound, "scan-unknown"))
	case !l.inWeChat(r):
		return c, page(http.StatusForbidden, "scan-wechat")
	case !c.live(l.o.Now()):
		return c, page(http.StatusGone, "scanned-over")
	}
	_, err := l.o.Store.Scan(r.Context(), scanID(r.PathValue("code")))
	if err == nil {
		return c, page(http.StatusConflict, "scanned-before")
	}
	if !errors.Is(err, access.ErrNotFound) {
		return c, err
	}
	return c, nil
}

// postScanned keeps what the person answered. It is answered once: a wrong number
// ends the code, so that nobody guesses.
func (l *Login) postScanned(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	c, err := l.scanned(r)
	if err != nil {
		return err
	}
	s, _, err := l.Who(r)
	if err != nil {
		return err
	}
	if s.PersonID == "" || l.o.Now().Sub(s.ProvedAt) >= proofLife {
		return redirect(w, r, l.path("/scan/"+r.PathValue("code"), nil))
	}
	if wait := l.tries.take("scan "+s.PersonID, l.o.Now()); wait > 0 {
		e := page(http.StatusTooManyRequests, "too-many-tries")
		e.RetryAfter = wait
		return l.refuse(r, "scan.answer", "", e)
	}
	return l.answerScan(w, r, c, s, r.PostForm.Get("number"))
}

// answerScan writes the answer down and shows what it means.
func (l *Login) answerScan(w http.ResponseWriter, r *http.Request, c scanCode, s access.Session, chosen string) error {
	n, e, err := l.decideScan(r.PathValue("code"), c, s, chosen)
	if err != nil {
		return err
	}
	err = l.o.Store.AnswerScan(r.Context(), n, e)
	if errors.Is(err, access.ErrUsed) {
		return page(http.StatusConflict, "scanned-before")
	}
	if err != nil {
		return err
	}
	switch {
	case chosen == notMe:
		return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.denied.title"}, deniedPage())
	case n.State == access.ScanRefused:
		return page(http.StatusForbidden, "scan-number")
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.approved.title"}, approvedPage(c.Device))
}

// notMe is the answer of somebody who began no login.
const notMe = "none"

// decideScan says what an answer changes. "Not me" tells a human: somebody got the
// person to read a code.
func (l *Login) decideScan(text string, c scanCode, s access.Session, chosen string) (access.Scan, grant.Effects, error) {
	now := l.o.Now()
	n := access.Scan{
		ID: scanID(text), State: access.ScanRefused, PersonID: s.PersonID, SessionID: s.ID, At: now, Until: c.begun().Add(scanLife),
	}
	entry := audit.Entry{
		At: now, Actor: actorOf(s), Action: "scan.answer", Subject: "scan:" + scanName(text), Outcome: audit.Refused,
		Details: map[string]string{"device": c.Device},
	}
	e := grant.Effects{At: now}
	number, err := strconv.Atoi(chosen)
	switch {
	case chosen == notMe:
		entry.Reason = "not-me"
		e.Notices = append(e.Notices, notice.Notice{
			At: now, Kind: notice.LoginDenied, Subject: "person:" + s.PersonID, Details: map[string]string{"device": c.Device},
		})
	case err != nil || !slices.Contains(c.Numbers, number):
		return n, e, badForm(nil)
	case number == c.Numbers[c.Right]:
		n.State, entry.Outcome = access.ScanApproved, audit.Done
	default:
		entry.Reason = "number"
	}
	e.Audit = []audit.Entry{entry}
	return n, e, nil
}

// askedView is what the phone shows of a PC that wants in.
type askedView struct {
	Nickname, Device, Place string
	Near                    bool // the phone comes from the same network
	Begun, Now              time.Time
	Numbers                 []int
	Post                    string
}
