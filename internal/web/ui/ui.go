package ui

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/zhanggui/zhanggui/internal/web"
)

// Operator is who runs this server, as the footer says it. The two numbers
// are the filings that a site in mainland China must show. All may be empty.
type Operator struct {
	Name      string
	Contact   string // mail address, phone number or URL
	ICP       string // ICP 备案号
	PoliceICP string // 公安联网备案号
}

// Options are what [New] needs. The zero value works.
type Options struct {
	Operator   Operator
	BasePath   string  // path of the public URL, without a slash at its end
	Version    string  // shown in the footer
	Catalogues []fs.FS // each holds active.zh-CN.json and active.en.json, anywhere in it
}

// UI renders pages. It is safe for concurrent use.
type UI struct {
	operator Operator
	base     string
	version  string
	words    *words
	assets   assets
}

// New reads the catalogues and prepares the assets. It fails if the catalogues
// of the two languages differ in keys, or two of them define the same key.
func New(o Options) (*UI, error) {
	w, err := loadWords(append([]fs.FS{locales}, o.Catalogues...))
	if err != nil {
		return nil, err
	}
	return &UI{
		operator: o.Operator,
		base:     strings.TrimRight(o.BasePath, "/"),
		version:  o.Version,
		words:    w,
		assets:   builtAssets(),
	}, nil
}

// NavItem is one entry of the navigation.
type NavItem struct {
	Label   string
	Path    string // same-origin path without the public prefix
	Current bool
}

// PageInfo describes a page around its body.
type PageInfo struct {
	TitleKey string // catalogue key of the title; Title is used if it is empty
	Title    string
	Nav      []NavItem
	// RefreshSeconds makes the browser load the page again by itself; 0: never.
	RefreshSeconds int
	// Wide uses the whole width, for tables.
	Wide bool
}

// view is what the templates know of the page and the request.
type view struct {
	PageInfo
	ui    *UI
	lang  string
	other string // href of the language switch
	form  bool   // the page may hold forms
}

type contextKey struct{}

// speaker is what the context carries for T and URL.
type speaker struct {
	ui   *UI
	lang string
}

// Page turns h into a handler whose errors become pages. Inside of it [T] and
// [URL] know the visitor's language and the public prefix.
func (u *UI) Page(h web.Handler) http.Handler {
	inner := web.Page(u.errorPage, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, u.prepare(w, r))
	})
}

// prepare puts the language into the context, and keeps it if it was just
// chosen.
func (u *UI) prepare(w http.ResponseWriter, r *http.Request) *http.Request {
	if _, ok := r.Context().Value(contextKey{}).(speaker); ok {
		return r
	}
	lang, chosen := chooseLanguage(r)
	if chosen {
		keepLanguage(w, r, lang, u.base)
	}
	w.Header().Add("Vary", "Accept-Language, Cookie")
	return r.WithContext(context.WithValue(r.Context(), contextKey{}, speaker{u, lang}))
}

// Render writes a whole page. Nothing is written if the body fails to render,
// so that the error can still become an error page.
func (u *UI) Render(w http.ResponseWriter, r *http.Request, status int, p PageInfo, body templ.Component) error {
	r = u.prepare(w, r)
	ctx := r.Context()
	if p.TitleKey != "" {
		p.Title = T(ctx, p.TitleKey)
	}
	lang := Language(ctx)
	v := view{PageInfo: p, ui: u, lang: lang, other: switchLink(r, lang, status), form: status < 400}
	var buf bytes.Buffer
	if err := layout(v, body).Render(ctx, &buf); err != nil {
		return fmt.Errorf("ui: render page %q: %w", p.TitleKey, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	w.WriteHeader(status)
	// An error here means that the visitor is gone.
	_, _ = buf.WriteTo(w)
	return nil
}

// errorPage writes e as a page in the visitor's language first and the other
// below it.
func (u *UI) errorPage(w http.ResponseWriter, r *http.Request, e *web.Error) {
	web.SetRetryAfter(w.Header(), e.RetryAfter)
	w.Header().Set("Cache-Control", "no-store")
	info := PageInfo{TitleKey: "error.title"}
	if err := u.Render(w, r, e.Status, info, errorBody(e, web.RequestID(r.Context()))); err != nil {
		web.WriteProblem(w, r, e)
	}
}

// URL adds the path of the public URL in front of a same-origin path.
func URL(ctx context.Context, path string) string {
	if s, ok := ctx.Value(contextKey{}).(speaker); ok {
		return s.ui.base + path
	}
	return path
}
