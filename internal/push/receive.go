package push

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/event"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

// arrival is a push that passed every check.
type arrival struct {
	app   access.App
	appID string // the account of the event URL; empty on the authorisation URL
	event event.Event
	at    time.Time
	body  []byte // as it came
	pair  msgcrypt.Pair
}

// check answers the check of a URL. Its signature covers neither the address nor
// what is echoed, and nothing changes, so it may be of any age.
func (p *Receiver) check(w http.ResponseWriter, r *http.Request) error {
	d, err := p.door(r.Context(), r)
	if err != nil {
		return p.problem(r, d.app, err)
	}
	echo, err := d.keys.Echo(msgcrypt.QueryOf(r.URL.Query()))
	if err != nil {
		return p.problem(r, d.app, err)
	}
	return write(w, echo)
}

// receive takes one push. The word success goes out after the commit only.
func (p *Receiver) receive(w http.ResponseWriter, r *http.Request) error {
	began := p.o.Now()
	ctx, cancel := context.WithTimeout(r.Context(), p.o.Budget)
	defer cancel()
	a, err := p.arrive(ctx, w, r)
	if err == nil {
		var effects grant.Effects
		effects, err = p.record(ctx, a)
		switch {
		case err == nil:
			p.o.Observer.Pushed(outcomeTaken, effect(effects), p.o.Now().Sub(began))
			p.o.Opened(a.app.ID, a.app.Push.Version, a.pair.Token == 0, a.pair.Key == 0, a.at)
			p.o.Pass.Pass(a.app.ID, a.appID, r.URL.RawQuery, r.Header.Get("Content-Type"), a.body)
		case errors.Is(err, grant.ErrSeen):
			p.o.Observer.Pushed(outcomeSeen, "", p.o.Now().Sub(began))
			err = nil
		}
	}
	if err != nil {
		return p.failed(r, a.app, err, began)
	}
	return write(w, "success")
}

// arrive reads a request and makes all checks that need no write. The raw body
// and query are at hand only here.
func (p *Receiver) arrive(ctx context.Context, w http.ResponseWriter, r *http.Request) (arrival, error) {
	a := arrival{at: p.o.Now(), appID: r.PathValue("appid")}
	d, err := p.door(ctx, r)
	a.app = d.app
	if err != nil {
		return a, err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return a, errQuery
	}
	if a.body, err = p.body(w, r); err != nil {
		return a, err
	}
	m, err := d.keys.Open(msgcrypt.QueryOf(query), a.body)
	if err != nil {
		return a, err
	}
	a.pair = m.Pair
	if err := p.o.Window.Check(m.Time, a.at); err != nil {
		return a, err
	}
	if a.event, err = event.Decode(m.Plain); err != nil {
		return a, err
	}
	return a, a.belongs()
}

// body reads the body as far as a push can be large, and as long as one may take.
func (p *Receiver) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > msgcrypt.MaxBody {
		w.Header().Set("Connection", "close")
		return nil, msgcrypt.ErrTooLarge
	}
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(p.o.Budget)) // not every writer has deadlines: tests have others
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), 16<<10)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(r.Body, msgcrypt.MaxBody+1))
	if err == nil && b.Len() > msgcrypt.MaxBody {
		err = msgcrypt.ErrTooLarge
	}
	if err != nil {
		w.Header().Set("Connection", "close")
		return nil, bodyError(err)
	}
	_ = c.SetReadDeadline(time.Time{})
	return b.Bytes(), nil
}

// bodyError says what a body that broke off is refused for.
func bodyError(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	case errors.Is(err, msgcrypt.ErrTooLarge):
		return err
	}
	return errCut
}

// belongs checks that the message may come on this URL. What WeChat tells a
// platform about itself names no account that it is for; every event does.
func (a *arrival) belongs() error {
	aboutPlatform := a.event.MsgType == "" && a.event.ToUserName == ""
	switch {
	case aboutPlatform != (a.appID == ""):
		return errURL
	case aboutPlatform && a.event.AppID != a.app.AppID:
		return errPlatform
	}
	return nil
}

// write sends a plain word.
func write(w http.ResponseWriter, word string) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, err := io.WriteString(w, word)
	return err
}
