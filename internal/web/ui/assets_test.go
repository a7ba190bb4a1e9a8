package ui

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(t *testing.T, u *UI, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	u.Static().ServeHTTP(w, r)
	return w
}

func TestAssetsAreCachedByTheirHash(t *testing.T) {
	u := newUI(t)
	page := visit(t, u, hello(u), "GET", "/").Body.String()
	for name, kind := range map[string]string{"zhanggui.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		path := "/static/" + u.assets.hash + "/" + name
		if !strings.Contains(page, `href="/zhanggui`+path+`"`) {
			t.Errorf("the page does not link %s", path)
		}
		w := get(t, u, path)
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if old := get(t, u, "/static/0000000000000000/"+name); old.Code != 200 || strings.Contains(old.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s of another version: %d %v", name, old.Code, old.Header())
		}
	}
	for _, path := range []string{"/static/", "/static/" + u.assets.hash + "/", "/static/" + u.assets.hash + "/ui.go", "/other/zhanggui.css", "/static/" + u.assets.hash + "/pico.min.css"} {
		if w := get(t, u, path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestAssetsAreCompressed(t *testing.T) {
	u := newUI(t)
	path := "/static/" + u.assets.hash + "/zhanggui.css"
	plain, zipped := get(t, u, path), get(t, u, path, "Accept-Encoding", "gzip, br")
	if zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Body.Len() > 20<<10 || zipped.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("%d bytes, %v", zipped.Body.Len(), zipped.Header())
	}
	zr, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := io.ReadAll(zr)
	if err != nil || string(unzipped) != plain.Body.String() {
		t.Errorf("the compressed sheet is another one: %v", err)
	}
}

func TestStyleSheetStaysAtHome(t *testing.T) {
	css := layered(picoCSS) + ownCSS
	if !strings.HasPrefix(css, "@layer pico{/*!") || strings.Contains(css, "@charset") || strings.Contains(css, "@import") {
		t.Errorf("the sheet begins with %q", css[:40])
	}
	if strings.Count(css, "{") != strings.Count(css, "}") {
		t.Error("braces do not match")
	}
	if strings.Contains(css, "url(http") || strings.Contains(css, `url("http`) || strings.Contains(css, "url(//") {
		t.Error("the sheet loads something from elsewhere")
	}
}
