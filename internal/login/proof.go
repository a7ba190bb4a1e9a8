package login

import (
	"io"
	"net/http"
	"strings"

	"github.com/zhanggui/zhanggui/internal/web"
)

// Proofs answers GET /MP_verify_….txt, WeChat's proof of a domain, and passes
// everything else on. It stands before every other route: a start page in
// answer to WeChat's checker would fail the proof. Only the exact file of an
// app that we know is served.
func (l *Login) Proofs(next http.Handler) http.Handler {
	proof := web.Machine(l.getProof)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isProof(r.URL.Path) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			r.Pattern = "GET /MP_verify_{x}.txt" // no mux does: the access log names it
			proof.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isProof(path string) bool {
	return strings.HasPrefix(path, "/MP_verify_") && strings.HasSuffix(path, ".txt") && strings.Count(path, "/") == 1
}

func (l *Login) getProof(w http.ResponseWriter, r *http.Request) error {
	apps, err := l.o.Store.Apps(r.Context())
	if err != nil {
		return err
	}
	for _, app := range apps {
		if app.VerifyName == "" || "/"+app.VerifyName != r.URL.Path {
			continue
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, app.VerifyBody) // an error means that the checker is gone
		return nil
	}
	return web.NotFound(w, r)
}
