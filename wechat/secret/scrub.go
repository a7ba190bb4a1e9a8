package secret

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// minKnown is the shortest known secret that Mask looks for. Shorter ones
// would hit ordinary words and make texts unreadable.
const minKnown = 4

// Scrub returns err without secrets in its text: URLs of *url.Error keep
// scheme, host and path only, and the known Values are replaced by
// [Redacted]. A clean error is returned as it is, nil as nil.
//
// The causes stay reachable for errors.Is and errors.AsType as far as they
// print nothing secret; a *url.Error never is.
func Scrub(err error, known ...Value) error {
	if err == nil || clean(err, known) {
		return err
	}
	text := err.Error()
	for _, u := range urlErrors(err) {
		text = maskURL(text, u.URL)
	}
	return &scrubbed{text: Mask(text, known...), causes: cleanCauses(err, known)}
}

// Mask replaces every known Value in text by [Redacted], also where it
// appears percent-encoded or quoted, and a beginning of it where the text
// breaks off. Values shorter than four bytes are left alone.
func Mask(text string, known ...Value) string {
	for _, k := range known {
		s := k.RevealString()
		if len(s) < minKnown {
			continue
		}
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), quoted(s)} {
			text = maskEnd(strings.ReplaceAll(text, form, Redacted), form)
		}
	}
	return text
}

// maskEnd replaces a beginning of s at the end of text: an answer may be cut
// in the middle of a secret that it echoes.
func maskEnd(text, s string) string {
	for n := min(len(s)-1, len(text)); n >= minKnown; n-- {
		if strings.HasSuffix(text, s[:n]) {
			return text[:len(text)-n] + Redacted
		}
	}
	return text
}

// URL returns u's scheme, host and path: what may be printed of a URL. User
// information, query and fragment are dropped.
func URL(u *url.URL) string {
	if u == nil {
		return ""
	}
	bare := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return bare.String()
}

// scrubbed is the error that Scrub returns.
type scrubbed struct {
	text   string
	causes []error
}

func (e *scrubbed) Error() string   { return e.text }
func (e *scrubbed) Unwrap() []error { return e.causes }

// Format keeps odd verbs from walking into the causes.
func (e *scrubbed) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		fmt.Fprintf(f, "%q", e.text)
		return
	}
	fmt.Fprint(f, e.text)
}

// clean reports whether printing err shows nothing secret.
func clean(err error, known []Value) bool {
	text := err.Error()
	return Mask(text, known...) == text && len(urlErrors(err)) == 0
}

// urlErrors lists the *url.Error values in err's tree.
func urlErrors(err error) []*url.Error {
	var found []*url.Error
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // this function is the walk
		found = append(found, u)
	}
	for _, child := range children(err) {
		found = append(found, urlErrors(child)...)
	}
	return found
}

// cleanCauses lists the topmost errors below err that are clean.
func cleanCauses(err error, known []Value) []error {
	var found []error
	for _, child := range children(err) {
		if clean(child, known) {
			found = append(found, child)
			continue
		}
		found = append(found, cleanCauses(child, known)...)
	}
	return found
}

// children returns what err wraps.
func children(err error) []error {
	if u, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // this function is the walk
		return u.Unwrap()
	}
	if child := errors.Unwrap(err); child != nil {
		return []error{child}
	}
	return nil
}

// maskURL replaces the raw URL in text by its printable part. *url.Error
// prints it quoted, a caller may have printed it plainly.
func maskURL(text, raw string) string {
	if raw == "" {
		return text
	}
	printable := Redacted
	if u, err := url.Parse(raw); err == nil {
		printable = URL(u)
	}
	text = strings.ReplaceAll(text, quoted(raw), printable)
	return strings.ReplaceAll(text, raw, printable)
}

// quoted returns s as %q prints it, without the quotation marks.
func quoted(s string) string {
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
