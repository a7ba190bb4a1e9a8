package adminapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// Frame is what stands around every operation: ETags on reads, changes that are tied
// to one, and keys that make a request repeatable. Other rooms that answer under /v1/
// take it too.
type Frame struct {
	Now      func() time.Time
	Requests Requests
	Sealer   Sealer
}

// Around frames one operation, next, asked for by by. read answers what a GET of any
// path would.
func (f Frame) Around(by audit.Actor, read, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.around(r.Method, r.URL.Path, read, next).ServeHTTP(w, r.WithContext(WithActor(r.Context(), by)))
	})
}

func (f Frame) around(method, path string, read, next http.Handler) http.Handler {
	if method == http.MethodGet {
		return tagged(next)
	}
	framed := matched(read, next)
	if repeatable(method, path) {
		framed = f.once(framed) // outermost: a repeated request finds the thing changed by itself
	}
	return framed
}

// routes is the mux as operations are mounted on it: what all of them have in
// common stands around each.
type routes struct {
	*http.ServeMux
	frame Frame
}

// HandleFunc mounts an operation.
func (m routes) HandleFunc(pattern string, f func(http.ResponseWriter, *http.Request)) {
	method, path, _ := strings.Cut(pattern, " ")
	m.Handle(pattern, m.frame.around(method, path, m.ServeMux, http.HandlerFunc(f)))
}

// repeatable tells whether an operation takes an Idempotency-Key: all that make or
// do something. The export is left out, for its answers are shops' tokens, which
// have no business in another table.
func repeatable(method, path string) bool {
	return method == http.MethodPost && !strings.HasSuffix(path, "/export")
}

// tagged gives answers a strong ETag, made of their content, and leaves out those
// that the caller has.
func tagged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := newRecorder()
		next.ServeHTTP(rec, r)
		if rec.status != http.StatusOK {
			rec.send(w)
			return
		}
		tag := etag(rec.body.Bytes())
		rec.header.Set("ETag", tag)
		if none := r.Header.Values("If-None-Match"); len(none) > 0 && names(none, tag, true) {
			w.Header().Set("ETag", tag)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		rec.send(w)
	})
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

// names tells whether a list of ETags has tag in it, or stands for any. A weak one
// counts for reads only (RFC 9110, 13.1).
func names(lists []string, tag string, weak bool) bool {
	return slices.ContainsFunc(strings.Split(strings.Join(lists, ","), ","), func(t string) bool {
		t = strings.TrimSpace(t)
		if weak {
			t = strings.TrimPrefix(t, "W/")
		}
		return t == tag || t == "*"
	})
}

// matched makes a change only if the thing is as the caller saw it, when they say
// how they did. It looks before anything is done, for those whose change is none of
// the store's, and again in the transaction that makes the change: then no
// replica can change it between the look and the change.
func matched(read, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := r.Header.Values("If-Match")
		if len(want) == 0 || actor(r.Context()).Kind == "" {
			next.ServeHTTP(w, r)
			return
		}
		holds := func(ctx context.Context) error {
			rec := newRecorder()
			read.ServeHTTP(rec, thing(r.WithContext(ctx)))
			if rec.status != http.StatusOK || !names(want, rec.header.Get("ETag"), false) {
				return access.ErrCondition
			}
			return nil
		}
		if err := holds(r.Context()); err != nil {
			writeProblem(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(access.OnlyIf(r.Context(), holds)))
	})
}

// thing reads what a request changes: /v1/grants/g_1 for a POST to
// /v1/grants/g_1/revoke, and otherwise what the path names.
func thing(r *http.Request) *http.Request {
	get := r.Clone(r.Context())
	get.Method, get.Body, get.ContentLength = http.MethodGet, http.NoBody, 0
	get.Header = http.Header{"Authorization": r.Header["Authorization"]}
	get.URL = &url.URL{RawPath: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery}
	if r.Method == http.MethodPost {
		segments := strings.SplitN(get.URL.RawPath, "/", 5)
		get.URL.RawPath, get.URL.RawQuery = strings.Join(segments[:min(4, len(segments))], "/"), ""
	}
	get.URL.Path, _ = url.PathUnescape(get.URL.RawPath) // it parsed before
	return get
}
