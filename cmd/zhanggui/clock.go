package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// clockCmd is about the server's clock.
type clockCmd struct {
	Show   clockShowCmd   `cmd:"" default:"withargs" help:"Show what is known of the server's clock."`
	Accept clockAcceptCmd `cmd:"" help:"Take the clock for right although a later time was seen."`
}

type clockShowCmd struct{ remote }

// Help shows an example.
func (clockShowCmd) Help() string {
	return "BEHIND is how far the clock is behind the latest time seen, SKEW how far it is ahead of WeChat's.\n\nExample:\n  zhanggui clock"
}

// Run implements the command.
func (s clockShowCmd) Run(ctx context.Context, c console) error {
	return s.tell(ctx, c, http.MethodGet, "/v1/clock")
}

type clockAcceptCmd struct{ remote }

// Help shows an example.
func (clockAcceptCmd) Help() string {
	return "Logins stop while the clock is behind the latest time seen. If it was ahead before and is right now, this lets them go on.\n\nExample:\n  zhanggui clock accept"
}

// Run implements the command.
func (a clockAcceptCmd) Run(ctx context.Context, c console) error {
	return a.tell(ctx, c, http.MethodPost, "/v1/clock/accept")
}

// tell asks the server and prints what it knows of its clock.
func (r remote) tell(ctx context.Context, c console, method, path string) error {
	var v adminapi.ClockView
	if err := r.do(ctx, method, path, nil, &v); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(v)
	}
	seconds := func(s float64) string {
		return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
	}
	skew, within := "-", "-"
	if v.Samples > 0 {
		skew, within = seconds(v.Skew), seconds(v.Within)
	}
	return c.table("CLOCK BEHIND SKEW WITHIN SAMPLES", [][]string{{when(&v.Now), seconds(v.Behind), skew, within, strconv.Itoa(v.Samples)}})
}
