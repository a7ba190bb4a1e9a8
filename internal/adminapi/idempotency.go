package adminapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Requests keeps the answers to requests with keys.
type Requests interface {
	// BeginRequest says whether a request is to be carried out, or was before, and
	// refuses one that cannot be told from another.
	BeginRequest(ctx context.Context, r access.Request) (kept access.Request, first bool, err error)
	FinishRequest(ctx context.Context, r access.Request) error
	// ForgetRequest has one that came to nothing count as never sent.
	ForgetRequest(ctx context.Context, r access.Request) error
}

// Sealer seals the answers: they may show the key of what was made.
type Sealer = setup.Sealer

const (
	keyHeader = "Idempotency-Key"
	// maxBody bounds the body of a request with a key, which is read whole.
	maxBody = 1 << 20
	// answerWithin is how long a request may take. One that has no answer by then
	// was cut off: the process ended, or could not write the answer down.
	answerWithin = 5 * time.Minute
)

// keyForm is what keys look like.
var keyForm = regexp.MustCompile(`^[!-~]{1,255}$`)

// once carries out a request with an Idempotency-Key once: who sends it again, the
// answer having been lost, gets the same answer, with the key that was made.
//
// An answer that says no is not kept, since nothing was made; one that says that
// the server failed leaves the outcome unknown.
func (f Frame) once(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys := r.Header.Values(keyHeader)
		if len(keys) == 0 || actor(r.Context()).Kind == "" {
			next.ServeHTTP(w, r)
			return
		}
		if len(keys) > 1 || !keyForm.MatchString(keys[0]) {
			writeProblem(w, refuse(http.StatusBadRequest, "idempotency-key", "this is no Idempotency-Key", "send one of 1 to 255 visible ASCII characters, a random one for each thing to make",
				"Idempotency-Key 无效", "请发送一个 1 至 255 位可见 ASCII 字符的键，每次创建随机生成"))
			return
		}
		if err := f.carryOut(w, r, keys[0], next); err != nil {
			writeProblem(w, err)
		}
	})
}

// carryOut answers a request with a key. An error was not written yet.
func (f Frame) carryOut(w http.ResponseWriter, r *http.Request, key string, next http.Handler) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
		return plain(http.StatusRequestEntityTooLarge)
	}
	if err != nil {
		return plain(http.StatusBadRequest)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	now, by := f.Now(), actor(r.Context())
	asked := access.Request{ID: digest("sender", by.Kind, by.ID, key), At: now, Until: now.Add(answerWithin),
		Digest: digest("request", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body))}
	kept, first, err := f.Requests.BeginRequest(r.Context(), asked)
	if err != nil {
		return err
	}
	if !first {
		return f.replay(w, kept)
	}
	rec := newRecorder()
	next.ServeHTTP(rec, r)
	f.keep(context.WithoutCancel(r.Context()), asked, rec)
	rec.send(w)
	return nil
}

// keep writes down what came of a request. When that fails the request stays
// unanswered for who repeats it: its outcome counts as unknown.
func (f Frame) keep(ctx context.Context, r access.Request, rec *recorder) {
	switch {
	case rec.status >= http.StatusInternalServerError:
	case rec.status >= http.StatusMultipleChoices:
		_ = f.Requests.ForgetRequest(ctx, r) // refused as unknown when it is repeated
	default:
		sealed, err := f.Sealer.Seal(secret.New(rec.body.Bytes()), vault.Answer(r.ID))
		if err != nil {
			return
		}
		r.Status, r.Kind, r.Answer = rec.status, rec.header.Get("Content-Type"), sealed
		_ = f.Requests.FinishRequest(ctx, r) // likewise
	}
}

// replay gives an answer once more.
func (f Frame) replay(w http.ResponseWriter, kept access.Request) error {
	body, err := f.Sealer.Open(kept.Answer, vault.Answer(kept.ID))
	if err != nil {
		return fmt.Errorf("open a kept answer: %w", err)
	}
	rec := newRecorder()
	rec.status = kept.Status
	if kept.Kind != "" {
		rec.header.Set("Content-Type", kept.Kind)
	}
	rec.header.Set("Idempotency-Replayed", "true")
	rec.body.WriteString(body.RevealString())
	rec.send(w)
	return nil
}

// digest hashes parts so that no two lists of them are one.
func digest(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)
}
