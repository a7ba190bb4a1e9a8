package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// noticeCmd is about what humans are told.
type noticeCmd struct {
	List noticeListCmd `cmd:"" default:"withargs" help:"List notices, the newest first, with how far each got."`
	Test noticeTestCmd `cmd:"" help:"Send a test notice to every channel."`
}

type noticeListCmd struct {
	remote
	Pending bool `help:"Only those that some channel waits for."`
	Limit   int  `help:"How many at most." default:"50"`
}

// Help shows an example.
func (noticeListCmd) Help() string {
	return "What a notice means and what to do is in the English and Chinese texts of --json.\n\nExample:\n  zhanggui notice list --pending"
}

// Run implements the command.
func (n noticeListCmd) Run(ctx context.Context, c console) error {
	q := url.Values{"pending": {strconv.FormatBool(n.Pending)}, "limit": {strconv.Itoa(n.Limit)}}
	var all items[adminapi.NoticeView]
	if err := n.do(ctx, http.MethodGet, "/v1/notices?"+q.Encode(), nil, &all); err != nil {
		return err
	}
	if n.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		if len(v.Deliveries) == 0 {
			rows = append(rows, []string{v.ID, when(v.At), v.Kind, dash(v.Subject), "-", "-"})
		}
		for i, d := range v.Deliveries {
			row := []string{v.ID, when(v.At), v.Kind, dash(v.Subject), d.Channel, deliveryWords(d)}
			if i > 0 {
				row[0], row[1], row[2], row[3] = "", "", "", ""
			}
			rows = append(rows, row)
		}
	}
	return c.table("NOTICE AT KIND ABOUT CHANNEL STATE", rows)
}

// deliveryWords is a delivery's state with what comes next.
func deliveryWords(d adminapi.DeliveryView) string {
	switch {
	case d.State == "pending" && d.Attempts > 0:
		return fmt.Sprintf("%s after %d attempts, next at %s", d.Reason, d.Attempts, when(d.Due))
	case d.Reason != "":
		return d.State + ": " + d.Reason
	}
	return d.State
}

type noticeTestCmd struct{ remote }

// Help shows an example.
func (noticeTestCmd) Help() string {
	return "Nothing is written down but that you asked. Exits with 1 if a channel did not take it.\n\nExample:\n  zhanggui notice test"
}

var errNotTaken = errors.New("not every channel took the test; mend its address, its secret or its server, and test again")

// Run implements the command.
func (n noticeTestCmd) Run(ctx context.Context, c console) error {
	var tried items[adminapi.TriedView]
	if err := n.do(ctx, http.MethodPost, "/v1/notices/test", nil, &tried); err != nil {
		return err
	}
	var rows [][]string
	var failed error
	for _, v := range tried.Items {
		result := "taken"
		if !v.Taken {
			result, failed = v.Reason, errNotTaken
		}
		rows = append(rows, []string{v.Channel, result, (time.Duration(v.Millis) * time.Millisecond).String()})
	}
	if n.JSON {
		return errors.Join(c.printJSON(tried.Items), failed)
	}
	return errors.Join(c.table("CHANNEL RESULT TOOK", rows), failed)
}
