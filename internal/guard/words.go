package guard

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"sync"

	"github.com/zhanggui/zhanggui/internal/web"
)

//go:embed locales
var catalogue embed.FS

// Words is the catalogue of this package's pages, for ui.Options.
func Words() fs.FS { return catalogue }

// texts are the words by language, for answers to programs.
var texts = sync.OnceValue(func() (all struct{ zh, en map[string]string }) {
	read := func(name string, into any) {
		b, err := catalogue.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			panic("guard: " + err.Error()) // the files are part of the program, and of its tests
		}
	}
	read("locales/active.zh-CN.json", &all.zh)
	read("locales/active.en.json", &all.en)
	return all
})

func word(key string, zh bool) string {
	if zh {
		return texts().zh[key]
	}
	return texts().en[key]
}

// problem makes the error for one kind of refusal from the catalogue: the keys are
// "guard.error.<code>" and "guard.error.<code>.next".
func problem(status int, code string) *web.Error {
	key := "guard.error." + code
	return &web.Error{
		Status: status, Code: code,
		EN: word(key, false), ZH: word(key, true),
		NextEN: word(key+".next", false), NextZH: word(key+".next", true),
	}
}

// write answers with an error as whoever asks can read it: a page for people, a
// problem document for programs.
func (h *host) write(w http.ResponseWriter, r *http.Request, e *web.Error) {
	say := func(http.ResponseWriter, *http.Request) error { return e }
	if readsPages(r.Header) {
		h.show(say).ServeHTTP(w, r)
		return
	}
	web.Machine(say).ServeHTTP(w, r)
}
