package login

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Scans is what people answered on their phone to a QR code of ours.
type Scans interface {
	// Scan gives an answer, or [access.ErrNotFound] while there is none.
	Scan(ctx context.Context, id []byte) (access.Scan, error)
	// AnswerScan keeps an answer, or says [access.ErrUsed]: there is one.
	AnswerScan(ctx context.Context, n access.Scan, e grant.Effects) error
	// TakeScan uses an approval up and applies e. [access.ErrUsed] says that there
	// is nothing to take, or that the session which approved it ended.
	TakeScan(ctx context.Context, id []byte, now time.Time, e grant.Effects) error
}

const (
	scanLife    = 2 * time.Minute
	scanVersion = 1
	noteLife    = 10 * time.Minute // of the PC's cookie, so that a late page knows its way back
	maxScans    = 3                // codes that one browser has open; the oldest is dropped
	maxCodeText = 1024             // characters of a sealed code
	lookAgain   = 3                // seconds after which the PC asks again
	digestBytes = 8                // of the code's digest that name it in our addresses
)

// scanCode is what a QR code of ours says, sealed in its address. Nothing is kept of
// it until somebody answers.
type scanCode struct {
	Version int    `json:"v"`
	Browser []byte `json:"b"`           // digest of the PC's secret
	Device  string `json:"d"`           // the PC, in fixed words
	Place   string `json:"p,omitempty"` // network that the PC comes from
	Numbers []int  `json:"n"`           // to choose from
	Right   int    `json:"r"`           // the index of the one that the PC shows
	Begun   int64  `json:"t"`           // Unix milliseconds
}

func (c scanCode) begun() time.Time { return time.UnixMilli(c.Begun) }

// live tells whether the code may be answered. One of the future was made under
// another clock.
func (c scanCode) live(now time.Time) bool {
	return !now.Before(c.begun().Add(-clockSlack)) && now.Before(c.begun().Add(scanLife))
}

// scanNote is the PC's side of a code, in a sealed cookie of its own.
type scanNote struct {
	Text   string `json:"c"` // the code as it stands in the address
	Secret []byte `json:"s"` // its digest stands in the code
	Return string `json:"r"`
	Shop   string `json:"p,omitempty"`
}

// scanID names a code in the store: its digest.
func scanID(text string) []byte { return digest("scan\x00" + text) }

// scanName names a code in our own addresses and cookies.
func scanName(text string) string { return hex.EncodeToString(scanID(text)[:digestBytes]) }

// startScan makes a code for this browser and leads to its page. It writes nothing.
func (l *Login) startScan(w http.ResponseWriter, r *http.Request) error {
	in, err := l.readIntent(r, r.URL.Query())
	if err != nil {
		return err
	}
	if err := l.clockBehind(r.Context(), l.o.Behind()); err != nil {
		return err
	}
	_, ok, err := l.firstApp(r.Context(), access.ServiceAccount)
	if err == nil && !ok {
		err = page(http.StatusServiceUnavailable, "no-website-app")
	}
	if err != nil {
		return err
	}
	note, err := l.newScan(r, in)
	if err != nil {
		return err
	}
	name := scanCookie + scanName(note.Text)
	value, err := l.sealCookie(name, note)
	if err != nil {
		return err
	}
	if len(value) > maxCookie {
		return withLink(page(http.StatusBadRequest, "return-address"), "home", "/")
	}
	l.dropScans(w, r)
	l.jar.Set(w, name, value, noteLife)
	return redirect(w, r, l.path("/login/scan/"+scanName(note.Text), nil))
}

// newScan draws the numbers and seals the code.
func (l *Login) newScan(r *http.Request, in intent) (scanNote, error) {
	note := scanNote{Secret: make([]byte, 16), Return: in.back, Shop: in.shop}
	rand.Read(note.Secret) //nolint:errcheck // never fails
	c := scanCode{
		Version: scanVersion, Browser: digest(string(note.Secret))[:16], Device: web.DeviceName(r.UserAgent()),
		Place: access.Network(addressOf(r.Context())), Numbers: threeNumbers(), Right: below(3), Begun: l.o.Now().UnixMilli(),
	}
	var err error
	note.Text, err = vault.SealText(l.o.Vault, vault.Scan(), c)
	if err != nil {
		return scanNote{}, fmt.Errorf("login: seal a QR code: %w", err)
	}
	return note, nil
}

