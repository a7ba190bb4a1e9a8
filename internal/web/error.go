package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/outage"
)

// Handler answers a request or says why not. A returned error has not been
// written yet; [Machine] or [Page] does that.
type Handler func(w http.ResponseWriter, r *http.Request) error

// StatusClientGone is logged when the caller went away before the answer. It
// is no failure of ours and is not counted as one.
const StatusClientGone = 499

// Error is what a request ended with: public words and the private cause,
// kept apart. Public words are fixed texts, with names of ours at most; input of
// the caller never goes into them.
type Error struct {
	Status         int           // HTTP status
	Code           string        // machine readable slug, e.g. "state-foreign"
	EN, ZH         string        // what happened, for people
	NextEN, NextZH string        // what to do next
	ErrCode        int           // WeChat's errcode, when it said one
	RID            string        // WeChat's rid of the same answer
	RetryAfter     time.Duration // when asking again makes sense; 0: not said
	Rule           string        // which rule refused it, e.g. "group:order"; empty: not said

	// Link is an optional way on, a same-origin path, shown as a button on
	// pages with the words in LinkEN and LinkZH.
	Link           string
	LinkEN, LinkZH string

	Err error // the private cause: logged, never sent
}

// Error gives the line for logs: code, status and cause.
func (e *Error) Error() string {
	s := e.Code + " (" + strconv.Itoa(e.Status) + ")"
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the private cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError gives the [*Error] in err's chain. A cancelled request becomes 499,
// a body over its limit 413, a database that does not answer 503 with the code
// "database-down", anything else 500 with the code "internal" and err as the
// private cause.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return bodyTooLarge(tooBig)
	}
	if errors.Is(err, context.Canceled) {
		return &Error{
			Status: StatusClientGone, Code: "client-gone", Err: err,
			EN: "The request was cancelled.", ZH: "请求已取消。",
			NextEN: "Send it again if you still need the answer.", NextZH: "如仍需要结果，请重新发送。",
		}
	}
	if e, ok := Said(err); ok {
		return e
	}
	return internal(err)
}

// Said gives the words that err has for callers: those of the [*Error] in its chain,
// or of a database that does not answer. It is false when it has none.
func Said(err error) (*Error, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e, true
	}
	if o, ok := outage.Of(err); ok {
		return noDatabase(o, err), true
	}
	return nil, false
}

func internal(err error) *Error {
	return &Error{
		Status: http.StatusInternalServerError, Code: "internal", Err: err,
		EN: "The server made a mistake.", ZH: "服务器出错了。",
		NextEN: "Try again in a minute. If it stays, give the request id to the operator.",
		NextZH: "请一分钟后重试。若仍然出错，请把请求编号告诉管理员。",
	}
}

func bodyTooLarge(err error) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Code: "body-too-large", Err: err,
		EN: "The request body is too large.", ZH: "请求内容过大。",
		NextEN: "Send less in one request.", NextZH: "请减少单次请求的内容。",
	}
}

// NotFound answers 404. Use it for the "/" pattern of a mux.
func NotFound(http.ResponseWriter, *http.Request) error {
	return &Error{
		Status: http.StatusNotFound, Code: "not-found",
		EN: "There is nothing at this address.", ZH: "这个地址没有内容。",
		NextEN: "Check the address.", NextZH: "请检查地址是否正确。",
		Link: "/", LinkEN: "To the start page", LinkZH: "返回首页",
	}
}
