package login

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/zhanggui/zhanggui/internal/web"
)

// Catalogue holds the words of this package's pages, one file for each
// language. Hand it to the UI.
//
//go:embed locales/*.json
var Catalogue embed.FS

// words are the catalogues, by language.
type words struct{ zh, en map[string]string }

var catalogue = sync.OnceValues(func() (words, error) {
	zh, err := readWords("locales/active.zh-CN.json")
	if err != nil {
		return words{}, err
	}
	en, err := readWords("locales/active.en.json")
	return words{zh: zh, en: en}, err
})

// readWords reads the plain texts of a catalogue. Those with a singular and a
// plural are for pages only.
func readWords(name string) (map[string]string, error) {
	b, err := Catalogue.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("login: catalogue: %w", err)
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("login: catalogue %s: %w", name, err)
	}
	texts := map[string]string{}
	for key, v := range all {
		if text, ok := v.(string); ok {
			texts[key] = text
		}
	}
	return texts, nil
}

// page makes the error for one kind of refusal from the catalogue: the keys are
// "login.error.<code>" and "login.error.<code>.next".
func page(status int, code string) *web.Error {
	w, err := catalogue()
	key := "login.error." + code
	return &web.Error{
		Status: status, Code: code,
		EN: w.en[key], ZH: w.zh[key],
		NextEN: w.en[key+".next"], NextZH: w.zh[key+".next"],
		Err: err,
	}
}

// withLink adds a way on to a page, with the words of "login.way.<way>".
func withLink(e *web.Error, way, link string) *web.Error {
	w, _ := catalogue() // page has reported the error
	e.Link, e.LinkEN, e.LinkZH = link, w.en["login.way."+way], w.zh["login.way."+way]
	return e
}

// consentVersion names the consent text: whoever changes a word of it changes
// the version, and the consents kept so far keep naming the old one.
func consentVersion() (string, error) {
	w, err := catalogue()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, m := range []map[string]string{w.zh, w.en} {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if strings.HasPrefix(key, "login.consent.") {
				fmt.Fprintf(h, "%d %s\n%d %s\n", len(key), key, len(m[key]), m[key])
			}
		}
	}
	return "c" + hex.EncodeToString(h.Sum(nil)[:6]), nil
}
