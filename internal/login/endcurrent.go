package login

import "net/http"

// EndCurrent ends the session of a request, if there is one, and removes its cookie.
// why is recorded with it.
func (l *Login) EndCurrent(w http.ResponseWriter, r *http.Request, why string) error {
	if err := l.endCurrent(w, r, why); err != nil {
		return err
	}
	l.jar.Drop(w, linkCookie)
	l.jar.Drop(w, entryCookie)
	return nil
}
