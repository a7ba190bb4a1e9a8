package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/web"
)

// TestWriteErrcode: WeChat's two fields, our next step, our request id, and our code
// in a header.
func TestWriteErrcode(t *testing.T) {
	e := &web.Error{Status: http.StatusForbidden, Code: "some-code", EN: "Not <so>.", NextEN: "Do that.", RetryAfter: 1500 * time.Millisecond}
	h := web.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { web.WriteErrcode(w, r, e, 48001, http.StatusOK) }), web.Options{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	start, id, ok := strings.Cut(w.Body.String(), " rid: ")
	if !ok || start != `{"errcode":48001,"errmsg":"Not <so>. Do that.` || strings.TrimSuffix(id, `"}`) != w.Header().Get("X-Request-Id") {
		t.Errorf("%s", w.Body)
	}
	for name, want := range map[string]string{"Content-Type": "application/json; charset=utf-8", "X-Zhanggui-Cause": "some-code", "Retry-After": "2", "Cache-Control": "no-store"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %q", w.Code, w.Body)
	}
}
