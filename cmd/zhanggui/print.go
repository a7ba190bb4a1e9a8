package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/zhanggui/zhanggui/internal/line"
)

// items is how the server answers lists.
type items[T any] struct {
	Items []T `json:"items"`
}

// read reads a whole list, page by page.
func (i *items[T]) read(ctx context.Context, r remote, path string) error {
	address, err := url.Parse(path)
	if err != nil {
		return err
	}
	i.Items = []T{} // an empty list is one in JSON too
	for q := address.Query(); ; {
		q.Set("limit", "1000")
		address.RawQuery = q.Encode()
		var page struct {
			items[T]
			Next string `json:"next"`
		}
		if err := r.do(ctx, http.MethodGet, address.String(), nil, &page); err != nil {
			return err
		}
		i.Items = append(i.Items, page.Items...)
		if page.Next == "" {
			return nil
		}
		q.Set("after", page.Next)
	}
}

// printJSON writes v for programs.
func (c console) printJSON(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table writes rows under heads, or says that there are none. A cell is one line of what
// can be seen: names are text of strangers, which a terminal would obey.
func (c console) table(heads string, rows [][]string) error {
	if len(rows) == 0 {
		fmt.Fprintln(c.out, "none")
		return nil
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(heads, " ", "\t"))
	for _, r := range rows {
		for i, cell := range r {
			r[i] = line.Of(cell)
		}
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	return w.Flush()
}

// when writes a time for people, "-" if there is none.
func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// dash stands for what is empty, so that columns stay.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
