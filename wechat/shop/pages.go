package shop

import (
	"context"
	"errors"
	"iter"
	"time"
)

// ErrEndless ends a list that came back to a page it had shown, or that promises
// more without saying where.
var ErrEndless = errors.New("shop: the list came back to a page it had shown; narrow the query and read it again")

// page is one answer of a list.
type page[T any] struct {
	items []T
	next  string // cursor of the next page
	more  bool
}

// untilEmpty makes the page of a list that has no has_more: an empty page or no
// cursor ends it.
func untilEmpty[T any](items []T, next string) page[T] {
	return page[T]{items: items, next: next, more: len(items) > 0 && next != ""}
}

// walk yields the items of a list that pages by a cursor, "" for the first page. It
// counts the pages from 1 for lists that want a number as well.
func walk[T any](fetch func(cursor string, number int) (page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen := map[string]bool{"": true}
		cursor := ""
		for number := 1; ; number++ {
			p, err := fetch(cursor, number)
			if !give(yield, p.items, err) || !p.more {
				return
			}
			if seen[p.next] {
				give(yield, nil, ErrEndless)
				return
			}
			seen[p.next] = true
			cursor = p.next
		}
	}
}

// walkOffset yields the items of a list that pages by offset. It ends at an
// empty page: a short one may be a cap of WeChat's. A list that shows the same
// page at two offsets does not count them.
func walkOffset[T comparable](fetch func(offset int) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var first T
		for offset := 0; ; {
			items, err := fetch(offset)
			if items, err = fresh(items, err, first, offset == 0); !give(yield, items, err) || len(items) == 0 {
				return
			}
			first = items[0]
			offset += len(items)
		}
	}
}

// numbered is one answer of a list that pages by number.
type numbered[T any] struct {
	items   []T
	total   Int    // of all pages; 0 when WeChat does not tell
	context string // what the next page wants back
}

// walkNumbers yields the items of a list that pages by number, from 1. It ends at an
// empty page, or when it has as many as WeChat counts.
func walkNumbers[T comparable](fetch func(number int, context string) (numbered[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var first T
		var got Int
		context := ""
		for number := 1; ; number++ {
			p, err := fetch(number, context)
			items, err := fresh(p.items, err, first, number == 1)
			if !give(yield, items, err) || len(items) == 0 {
				return
			}
			if got += Int(len(items)); p.total > 0 && got >= p.total {
				return
			}
			first, context = items[0], p.context
		}
	}
}

// fresh turns a page that begins like the one before into an error.
func fresh[T comparable](items []T, err error, before T, isFirst bool) ([]T, error) {
	if err == nil && !isFirst && len(items) > 0 && items[0] == before {
		return nil, ErrEndless
	}
	return items, err
}

// give yields items, or an error instead of them, and reports whether to go on.
func give[T any](yield func(T, error) bool, items []T, err error) bool {
	if err != nil {
		var zero T
		yield(zero, err)
		return false
	}
	for _, item := range items {
		if !yield(item, nil) {
			return false
		}
	}
	return true
}

// Range is a span of time for lists. WeChat bounds its width; lists here cut a
// longer one into windows and read one after the other, so that what lies on a
// seam may be yielded twice.
type Range struct{ From, To time.Time }

// IsZero reports whether the range says nothing.
func (r Range) IsZero() bool { return r.From.IsZero() && r.To.IsZero() }

// Since returns the range of d up to now.
func Since(now time.Time, d time.Duration) Range { return Range{From: now.Add(-d), To: now} }

// errRange is for ranges that cannot be cut into windows.
var errRange = errors.New("shop: a range needs From and a later To")

// windows cuts r. The zero Range is one window.
func (r Range) windows(width time.Duration) ([]Range, error) {
	if r.IsZero() {
		return []Range{r}, nil
	}
	if r.From.IsZero() || !r.To.After(r.From) {
		return nil, errRange
	}
	var all []Range
	for from := r.From; from.Before(r.To); from = from.Add(width) {
		all = append(all, Range{From: from, To: earlier(from.Add(width), r.To)})
	}
	return all, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// inWindows yields what list yields for each window of r. An error ends it.
func inWindows[T any](r Range, width time.Duration, list func(Range) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		windows, err := r.windows(width)
		if err != nil {
			give(yield, nil, err)
			return
		}
		for _, w := range windows {
			for item, err := range list(w) {
				if !yield(item, err) || err != nil {
					return
				}
			}
		}
	}
}

// span is a range as order lists write it.
type span struct {
	Start Time `json:"start_time"`
	End   Time `json:"end_time"`
}

// spanOf returns nil for the zero Range.
func spanOf(r Range) *span {
	if r.IsZero() {
		return nil
	}
	return &span{Start: At(r.From), End: At(r.To)}
}

// All collects a list. It returns what came before an error along with it.
func All[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for item, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, item)
	}
	return all, nil
}

// each asks one page of a list: the context is the caller's for the whole walk.
func each[Res, T any](ctx context.Context, c *Client, path string, req any, read func(Res) page[T]) (page[T], error) {
	res, err := Call[Res](ctx, c, path, req)
	if err != nil {
		return page[T]{}, err
	}
	return read(res), nil
}
