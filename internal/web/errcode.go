package web

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// errcodeBody is WeChat's shape of an error.
type errcodeBody struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

// WriteErrcode writes e in the shape of WeChat's APIs, for programs that know
// nothing else: {"errcode":…,"errmsg":"…"}. errmsg says what happened and what to do,
// and ends with our request id where WeChat's ends with its own. X-Zhanggui-Cause
// holds the code that a problem document would have.
func WriteErrcode(w http.ResponseWriter, r *http.Request, e *Error, errcode, status int) {
	f := factsOf(r.Context())
	f.failure = e
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Zhanggui-Cause", e.Code)
	SetRetryAfter(h, e.RetryAfter)
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	msg := e.EN
	if e.NextEN != "" {
		msg += " " + e.NextEN
	}
	if f.id != "" {
		msg += " rid: " + f.id
	}
	// The caller may be gone: nobody is left to tell.
	_, _ = w.Write(encodeErrcode(errcodeBody{errcode, msg}))
}

func encodeErrcode(b errcodeBody) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(b) // a number and a text always encode
	return bytes.TrimRight(out.Bytes(), "\n")
}
