package login

import (
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Observer counts logins. Doors are those of package access, or [DoorUnknown];
// results are the words below. It must return at once.
type Observer interface {
	LoggedIn(door access.Door, result string)
}

// DoorUnknown is the door of a login that nobody here began.
const DoorUnknown access.Door = "unknown"

// The results of a login.
const (
	ResultDone    = "done"    // somebody has a session
	ResultRefused = "refused" // by us, by WeChat, or by the person
	ResultFailed  = "failed"  // something is broken, here or at WeChat
)

// nobodyCounts is the observer of those who need none.
type nobodyCounts struct{}

func (nobodyCounts) LoggedIn(access.Door, string) {}

// loggedIn hands a new session to the browser, and counts it.
func (l *Login) loggedIn(w http.ResponseWriter, token secret.Value, s access.Session, now time.Time) {
	l.setSession(w, token, s, now)
	l.o.Observer.LoggedIn(s.Door, ResultDone)
}

// counted counts a login that came to nothing, and gives its error back.
func (l *Login) counted(door access.Door, err error) error {
	if err == nil {
		return nil
	}
	e := web.AsError(err)
	if e.Status == web.StatusClientGone {
		return err
	}
	if door == "" {
		door = DoorUnknown
	}
	result := ResultRefused
	if e.Status >= http.StatusInternalServerError {
		result = ResultFailed
	}
	l.o.Observer.LoggedIn(door, result)
	return err
}

// counting counts the failures of h as those of a door.
func (l *Login) counting(door access.Door, h web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error { return l.counted(door, h(w, r)) }
}
