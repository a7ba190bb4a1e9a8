package adminapi

import (
	"errors"
	"net/http"
	"regexp"
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
	if status == http.StatusUnsupportedMediaType {
		p.Detail = "send JSON, with Content-Type: application/json" // huma repeats the type that was sent
		return p
	}
	for _, err := range errs {
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			p.Problems = append(p.Problems, strings.TrimPrefix(place(d.Location)+": "+d.Message, ": "))
		}
	}
	return p
}

// fieldForm is what names of fields look like, mistyped ones too.
var fieldForm = regexp.MustCompile(`^[a-z_]{1,40}(\[[0-9]{1,4}\])*$`)

// place tells where in the input something is wrong. A name that looks like no
// field is left out: somebody may have put a secret before the colon.
func place(location string) string {
	segments := strings.Split(location, ".")
	for i, s := range segments {
		if !fieldForm.MatchString(s) {
			return strings.Join(append(segments[:i:i], "…"), ".")
		}
	}
	return location
}

// quoted is a value in a sentence, with the word before it.
var quoted = regexp.MustCompile(`([a-z_]+) "((?:[^"\\]|\\.)*)"`)

// idAfter are the words that an id follows.
var idAfter = regexp.MustCompile(`^(?:app|tenant|shop|client) "[a-z0-9-]{1,40}"$`)

// withoutValues leaves the ids in a sentence, which tell the place, and takes out
// every other value: whoever mixes up AppID and AppSecret must not read the
// secret back from a log.
func withoutValues(text string) string {
	return quoted.ReplaceAllStringFunc(text, func(q string) string {
		if idAfter.MatchString(q) {
			return q
		}
		word, _, _ := strings.Cut(q, " ")
		return word + ` "…"`
	})
}

// fail turns an error of the domain into an answer. Others become a 500
// without words of their own.
func fail(err error) error {
	if invalid, ok := errors.AsType[*setup.InvalidError](err); ok {
		p := &problem{Title: "the manifest cannot be applied", Status: http.StatusUnprocessableEntity}
		for _, text := range invalid.Problems {
			p.Problems = append(p.Problems, withoutValues(text))
		}
		return p
	}
	if stays, ok := errors.AsType[*setup.MoveError](err); ok {
		return &problem{Title: http.StatusText(http.StatusConflict), Status: http.StatusConflict, Detail: stays.Error()}
	}
	if invalid, ok := errors.AsType[*grant.Invalid](err); ok {
		return &problem{Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity, Detail: invalid.EN}
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
