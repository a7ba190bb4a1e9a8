package wechatsim

import (
	"crypto/rand"
	"net"
	"net/http"
	"net/url"
	"strings"
)

const (
	personCookie = "wechatsim_person" // a random id that stands for a person
	uaCookie     = "wechatsim_ua"     // "wechat": this browser plays the phone
)

// inWeChat tells whether the caller is WeChat's own browser. WeCom names
// itself MicroMessenger too, and is not it.
//
// On loopback only, a cookie set by the phone button counts as well: nobody
// can change the User-Agent of a desktop browser with a click. Cookies ignore
// ports, so a server on another port of the same host sees it too. Any other
// host ignores it.
func inWeChat(r *http.Request) bool {
	if isLoopback(hostname(r)) {
		if k, err := r.Cookie(uaCookie); err == nil && k.Value == "wechat" {
			return true
		}
	}
	ua := r.UserAgent()
	return strings.Contains(ua, "MicroMessenger") && !strings.Contains(strings.ToLower(ua), "wxwork")
}

// hostname is the name the caller used for us, without the port.
func hostname(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		return r.Host
	}
	return host
}

// whoIs finds the person of a browser, nil if nobody was chosen.
func (s *Sim) whoIs(r *http.Request) (*person, string) {
	k, err := r.Cookie(personCookie)
	if err != nil {
		return nil, ""
	}
	return s.people[s.sessions[k.Value]], k.Value
}

// become starts a browser session for a person and returns its cookie.
func (s *Sim) become(name string) (*http.Cookie, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people[name] == nil {
		return nil, false
	}
	id := rand.Text()
	s.sessions[id] = name
	return &http.Cookie{Name: personCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}, true
}

// serveWho is the button "I am this person".
func (s *Sim) serveWho(w http.ResponseWriter, r *http.Request) {
	k, ok := s.become(r.PostFormValue("person"))
	if !ok {
		writeProblem(w, http.StatusNotFound, ErrNobody.Error())
		return
	}
	http.SetCookie(w, k)
	goBack(w, r)
}

// servePhone is the phone button and the PC button. It takes the form field
// device: phone (the default) or pc.
func (s *Sim) servePhone(w http.ResponseWriter, r *http.Request) {
	k := &http.Cookie{Name: uaCookie, Value: "wechat", Path: "/", SameSite: http.SameSiteLaxMode}
	if r.PostFormValue("device") == "pc" {
		k.Value, k.MaxAge = "", -1
	}
	http.SetCookie(w, k)
	goBack(w, r)
}

// goBack returns to a page of this emulator; other places are not accepted.
func goBack(w http.ResponseWriter, r *http.Request) {
	back := r.PostFormValue("back")
	u, err := url.Parse(back)
	if err != nil || u.Host != "" || u.Scheme != "" || !pageOf(u.Path) {
		back = "/"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// pageOf tells the paths of pages for people.
func pageOf(path string) bool {
	return strings.HasPrefix(path, "/connect/") || strings.HasPrefix(path, marketPath) || grantPageHost(path) != ""
}

// parseForm reads a posted form from the body that was read already.
func parseForm(c *call) (url.Values, error) { return url.ParseQuery(string(c.body)) }
