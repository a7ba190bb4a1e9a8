package adminapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/setup"
)

// problem is an RFC 9457 document. Unlike huma's own it has no "value": that
// would send a rejected body, secrets and all, back to whoever reads answers
// and logs.
type problem struct {
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Detail   string   `json:"detail,omitempty"`
	Problems []string `json:"problems,omitempty"`
}

func (p *problem) Error() string  { return p.Title + ": " + p.Detail }
func (p *problem) GetStatus() int { return p.Status }

// ContentType makes the answer a problem document.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// huma asks a variable of its package for every error. It is set before
// anything is served, since handlers of one server read it while another server
// of the same process is being mounted.
func init() { huma.NewError = newProblem }

func newProblem(status int, msg string, errs ...error) huma.StatusError {
	p := &problem{Title: http.StatusText(status), Status: status, Detail: msg}
	for _, err := range errs {
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			p.Problems = append(p.Problems, strings.TrimPrefix(d.Location+": "+d.Message, ": "))
		}
	}
	return p
}

// fail turns an error of the domain into an answer. Others become a 500
// without words of their own.
func fail(err error) error {
	if invalid, ok := errors.AsType[*setup.InvalidError](err); ok {
		return &problem{Title: "the manifest cannot be applied", Status: http.StatusUnprocessableEntity, Problems: invalid.Problems}
	}
	for _, known := range []struct {
		err    error
		status int
		detail string
	}{
		{access.ErrNotFound, http.StatusNotFound, "there is nothing with this id; list what there is"},
		{grant.ErrNotFound, http.StatusNotFound, "there is no such grant; list the grants"},
		{access.ErrStale, http.StatusConflict, "somebody else changed it meanwhile; repeat the request"},
		{grant.ErrLost, http.StatusConflict, "the grant changed meanwhile; repeat the request"},
		{access.ErrWrongCode, http.StatusForbidden, "the code is not the one shown to the person invited; ask them to read it again"},
		{access.ErrInvitationGone, http.StatusGone, "the invitation is used, withdrawn or expired; make a new one"},
		{access.ErrUsed, http.StatusConflict, "it is used already"},
	} {
		if errors.Is(err, known.err) {
			return &problem{Title: http.StatusText(known.status), Status: known.status, Detail: known.detail}
		}
	}
	return huma.Error500InternalServerError("the request could not be carried out; the server's log says why", err)
}
