package push

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/wechat/event"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

// The outcomes of a push; see the package comment.
const (
	outcomeTaken   = "taken"
	outcomeSeen    = "seen"
	outcomeRefused = "refused"
	outcomeFailed  = "failed"
)

// reasonNothing is for what was recorded and changed nothing.
const reasonNothing = "nothing"

// ErrRefused is for a [Decide] that will not have a push, now or later.
var ErrRefused = errors.New("push: the message cannot be taken; look whether WeChat sent this, and at the clock of this machine")

// Why a push is refused here.
var (
	errURL      = errors.New("push: the message does not belong on this URL; in the console the one for authorisations ends in /auth, the one for events in /event/ and the appid, $APPID$ for a platform")
	errPlatform = errors.New("push: the message is for another platform; compare the appid of the app with that of the console that holds the URL")
	errQuery    = errors.New("push: the query cannot be read; look whether WeChat sent this")
	errCut      = errors.New("push: the body broke off; look at the network, or whether WeChat sent this")
	errSlow     = errors.New("push: the body did not come in time; look at the network, or whether WeChat sent this")
)

// refusals says what is a refusal and not a fault of ours: the word that it is
// counted and recorded by, and the status.
var refusals = []struct {
	err    error
	word   string
	status int
}{
	{errNoDoor, "app", http.StatusForbidden},
	{errURL, "url", http.StatusForbidden},
	{errQuery, "query", http.StatusBadRequest},
	{errCut, "cut", http.StatusBadRequest},
	{errSlow, "slow", http.StatusRequestTimeout},
	{msgcrypt.ErrTooLarge, "too-large", http.StatusRequestEntityTooLarge},
	{msgcrypt.ErrPlainMode, "plain-mode", http.StatusBadRequest},
	{msgcrypt.ErrCompatibleMode, "compatible-mode", http.StatusBadRequest},
	{msgcrypt.ErrEncryptType, "encrypt-type", http.StatusBadRequest},
	{msgcrypt.ErrEnvelope, "envelope", http.StatusBadRequest},
	{msgcrypt.ErrTimestamp, "timestamp", http.StatusBadRequest},
	{msgcrypt.ErrSignature, "signature", http.StatusForbidden},
	{msgcrypt.ErrStale, "stale", http.StatusForbidden},
	{msgcrypt.ErrFuture, "future", http.StatusForbidden},
	{msgcrypt.ErrCiphertext, "ciphertext", http.StatusBadRequest},
	{msgcrypt.ErrPadding, "padding", http.StatusBadRequest},
	{msgcrypt.ErrLength, "length", http.StatusBadRequest},
	{msgcrypt.ErrAppID, "appid", http.StatusForbidden},
	{errPlatform, "platform", http.StatusForbidden},
	{event.ErrSyntax, "syntax", http.StatusBadRequest},
	{event.ErrDocType, "doctype", http.StatusBadRequest},
	{event.ErrDuplicate, "duplicate", http.StatusBadRequest},
	{event.ErrTooLarge, "too-large", http.StatusBadRequest},
	{event.ErrEnvelope, "message", http.StatusBadRequest},
	{event.ErrIncomplete, "incomplete", http.StatusBadRequest},
	{ErrRefused, "decided", http.StatusForbidden},
}

// failed counts a push that did not end well and gives its answer.
func (p *Receiver) failed(r *http.Request, app access.App, err error, began time.Time) error {
	e := p.problem(r, app, err)
	outcome, reason := outcomeRefused, strings.TrimPrefix(e.Code, codePrefix)
	if e.Status == http.StatusServiceUnavailable {
		outcome = outcomeFailed
	}
	p.o.Observer.Pushed(outcome, reason, p.o.Now().Sub(began))
	return e
}

// codePrefix stands before the reason in the access log.
const codePrefix = "push-"

// problem turns an error into an answer, and records a refusal. All that is no
// refusal is ours, and WeChat is asked to come again.
func (p *Receiver) problem(r *http.Request, app access.App, err error) *web.Error {
	for _, x := range refusals {
		if errors.Is(err, x.err) {
			p.refused(r, app, x.word)
			return answer(x.status, x.word, err)
		}
	}
	word := "not-kept"
	switch {
	case r.Context().Err() != nil:
		word = "gone"
	case errors.Is(err, context.DeadlineExceeded):
		word = "late"
	}
	return answer(http.StatusServiceUnavailable, word, err)
}

// refused takes note of a refusal. Before the signature nothing is known of who
// sent a push, and after it only that the one who did once held a message for us.
func (p *Receiver) refused(r *http.Request, app access.App, word string) {
	e := audit.Entry{
		At: p.o.Now(), Actor: audit.Actor{Kind: audit.ActorStranger},
		Action: "push.receive", Outcome: audit.Refused, Reason: word,
	}
	if app.ID != "" {
		e.Subject = "app:" + app.ID
	}
	p.o.Tally.Refused(r.Context(), e, web.ClientAddr(r.Context()))
}

// answer gives the error for the access log. Its words are for people who read a
// test of theirs; see [writePlain] for what is sent.
func answer(status int, word string, err error) *web.Error {
	return &web.Error{
		Status: status, Code: codePrefix + word, Err: err,
		EN: "The push was not taken.", ZH: "推送未被接收。",
		NextEN: "The audit log names the reason.", NextZH: "原因见审计日志。",
	}
}

// plain turns h into a handler whose errors are a bare status: whoever is refused
// need not learn why.
func plain(h web.Handler) http.Handler { return web.Page(writePlain, h) }

func writePlain(w http.ResponseWriter, _ *http.Request, e *web.Error) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(e.Status)
	_, _ = w.Write([]byte("not taken\n")) // an error means that the caller is gone
}
