package browser

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// faulty is a page with every fault that a look finds.
const faulty = `<!doctype html><html lang="de"><head><link rel="icon" href="data:,"><title>x</title>
<style>h1 { color: red }</style><script>1</script></head>
<body><main><h1 id="a">One</h1><h1 id="a">Two</h1><p>text</p><input name="q"><a href="/"></a>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="" width="1500" height="9"></main></body></html>`

// TestLookFindsFaults proves that a clean look means something.
func TestLookFindsFaults(t *testing.T) {
	h := enter(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:")
		_, _ = io.WriteString(w, faulty)
	}))
	t.Cleanup(srv.Close)
	p := h.profile("faulty", phoneWidth)
	p.open(strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) + "/")
	found := strings.Join(p.faults("faulty"), "\n")
	for _, want := range []string{
		"px wide in a window of 390 px", "px wide in a window of 1280 px", `the language is "de"`, "2 h1", `without a label: ["<input`,
		`without a name: ["<a`, `come twice: ["a"]`, "1 scripts", "ontent Security Policy", "the browser asked http://localhost:",
	} {
		if !strings.Contains(found, want) {
			t.Errorf("no fault says %q; found:\n%s", want, found)
		}
	}
	for lang, text := range map[string]string{"en": "Sprache：Deutsch", "zh-CN": "Deutsch"} {
		a := anatomy{Lang: lang, Headings: 1, Own: text}
		if len(a.faults(true)) != 1 || len(a.faults(false)) != 0 {
			t.Errorf("%q as %s: faults %q, on the emulator %q; want one and none", text, lang, a.faults(true), a.faults(false))
		}
	}
}
