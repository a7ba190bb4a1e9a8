package adminapi

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Page says which part of a list is asked for.
type Page struct {
	After string `query:"after" doc:"Where the page begins: next of the page before. Left out: at the beginning"`
	Limit int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"At most so many"`
}

// list is how every list is answered.
type list[T any] struct {
	Items []T    `json:"items" doc:"In the order of the list"`
	Next  string `json:"next,omitempty" doc:"Send it as after for the page that follows; left out on the last page"`
}

// listOf answers all there is.
func listOf[T, U any](rows []T, view func(T) U) *body[list[U]] {
	return pageOf(rows, len(rows), view, nil)
}

// pageOf answers limit rows. One more tells that there is a page behind them; next
// makes its cursor from the last row that is shown.
func pageOf[T, U any](rows []T, limit int, view func(T) U, next func(T) string) *body[list[U]] {
	out := list[U]{Items: make([]U, 0, min(limit, len(rows)))}
	if len(rows) > limit {
		rows = rows[:limit]
		out.Next = next(rows[limit-1])
	}
	for _, r := range rows {
		out.Items = append(out.Items, view(r))
	}
	return answer(out)
}

// window answers a page of a list that is short enough to be in memory, in the
// order of its keys.
func window[T, U any](p Page, name string, rows []T, key func(T) string, view func(T) U) (*body[list[U]], error) {
	at, err := p.place(name, 1)
	if err != nil {
		return nil, err
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	if p.After != "" {
		rows = slices.DeleteFunc(rows, func(r T) bool { return key(r) <= at[0] })
	}
	return pageOf(rows, p.Limit, view, func(r T) string { return cursor(name, key(r)) }), nil
}

// newestFirst is the beginning of a key that sorts later times before earlier ones.
func newestFirst(at time.Time) string { return fmt.Sprintf("%016x", math.MaxInt64-at.UnixMilli()) }

// cursor names the place behind a row of a list. Programs hand it back as it is.
// It is made of the row's key, not of a count, so that rows that come and go
// meanwhile move nothing.
func cursor(name string, parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(name + "\x00" + strings.Join(parts, "\x00")))
}

// longest bounds a cursor.
const longest = 512

// place reads a cursor of n parts; all are empty at the beginning of the list. A
// cursor has one spelling: base64 alone would skip line ends.
func (p Page) place(name string, n int) ([]string, error) {
	if p.After == "" {
		return make([]string, n), nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(p.After)
	parts := strings.Split(string(text), "\x00")
	if err != nil || len(p.After) > longest || len(parts) != n+1 || parts[0] != name || strings.ToValidUTF8(string(text), "") != string(text) ||
		cursor(name, parts[1:]...) != p.After {
		return nil, errCursor()
	}
	return parts[1:], nil
}

// after reads a cursor that is an id.
func (p Page) after(name string) (string, error) {
	parts, err := p.place(name, 1)
	if err != nil {
		return "", err
	}
	return parts[0], nil
}

// before reads a cursor that is a number, of a list with the newest first; 0 at its
// beginning.
func (p Page) before(name string) (int64, error) {
	id, err := p.after(name)
	if err != nil || id == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 {
		return 0, errCursor()
	}
	return n, nil
}

// mark reads a cursor of a list by time.
func (p Page) mark(name string) (access.Mark, error) {
	parts, err := p.place(name, 2)
	if err != nil || p.After == "" {
		return access.Mark{}, err
	}
	ms, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return access.Mark{}, errCursor()
	}
	return access.Mark{At: time.UnixMilli(ms), ID: parts[1]}, nil
}

// marked makes a cursor of a list by time.
func marked(name string, at time.Time, id string) string {
	return cursor(name, strconv.FormatInt(at.UnixMilli(), 10), id)
}

// number reads a cursor that is a number of ours, which says what it is: of an
// entry, or of an event.
func (p Page) number(begin int64) (int64, error) {
	if p.After == "" {
		return begin, nil
	}
	n, err := strconv.ParseInt(p.After, 10, 64)
	if err != nil || n < begin {
		return 0, errCursor()
	}
	return n, nil
}
