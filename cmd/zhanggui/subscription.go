package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// subscriptionCmd is about who hears of which events.
type subscriptionCmd struct {
	List   subscriptionListCmd   `cmd:"" default:"withargs" help:"List who hears of which events."`
	Add    subscriptionAddCmd    `cmd:"" help:"Subscribe a client to events and print the secret of its webhook."`
	Remove subscriptionRemoveCmd `cmd:"" help:"Remove a subscription with what waits for it."`
	Rotate subscriptionRotateCmd `cmd:"" help:"Replace the secret of a webhook and print the new one."`
	Start  subscriptionStartCmd  `cmd:"" help:"Switch a subscription on again."`
	Test   subscriptionTestCmd   `cmd:"" help:"Send a test event."`
	Dead   subscriptionDeadCmd   `cmd:"" help:"List the events that were given up."`
	Replay subscriptionReplayCmd `cmd:"" help:"Send events that were given up once more."`
}

// oneSubscription names a subscription.
type oneSubscription struct {
	remote
	ID string `arg:"" help:"Id of the subscription."`
}

func (o oneSubscription) path(rest string) string {
	return "/v1/subscriptions/" + url.PathEscape(o.ID) + rest
}

type subscriptionListCmd struct {
	remote
	Client string `help:"Only those of this client."`
}

// Help shows an example.
func (subscriptionListCmd) Help() string { return "Example:\n  zhanggui subscription list" }

// Run implements the command.
func (l subscriptionListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.SubscriptionView]
	if err := all.read(ctx, l.remote, "/v1/subscriptions?"+url.Values{"client": {l.Client}}.Encode()); err != nil {
		return err
	}
	if l.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, v.Client, strings.Join(v.Events, ","), subscriptionWords(v), v.URL})
	}
	return c.table("SUBSCRIPTION CLIENT EVENTS STATE URL", rows)
}

// subscriptionWords is a subscription's state with why.
func subscriptionWords(v adminapi.SubscriptionView) string {
	switch {
	case v.Why != "":
		return v.State + ": " + v.Why
	case v.Paused != nil && v.Paused.After(time.Now()):
		return "the receiver is away, asked again at " + when(v.Paused)
	}
	return v.State
}

type subscriptionAddCmd struct {
	remote
	Client       string   `arg:"" help:"Id of the client whose shops it hears of."`
	To           string   `arg:"" name:"address" help:"Where events are posted to: an https address."`
	Event        []string `help:"Name of an event, or its beginning with * behind it; may be repeated." default:"*"`
	AllowPrivate bool     `help:"Let the address be in a private network."`
}

// Help shows an example.
func (subscriptionAddCmd) Help() string {
	return "Prints the secret that bodies are signed with, this once.\n\nExample:\n  zhanggui subscription add erp https://erp.example.com/hook --event 'channels_ec_order_*' --event 'grant.*'"
}

// Run implements the command.
func (a subscriptionAddCmd) Run(ctx context.Context, c console) error {
	in := adminapi.NewSubscriptionInput{Client: a.Client, URL: a.To, Events: a.Event, AllowPrivate: a.AllowPrivate}
	var made adminapi.SubscriptionView
	if err := a.do(ctx, http.MethodPost, "/v1/subscriptions", in, &made); err != nil {
		return err
	}
	if a.JSON {
		return c.printJSON(made)
	}
	fmt.Fprintf(c.out, "subscription  %s\nsecret        %s\n", made.ID, made.Secret)
	return nil
}

type subscriptionRemoveCmd struct{ oneSubscription }

// Help shows an example.
func (subscriptionRemoveCmd) Help() string {
	return "Example:\n  zhanggui subscription remove sub_example"
}

// Run implements the command.
func (r subscriptionRemoveCmd) Run(ctx context.Context) error {
	return r.do(ctx, http.MethodDelete, r.path(""), nil, nil)
}

type subscriptionRotateCmd struct{ oneSubscription }

// Help shows an example.
func (subscriptionRotateCmd) Help() string {
	return "For a day bodies are signed with both secrets.\n\nExample:\n  zhanggui subscription rotate sub_example"
}

// Run implements the command.
func (r subscriptionRotateCmd) Run(ctx context.Context, c console) error {
	var out adminapi.RotatedView
	if err := r.do(ctx, http.MethodPost, r.path("/rotate"), nil, &out); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(out)
	}
	fmt.Fprintf(c.out, "secret  %s\n", out.Secret)
	return nil
}

type subscriptionStartCmd struct{ oneSubscription }

// Help shows an example.
func (subscriptionStartCmd) Help() string {
	return "What came while it was off is sent, as far as it is kept.\n\nExample:\n  zhanggui subscription start sub_example"
}

// Run implements the command.
func (s subscriptionStartCmd) Run(ctx context.Context) error {
	return s.do(ctx, http.MethodPost, s.path("/start"), nil, nil)
}

type subscriptionTestCmd struct{ oneSubscription }

// Help shows an example.
func (subscriptionTestCmd) Help() string {
	return "Exits with 1 if the receiver did not take it.\n\nExample:\n  zhanggui subscription test sub_example"
}

var errEventNotTaken = errors.New("the receiver did not take the test; mend its address, its secret or its server, and test again")

// Run implements the command.
func (t subscriptionTestCmd) Run(ctx context.Context, c console) error {
	var v adminapi.TriedView
	if err := t.do(ctx, http.MethodPost, t.path("/test"), nil, &v); err != nil {
		return err
	}
	result, failed := "taken", error(nil)
	if !v.Taken {
		result, failed = v.Reason, errEventNotTaken
	}
	if t.JSON {
		return errors.Join(c.printJSON(v), failed)
	}
	row := []string{v.Channel, result, (time.Duration(v.Millis) * time.Millisecond).String()}
	return errors.Join(c.table("RECEIVER RESULT TOOK", [][]string{row}), failed)
}

type subscriptionDeadCmd struct {
	oneSubscription
	Limit int `help:"How many at most." default:"100"`
}

// Help shows an example.
func (subscriptionDeadCmd) Help() string {
	return "Example:\n  zhanggui subscription dead sub_example"
}

// Run implements the command.
func (d subscriptionDeadCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.DeadLetterView]
	if err := d.do(ctx, http.MethodGet, d.path("/dead?limit="+strconv.Itoa(d.Limit)), nil, &all); err != nil {
		return err
	}
	if d.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, v.Type, v.Shop, when(v.At), strconv.Itoa(v.Attempts), v.Reason})
	}
	return c.table("EVENT TYPE SHOP AT ATTEMPTS REASON", rows)
}

type subscriptionReplayCmd struct {
	oneSubscription
	Event []string `help:"Id of an event; may be repeated. None stands for all."`
}

// Help shows an example.
func (subscriptionReplayCmd) Help() string {
	return "Each is tried once, beside the newer events of its shop.\n\nExample:\n  zhanggui subscription replay sub_example --event ev_123"
}

// Run implements the command.
func (r subscriptionReplayCmd) Run(ctx context.Context, c console) error {
	var out adminapi.ReplayedView
	if err := r.do(ctx, http.MethodPost, r.path("/replay"), adminapi.ReplayInput{Events: r.Event}, &out); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(out)
	}
	fmt.Fprintf(c.out, "%d events are sent once more\n", out.Replayed)
	return nil
}