// threeNumbers draws three different numbers of two digits.
func threeNumbers() []int {
	var all []int
	for len(all) < 3 {
		if n := 10 + below(90); !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// below draws a number from 0 to n-1.
func below(n int64) int {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic("login: no randomness") // crypto/rand never fails since Go 1.24
	}
	return int(v.Int64())
}

// openScan reads a code of ours.
func (l *Login) openScan(text string) (scanCode, bool) {
	var c scanCode
	if !vault.OpenText(l.o.Vault, vault.Scan(), text, maxCodeText, &c) {
		return scanCode{}, false
	}
	return c, c.Version == scanVersion && len(c.Numbers) == 3 && c.Right >= 0 && c.Right < 3
}

// dropScans forgets the oldest codes of this browser, so that one more fits.
func (l *Login) dropScans(w http.ResponseWriter, r *http.Request) {
	type open struct {
		name  string
		begun int64
	}
	var all []open
	for name, value := range l.jar.List(r, scanCookie) {
		var n scanNote
		if l.openCookie(name, value, &n) != nil {
			l.jar.Drop(w, name)
			continue
		}
		c, _ := l.openScan(n.Text)
		all = append(all, open{name, c.Begun})
	}
	slices.SortFunc(all, func(a, b open) int { return int(a.begun - b.begun) })
	for _, o := range all[:max(0, len(all)-maxScans+1)] {
		l.jar.Drop(w, o.name)
	}
}

// noteOf finds the code of the address among this browser's.
func (l *Login) noteOf(r *http.Request) (scanNote, scanCode, bool) {
	name := scanCookie + r.PathValue("id")
	value, ok := l.jar.Get(r, name)
	if !ok {
		return scanNote{}, scanCode{}, false
	}
	var n scanNote
	if l.openCookie(name, value, &n) != nil || scanName(n.Text) != r.PathValue("id") {
		return scanNote{}, scanCode{}, false
	}
	c, ok := l.openScan(n.Text)
	return n, c, ok && bytes.Equal(c.Browser, digest(string(n.Secret))[:16])
}

// getScan shows the code on the PC, and asks with each reload what the phone said.
// It loads itself again for as long as the code lives, and no longer.
func (l *Login) getScan(w http.ResponseWriter, r *http.Request) error {
	n, c, ok := l.noteOf(r)
	if !ok {
		return withLink(page(http.StatusBadRequest, "scan-cookie"), "again", "/login")
	}
	got, err := l.o.Store.Scan(r.Context(), scanID(n.Text))
	switch {
	case errors.Is(err, access.ErrNotFound) && c.live(l.o.Now()):
		return l.showScan(w, r, n, c)
	case errors.Is(err, access.ErrNotFound):
		return l.scanAgain(n, http.StatusGone, "scan-over")
	case err != nil:
		return err
	case got.State == access.ScanRefused:
		return l.scanAgain(n, http.StatusForbidden, "scan-refused")
	case got.State == access.ScanApproved && r.Method == http.MethodGet: // a preview's HEAD takes nothing
		return l.takeScan(w, r, n, got)
	}
	if _, err := l.session(r); err == nil {
		return redirect(w, r, n.Return)
	}
	return l.scanAgain(n, http.StatusConflict, "scan-taken")
}

// scanAgain is a page whose button makes a new code. It is never a redirect.
func (l *Login) scanAgain(n scanNote, status int, code string) error {
	return withLink(page(status, code), "again", "/login/scan?"+intent{shop: n.Shop, back: n.Return}.query().Encode())
}

func (l *Login) showScan(w http.ResponseWriter, r *http.Request, n scanNote, c scanCode) error {
	v := scanView{
		Address: l.o.PublicURL.Scheme + "://" + l.o.PublicURL.Host + l.path("/scan/"+n.Text, nil),
		Number:  c.Numbers[c.Right], Until: c.begun().Add(scanLife), Now: l.o.Now(),
		Return: n.Return, Shop: n.Shop, Link: l.loopback,
	}
	if _, ok, err := l.firstApp(r.Context(), access.Website); err == nil && ok {
		q := intent{shop: n.Shop, back: n.Return}.query()
		q.Set("go", "1")
		v.Website = "/login?" + q.Encode()
	}
	a, _ := l.accountOf(r)
	v.Shared = a.Shared
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.scan.title", RefreshSeconds: lookAgain}, scanPage(v))
}

// takeScan gives the PC the session that the phone approved.
func (l *Login) takeScan(w http.ResponseWriter, r *http.Request, n scanNote, got access.Scan) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishTime)
	defer cancel()
	r = r.WithContext(ctx)
	now := l.o.Now()
	if err := l.checkClock(ctx, now); err != nil {
		return err
	}
	by, err := l.o.Store.Sessions(ctx, access.SessionFilter{ID: got.SessionID})
	if err != nil {
		return err
	}
	if len(by) != 1 {
		return l.scanAgain(n, http.StatusConflict, "scan-taken")
	}
	e, token, err := l.scanEffects(r, got, by[0], now)
	if err == nil {
		err = l.o.Store.TakeScan(ctx, got.ID, now, e)
	}
	if errors.Is(err, access.ErrUsed) {
		return l.scanAgain(n, http.StatusConflict, "scan-taken")
	}
	if err != nil {
		return err
	}
	l.jar.Drop(w, scanCookie+scanName(n.Text))
	l.loggedIn(w, token, e.Login.Session, now)
	l.rememberHere(w, r, got.PersonID)
	l.rememberAccount(ctx, w, r, got.PersonID)
	return redirect(w, r, n.Return)
}

// scanEffects is the PC's session: of the phone's person, proved when WeChat named
// them to the phone.
func (l *Login) scanEffects(r *http.Request, got access.Scan, by access.Session, now time.Time) (grant.Effects, secret.Value, error) {
	token, hash := access.NewKey(access.SessionPrefix)
	s := l.newSession(r, now, hash)
	s.PersonID, s.App, s.Door, s.ProvedAt = got.PersonID, by.App, access.DoorQR, by.ProvedAt
	told, err := l.tellIfNew(r, &s)
	if err != nil {
		return grant.Effects{}, token, err
	}
	ended, err := l.replaced(r)
	return grant.Effects{
		At: now, Login: &grant.Login{Session: s}, EndSessions: ended, Notices: told,
		Audit: []audit.Entry{{
			At: now, Actor: audit.Actor{Kind: audit.ActorPerson, ID: got.PersonID}, Action: "login",
			Subject: "session:" + s.ID, Outcome: audit.Done,
			Details: map[string]string{"app": s.App, "door": string(s.Door), "approved_in": by.ID},
		}},
	}, token, err
}

// scanView is what the page with the code shows.
type scanView struct {
	Address      string // what the code says
	Number       int
	Until, Now   time.Time
	Website      string // to WeChat's own QR page; empty: there is none
	Link         bool   // shows the address too: on this machine no camera reads it
	Shared       bool   // nobody is remembered here
	Shop, Return string
}
