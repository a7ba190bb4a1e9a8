package login

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

const (
	// deviceLife is how long a browser remembers who logged in with it. Browsers keep
	// no cookie longer than 400 days.
	deviceLife = 400 * 24 * time.Hour
	maxDevice  = 20 // persons that one browser remembers; the oldest is dropped
)

// devicePerson is somebody who logged in with this browser. The list lives in a
// sealed cookie; it opens nothing, and only keeps a login from being told of.
type devicePerson struct {
	Key   string `json:"k"`
	Until int64  `json:"u"` // Unix seconds
}

func deviceKey(person string) string { return digestHex("device\x00" + person)[:24] }

// seenHere gives those who logged in with this browser, oldest first. A cookie of
// another deployment does not open: it names nobody.
func (l *Login) seenHere(r *http.Request) []devicePerson {
	value, ok := l.jar.Get(r, deviceCookie)
	if !ok {
		return nil
	}
	var all []devicePerson
	if l.openCookie(deviceCookie, value, &all) != nil {
		return nil
	}
	now := l.o.Now().Unix()
	return slices.DeleteFunc(all, func(d devicePerson) bool { return now >= d.Until })
}

// newHere tells whether this browser is a new one for somebody who is known. The
// cookie says so, or the session that the browser has.
func (l *Login) newHere(r *http.Request, person string) bool {
	key := deviceKey(person)
	if slices.ContainsFunc(l.seenHere(r), func(d devicePerson) bool { return d.Key == key }) {
		return false
	}
	s, err := l.session(r)
	return err != nil || s.PersonID != person
}

// rememberHere puts a person at the end of the list.
func (l *Login) rememberHere(w http.ResponseWriter, r *http.Request, person string) {
	key := deviceKey(person)
	all := slices.DeleteFunc(l.seenHere(r), func(d devicePerson) bool { return d.Key == key })
	all = append(all, devicePerson{Key: key, Until: l.o.Now().Add(deviceLife).Unix()})
	all = all[max(0, len(all)-maxDevice):]
	value, err := l.sealCookie(deviceCookie, all)
	if err != nil || len(value) > maxCookie {
		return // the next login is told of
	}
	l.jar.Set(w, deviceCookie, value, deviceLife)
}

// tellIfNew is tellDevice for a browser that is a new one.
func (l *Login) tellIfNew(r *http.Request, s *access.Session) ([]notice.Notice, error) {
	if !l.newHere(r, s.PersonID) {
		return nil, nil
	}
	n, err := l.tellDevice(s)
	if err != nil {
		return nil, err
	}
	return []notice.Notice{n}, nil
}

// tellDevice marks a session that begins as one of a new device, and gives the notice
// of it. Its link ends the session and does nothing else.
func (l *Login) tellDevice(s *access.Session) (notice.Notice, error) {
	token, err := l.sealCookie(notMine, notMeLink{Session: s.ID, Device: s.Device, Door: s.Door,
		At: s.CreatedAt.UnixMilli(), Until: s.ExpiresAt.UnixMilli()})
	if err != nil {
		return notice.Notice{}, err
	}
	s.ToldAt = s.CreatedAt
	return notice.Notice{At: s.CreatedAt, Kind: notice.NewDevice, Subject: "session:" + s.ID, Details: map[string]string{
		"person": s.PersonID, "device": s.Device, "door": string(s.Door), "link": l.o.PublicURL.Scheme + "://" + l.o.PublicURL.Host + l.path("/not-me/"+token, nil),
	}}, nil
}

// notMine names what is sealed into a link, and is why its login ended.
const notMine = "not-me"

// notMeLink is what a link says that ends one login: whoever has it may end that one,
// also after the login went over to another person, because both were said to be one.
type notMeLink struct {
	Session string      `json:"s"`
	Device  string      `json:"d"`
	Door    access.Door `json:"o"`
	At      int64       `json:"a"` // Unix milliseconds
	Until   int64       `json:"u"`
}

// notMeOf opens the link of a request.
func (l *Login) notMeOf(r *http.Request) (notMeLink, error) {
	var k notMeLink
	if err := l.openCookie(notMine, r.PathValue("token"), &k); err != nil {
		return k, l.refuse(r, "session.not-me", "", page(http.StatusNotFound, "not-me"))
	}
	if l.o.Now().UnixMilli() >= k.Until {
		return k, page(http.StatusGone, "not-me-over")
	}
	return k, nil
}

// getNotMe shows which login a link would end. It changes nothing: link previews open
// it too.
func (l *Login) getNotMe(w http.ResponseWriter, r *http.Request) error {
	k, err := l.notMeOf(r)
	if err != nil {
		return err
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.notme.title"},
		notMePage(notMeView{Link: k, At: time.UnixMilli(k.At), Now: l.o.Now(), Post: "/not-me/" + r.PathValue("token")}))
}

// postNotMe ends the login of a link, with all that hangs on it. It asks nothing else:
// whoever reads that somebody else is in must not be asked to log in first.
func (l *Login) postNotMe(w http.ResponseWriter, r *http.Request) error {
	k, err := l.notMeOf(r)
	if err != nil {
		return err
	}
	now := l.o.Now()
	n, err := l.o.Store.EndSessions(r.Context(), grant.Effects{
		At: now, EndSessions: []access.SessionFilter{{ID: k.Session, Why: notMine}},
		Audit: []audit.Entry{{
			At: now, Actor: audit.Actor{Kind: audit.ActorStranger}, Action: "session.end", Subject: "session:" + k.Session,
			Outcome: audit.Done, Reason: notMine,
		}},
	})
	if err != nil && !errors.Is(err, access.ErrNotFound) {
		return err
	}
	return l.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "login.notme.title"}, notMeDonePage(n > 0))
}

// notMeView is what the page of a link shows.
type notMeView struct {
	Link    notMeLink
	At, Now time.Time
	Post    string
}
