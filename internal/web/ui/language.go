package ui

import (
	"net/http"
	"net/url"

	"golang.org/x/text/language"

	"github.com/zhanggui/zhanggui/internal/web"
)

const languageCookie = "zg_lang"

var matcher = language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English})

// chooseLanguage gives the language of a request, and whether its URL chose it
// just now.
func chooseLanguage(r *http.Request) (lang string, chosen bool) {
	if l := known(r.URL.Query().Get("lang")); l != "" {
		return l, true
	}
	if c, err := r.Cookie(languageCookie); err == nil {
		if l := known(c.Value); l != "" {
			return l, false
		}
	}
	return accepted(r.Header.Get("Accept-Language")), false
}

func known(s string) string {
	if s == langZH || s == langEN {
		return s
	}
	return ""
}

// accepted reads Accept-Language. Honest ones are short; of a long one only
// the beginning is read.
func accepted(header string) string {
	tags, _, err := language.ParseAcceptLanguage(header[:min(len(header), 200)])
	if err != nil || len(tags) == 0 {
		return langZH
	}
	if _, i, _ := matcher.Match(tags...); i == 1 {
		return langEN
	}
	return langZH
}

// keepLanguage remembers the choice for a year.
func keepLanguage(w http.ResponseWriter, r *http.Request, lang, base string) {
	http.SetCookie(w, &http.Cookie{
		Name: languageCookie, Value: lang, Path: base + "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: web.Scheme(r.Context()) == "https",
	})
}

// secretParams are query parameters that must not be repeated in a page.
var secretParams = []string{"code", "state", "ticket", "token", "access_token", "key"}

// switchLink gives the link to the same page in the other language. It is
// relative, so the path is not repeated. Error pages speak both languages and
// forget the query.
func switchLink(r *http.Request, lang string, status int) string {
	q := url.Values{}
	if status < 400 && r.Method == http.MethodGet {
		q = r.URL.Query()
	}
	for _, p := range secretParams {
		q.Del(p)
	}
	q.Set("lang", other(lang))
	return "?" + q.Encode()
}

func other(lang string) string {
	if lang == langEN {
		return langZH
	}
	return langEN
}
