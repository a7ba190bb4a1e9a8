package ui

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed assets/pico.min.css
var picoCSS string

//go:embed assets/zhanggui.css
var ownCSS string

//go:embed assets/icon.svg
var iconSVG string

// The names of the assets.
const (
	styleSheet = "zhanggui.css"
	icon       = "icon.svg"
)

type asset struct {
	kind   string
	plain  []byte
	zipped []byte
}

// assets are the files by name, and one hash of all of them for their paths.
type assets struct {
	files map[string]asset
	hash  string
}

// builtAssets makes the assets once in a process: they are the same for every UI, and
// packing them takes longer than all else that New does.
var builtAssets = sync.OnceValue(buildAssets)

func buildAssets() assets {
	a := assets{files: map[string]asset{
		styleSheet: newAsset("text/css; charset=utf-8", layered(picoCSS)+ownCSS),
		icon:       newAsset("image/svg+xml", iconSVG),
	}}
	sum := sha256.Sum256(append(a.files[styleSheet].plain, a.files[icon].plain...))
	a.hash = hex.EncodeToString(sum[:8])
	return a
}

// layered puts a foreign sheet into a cascade layer, so that every rule of
// ours wins whatever its specificity. A charset rule is allowed only at the
// start of a file.
func layered(css string) string {
	return "@layer pico{" + strings.TrimPrefix(css, `@charset "UTF-8";`) + "}\n"
}

func newAsset(kind, text string) asset {
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	_, _ = zw.Write([]byte(text)) // a bytes.Buffer does not fail
	_ = zw.Close()
	return asset{kind: kind, plain: []byte(text), zipped: buf.Bytes()}
}

// assetURL gives the public path of an asset.
func assetURL(ctx context.Context, u *UI, name string) string {
	return URL(ctx, "/static/"+u.assets.hash+"/"+name)
}

// Static serves the assets; mount it at "GET /static/". Their paths hold the
// hash of their content, so browsers may keep them for ever. A path with
// another hash, from a page of another version, gets the present file without
// that promise.
func (u *UI) Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dir, name := path.Split(r.URL.Path)
		a, ok := u.assets.files[name]
		if !ok || !strings.HasPrefix(dir, "/static/") {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-cache")
		if dir == "/static/"+u.assets.hash+"/" {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		a.serve(w, r)
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	body := a.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}
