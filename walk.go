package zhanggui

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// items is how the server answers lists. Next is the cursor of the next page: a
// text or a number, and left out behind the last page.
type items[T any] struct {
	Items []T             `json:"items"`
	Next  json.RawMessage `json:"next"`
}

// cursor gives Next as it is written in a query.
func (i items[T]) cursor() string {
	text := strings.Trim(string(i.Next), `"`)
	if text == "null" {
		return ""
	}
	return text
}

// walk yields a list of the server's, page after page.
func walk[T any](ctx context.Context, c *caller, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := url.Values{}
		maps.Copy(q, query)
		for seen := map[string]bool{}; ; {
			page, err := ask[items[T]](ctx, c, http.MethodGet, path, q, nil)
			next := page.cursor()
			if err == nil && seen[next] {
				err = fmt.Errorf("%w: a list that came back to the cursor %q", ErrAnswer, next)
			}
			if !give(yield, page.Items, err) || next == "" {
				return
			}
			seen[next] = true
			q.Set("after", next)
		}
	}
}

// walkAfter yields a list whose cursors are its own items. An empty page ends it.
func walkAfter[T any](fetch func(after string) ([]T, error), after string, cursor func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			page, err := fetch(after)
			if !give(yield, page, err) || len(page) == 0 {
				return
			}
			last := cursor(page[len(page)-1])
			if last == after {
				give(yield, nil, fmt.Errorf("%w: a list that does not move on", ErrAnswer))
				return
			}
			after = last
		}
	}
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
