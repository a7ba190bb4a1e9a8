package owners

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat"
)

// Store keeps what owners are owed and were sent.
type Store interface {
	// Turn gives one server at a time its turn.
	Turn(ctx context.Context, name string, now, next time.Time) (bool, error)
	ClaimLetters(ctx context.Context, now time.Time, limit int) ([]notice.Outgoing, error)
	SettleLetter(ctx context.Context, l notice.Letter, again time.Time, e ...audit.Entry) error
	App(ctx context.Context, id string) (access.App, error)
	Shop(ctx context.Context, id string) (access.Shop, error)
}

// WeChat sends a message of a service account. Its errors are [*wechat.Error] where
// WeChat answered.
type WeChat interface {
	SendToOwner(ctx context.Context, app access.App, openid string, fields map[string]string, link string) error
}

// Options are what an Owners is made of. Only Log may be left out.
type Options struct {
	Store  Store
	WeChat WeChat
	Link   func(path string) string // makes an absolute URL
	Now    func() time.Time
	Log    *slog.Logger // nil: discards
}

const (
	lookEvery = 5 * time.Second
	atOnce    = 200
	// againAfter is when what WeChat could not take now is tried again.
	againAfter = time.Hour
	sendWithin = 15 * time.Second
)

// Owners sends letters. Make it with [New], start it with [Owners.Run].
type Owners struct {
	o       Options
	failing bool // what could not be done the last time
}

// New makes an Owners. It panics when a part is missing: that is a mistake in the
// program, not in its use.
func New(o Options) *Owners {
	if o.Store == nil || o.WeChat == nil || o.Link == nil || o.Now == nil {
		panic("owners: Store, WeChat, Link and Now must be set")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Owners{o: o}
}

// Run looks every five seconds until ctx ends.
func (o *Owners) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		_, err := o.Step(ctx)
		if err != nil && ctx.Err() == nil && !o.failing {
			o.o.Log.Warn("owners could not be told in WeChat; it is tried again until it can", "error", err)
		}
		o.failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Step sends what is owed now, if it is this server's turn, and tells how many letters
// it tried. Run does it.
func (o *Owners) Step(ctx context.Context) (tried int, err error) {
	now := o.o.Now()
	mine, err := o.o.Store.Turn(ctx, "owners", now, now.Add(lookEvery/2))
	if err != nil || !mine {
		return 0, err
	}
	for ctx.Err() == nil {
		all, err := o.o.Store.ClaimLetters(ctx, o.o.Now(), atOnce)
		if err != nil {
			return tried, err
		}
		for _, l := range all {
			tried++
			if err := o.send(ctx, l); err != nil {
				return tried, err
			}
		}
		if len(all) < atOnce {
			return tried, nil
		}
	}
	return tried, nil
}

// send sends one letter and writes down what became of it. Its error is the store's.
func (o *Owners) send(ctx context.Context, l notice.Outgoing) error {
	err := o.post(ctx, l)
	var again time.Time
	if l.State, l.Reason = outcome(err); l.State == notice.LetterDelayed {
		again = o.o.Now().Add(againAfter)
	}
	if l.State == notice.LetterFailed {
		o.o.Log.Warn("an owner could not be told in WeChat; look at owner_message of the app", "app", l.App, "kind", string(l.Kind), "error", err)
	}
	return o.o.Store.SettleLetter(context.WithoutCancel(ctx), l.Letter, again, entry(l.Letter, o.o.Now()))
}

func (o *Owners) post(ctx context.Context, l notice.Outgoing) error {
	app, err := o.o.Store.App(ctx, l.App)
	if err != nil {
		return err
	}
	shop, err := o.o.Store.Shop(ctx, l.ShopID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	return o.o.WeChat.SendToOwner(ctx, app, l.OpenID, fill(app.OwnerMessage, l.Letter, shop.Name), o.link(l.Letter))
}

// link is where a tap leads: to the shop, or to all of the owner's, behind a login.
func (o *Owners) link(l notice.Letter) string {
	q := url.Values{"shop": {l.ShopID}, "rd": {"/shops/" + l.ShopID}}
	if l.Shops > 1 {
		q.Set("rd", "/")
	}
	return o.o.Link("/login?" + q.Encode())
}

// What WeChat answers when the person wants no message: it is theirs to change.
// /doc/service/api/notify/template/api_sendtemplatemessage and
// /doc/service/api/notify/notify/api_sendnewsubscribemsg.
const (
	notFollowing = 43004
	notAgreed    = 43101
)

// outcome says what became of a letter. One of which nobody knows is not sent again:
// it may have arrived.
func outcome(err error) (notice.LetterState, string) {
	e, said := errors.AsType[*wechat.Error](err)
	switch {
	case err == nil:
		return notice.LetterSent, ""
	case said && e.Code == notFollowing:
		return notice.LetterRefused, "not_following"
	case said && e.Code == notAgreed:
		return notice.LetterRefused, "not_agreed"
	case said && e.Outcome == wechat.OutcomeNotSent, said && (e.Class() == wechat.ClassRetry || e.Class() == wechat.ClassSlow):
		return notice.LetterDelayed, reason(e)
	case said && e.Code != 0:
		return notice.LetterFailed, reason(e)
	case said:
		return notice.LetterFailed, "no_answer"
	}
	return notice.LetterFailed, "not_sendable"
}

func reason(e *wechat.Error) string {
	if e.Code == 0 {
		return "not_reached"
	}
	return strconv.Itoa(e.Code)
}

// entry records a letter by our own ids.
func entry(l notice.Letter, now time.Time) audit.Entry {
	e := audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: "owner.letter", Subject: "person:" + l.PersonID, Outcome: audit.Done,
		Details: map[string]string{"letter": l.ID, "kind": string(l.Kind), "app": l.App, "shop": l.ShopID, "shops": strconv.Itoa(l.Shops)}}
	if l.State != notice.LetterSent {
		e.Outcome, e.Reason = audit.Failed, l.Reason
	}
	return e
}
