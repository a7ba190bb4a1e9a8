package zhanggui

import (
	"net/http"
	"strconv"
)

// The server's headers; docs/guide/gateway.md describes them.
const (
	headerErrcode = "X-Zhanggui-Errcode"
	headerRID     = "X-Zhanggui-Rid"
	headerAttempt = "X-Zhanggui-Attempt"
	headerCause   = "X-Zhanggui-Cause"
	headerRequest = "X-Zhanggui-Request"
)

// answerOf reads the server's headers. A number that is none counts as 0.
func answerOf(op, path string, res *http.Response) *Answer {
	a := &Answer{
		Status: res.StatusCode, Header: res.Header, RID: res.Header.Get(headerRID), Cause: res.Header.Get(headerCause),
		Request: res.Header.Get(headerRequest), Body: res.Body, op: op, path: path,
	}
	a.Errcode, _ = strconv.Atoi(res.Header.Get(headerErrcode))
	a.Attempt, _ = strconv.Atoi(res.Header.Get(headerAttempt))
	return a
}
