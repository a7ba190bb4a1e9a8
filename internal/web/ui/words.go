package ui

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var locales embed.FS

// The languages, Chinese first: it is what a visitor gets who asks for
// neither.
const (
	langZH = "zh-CN"
	langEN = "en"
)

type words struct {
	localizers map[string]*i18n.Localizer
}

// loadWords reads every active.LANG.json of the catalogues.
func loadWords(catalogues []fs.FS) (*words, error) {
	bundle := i18n.NewBundle(language.SimplifiedChinese)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	var problems []error
	seen := map[string]bool{}
	for _, c := range catalogues {
		keys, err := loadCatalogue(bundle, c)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		problems = append(problems, compareKeys(keys[langZH], keys[langEN]))
		for k := range keys[langZH] {
			if seen[k] {
				problems = append(problems, fmt.Errorf("ui: key %q is in two catalogues; rename one", k))
			}
			seen[k] = true
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &words{localizers: map[string]*i18n.Localizer{
		langZH: i18n.NewLocalizer(bundle, langZH),
		langEN: i18n.NewLocalizer(bundle, langEN),
	}}, nil
}

// CheckCatalogue tells what is wrong with a feature's catalogue: files that do
// not parse, and keys that only one language has.
func CheckCatalogue(c fs.FS) error {
	_, err := loadWords([]fs.FS{c})
	return err
}

type keySet map[string]bool

func loadCatalogue(bundle *i18n.Bundle, c fs.FS) (map[string]keySet, error) {
	keys := map[string]keySet{}
	err := fs.WalkDir(c, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		lang := catalogueLanguage(path.Base(p))
		if d.IsDir() || lang == "" {
			return nil
		}
		file, err := bundle.LoadMessageFileFS(c, p)
		if err != nil {
			return fmt.Errorf("ui: catalogue %s: %w", p, err)
		}
		set := keySet{}
		for _, m := range file.Messages {
			set[m.ID] = true
			if lang == langEN && m.One == "" && strings.Contains(m.Other, "{{.Count}}") {
				return fmt.Errorf("ui: key %q counts and has no words for one; write one and other in active.en.json", m.ID)
			}
		}
		keys[lang] = set
		return nil
	})
	if err == nil && len(keys) == 0 {
		err = errors.New("ui: a catalogue holds no active.zh-CN.json and active.en.json; embed the two files")
	}
	return keys, err
}

func catalogueLanguage(name string) string {
	switch name {
	case "active." + langZH + ".json":
		return langZH
	case "active." + langEN + ".json":
		return langEN
	}
	return ""
}

func compareKeys(zh, en keySet) error {
	var problems []error
	for _, k := range slices.Sorted(maps.Keys(zh)) {
		if !en[k] {
			problems = append(problems, fmt.Errorf("ui: key %q has no English words; add it to active.en.json", k))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(en)) {
		if !zh[k] {
			problems = append(problems, fmt.Errorf("ui: key %q has no Chinese words; add it to active.zh-CN.json", k))
		}
	}
	return errors.Join(problems...)
}

// T gives the words for key in the visitor's language. Data fills the
// {{.Name}} places; its "Count" also chooses between singular and plural. A
// key without words is shown as it is, so that it is noticed.
func T(ctx context.Context, key string, data ...map[string]any) string {
	s, ok := ctx.Value(contextKey{}).(speaker)
	if !ok {
		return key
	}
	return s.ui.words.say(s.lang, key, data...)
}

func (w *words) say(lang, key string, data ...map[string]any) string {
	merged := map[string]any{}
	for _, d := range data {
		maps.Copy(merged, d)
	}
	text, err := w.localizers[lang].Localize(&i18n.LocalizeConfig{
		MessageID: key, TemplateData: merged, PluralCount: merged["Count"],
	})
	if err != nil || text == "" {
		return key
	}
	return text
}

// Pick gives the one of two texts that is in the visitor's language, for texts that are
// no words of a page: what a notice, a finding or an error says.
func Pick(ctx context.Context, en, zh string) string {
	if Language(ctx) == langEN {
		return en
	}
	return zh
}

// Language gives the language of the page being made: "zh-CN" or "en".
func Language(ctx context.Context) string {
	if s, ok := ctx.Value(contextKey{}).(speaker); ok {
		return s.lang
	}
	return langZH
}
