package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// alertCmd is about what is wrong, or was.
type alertCmd struct {
	List  alertListCmd  `cmd:"" default:"withargs" help:"List what is wrong, the newest first."`
	Show  alertShowCmd  `cmd:"" help:"Show one alert, with what to do."`
	End   alertEndCmd   `cmd:"" help:"Say that an alert is over which only people can end."`
	Rules alertRulesCmd `cmd:"" help:"List what follows from each kind of notice."`
}

type alertListCmd struct {
	remote
	All   bool `help:"Those that are over, too."`
	Limit int  `help:"How many at most." default:"50"`
}

// Help shows an example.
func (alertListCmd) Help() string {
	return "What is wrong is counted once for each cause, however many shops it hits.\n\nExample:\n  zhanggui alert list --all"
}

// Run implements the command.
func (l alertListCmd) Run(ctx context.Context, c console) error {
	q := url.Values{"open": {strconv.FormatBool(!l.All)}, "limit": {strconv.Itoa(l.Limit)}}
	var all items[adminapi.AlertView]
	if err := l.do(ctx, http.MethodGet, "/v1/alerts?"+q.Encode(), nil, &all); err != nil {
		return err
	}
	if l.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		rows = append(rows, []string{v.ID, when(v.Since), v.State, v.Severity, v.Kind, strconv.Itoa(v.Count), dash(strings.Join(v.Subjects[:min(1, len(v.Subjects))], " "))})
	}
	return c.table("ALERT SINCE STATE SEVERITY KIND COUNT ABOUT", rows)
}

type alertShowCmd struct {
	remote
	ID string `arg:"" help:"Id of the alert."`
}

// Help shows an example.
func (alertShowCmd) Help() string { return "Example:\n  zhanggui alert show 42" }

// Run implements the command.
func (s alertShowCmd) Run(ctx context.Context, c console) error {
	var v adminapi.AlertView
	if err := s.do(ctx, http.MethodGet, "/v1/alerts/"+url.PathEscape(s.ID), nil, &v); err != nil {
		return err
	}
	if s.JSON {
		return c.printJSON(v)
	}
	rows := [][]string{
		{"kind", v.Kind}, {"state", v.State}, {"severity", v.Severity}, {"since", when(v.Since)}, {"ended", when(v.Ended)}, {"told", when(v.Told)},
		{"count", fmt.Sprintf("%d, about %d", v.Count, v.Members)}, {"about", dash(strings.Join(v.Subjects, " "))},
		{"what", v.What.EN}, {"next", v.Next.EN}, {"runbook", dash(v.Runbook)},
	}
	return c.table("ALERT "+v.ID, rows)
}

type alertEndCmd struct {
	remote
	ID     string `arg:"" help:"Id of the alert."`
	Reason string `help:"What was found and done, for whoever looks at it later." required:""`
}

// Help shows an example.
func (alertEndCmd) Help() string {
	return "Most alerts end by themselves and are refused. That the audit log was broken is for people to explain; the reason is in the log.\n\nExample:\n  zhanggui alert end 42 --reason \"a backup of Monday was restored; audit verify is clean\""
}

// Run implements the command.
func (e alertEndCmd) Run(ctx context.Context, c console) error {
	var v adminapi.AlertView
	if err := e.do(ctx, http.MethodPost, "/v1/alerts/"+url.PathEscape(e.ID)+"/end", map[string]string{"reason": e.Reason}, &v); err != nil {
		return err
	}
	if e.JSON {
		return c.printJSON(v)
	}
	return c.table("ALERT ENDED", [][]string{{v.ID, "yes"}})
}

type alertRulesCmd struct{ remote }

// Help shows an example.
func (alertRulesCmd) Help() string {
	return "Rules are changed in the settings, under alerts.\n\nExample:\n  zhanggui alert rules"
}

// Run implements the command.
func (r alertRulesCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.AlertRuleView]
	if err := r.do(ctx, http.MethodGet, "/v1/alerts/rules", nil, &all); err != nil {
		return err
	}
	if r.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		how := v.How
		if v.Off {
			how = "off"
		}
		rows = append(rows, []string{v.Kind, how, v.Severity, dash(v.Remind), owner(v), limit(v)})
	}
	return c.table("KIND HOW SEVERITY REMIND OWNER LIMIT", rows)
}

// owner says how long after its beginning an owner is told.
func owner(v adminapi.AlertRuleView) string {
	if d, err := time.ParseDuration(v.Owner); err == nil && d < time.Second {
		return "at once"
	}
	return dash(v.Owner)
}

// limit is what a watched rule measures.
func limit(v adminapi.AlertRuleView) string {
	var parts []string
	if v.Threshold > 0 {
		parts = append(parts, strconv.FormatFloat(v.Threshold, 'g', -1, 64))
	}
	if v.Window != "" {
		parts = append(parts, "in "+v.Window)
	}
	if v.After != "" {
		parts = append(parts, "for "+v.After)
	}
	return dash(strings.Join(parts, " "))
}

// silenceCmd is about what nobody wants to be told of.
type silenceCmd struct {
	List silenceListCmd `cmd:"" default:"withargs" help:"List silences, the newest first."`
	Add  silenceAddCmd  `cmd:"" help:"Keep back messages of a kind, a subject or a shop for a while."`
	End  silenceEndCmd  `cmd:"" help:"End a silence; what is still open is told."`
}

type silenceListCmd struct{ remote }

// Help shows an example.
func (silenceListCmd) Help() string { return "Example:\n  zhanggui silence list" }

// Run implements the command.
func (l silenceListCmd) Run(ctx context.Context, c console) error {
	var all items[adminapi.SilenceView]
	if err := l.do(ctx, http.MethodGet, "/v1/silences", nil, &all); err != nil {
		return err
	}
	if l.JSON {
		return c.printJSON(all.Items)
	}
	var rows [][]string
	for _, v := range all.Items {
		state := "over"
		if v.Live {
			state = "live"
		}
		rows = append(rows, []string{v.ID, state, when(v.Until), dash(v.Kind), dash(v.Subject), dash(v.Shop), v.By, v.Reason})
	}
	return c.table("SILENCE STATE UNTIL KIND ABOUT SHOP BY REASON", rows)
}

type silenceAddCmd struct {
	remote
	Kind    string `help:"Kind of notice, such as quota.low."`
	Subject string `help:"What it is about, such as grant:g_x."`
	Shop    string `help:"Id of a shop."`
	For     string `help:"How long, such as 2h." required:""`
	Reason  string `help:"Why, for whoever looks at it later." required:""`
}

// Help shows an example.
func (silenceAddCmd) Help() string {
	return "A silenced alert is recorded and shown. When the silence ends and it is still open, it is told.\n\nExample:\n  zhanggui silence add --kind grant.stopped --shop lantian --for 2h --reason \"new AppSecret\""
}

// Run implements the command.
func (a silenceAddCmd) Run(ctx context.Context, c console) error {
	in := map[string]string{"for": a.For, "reason": a.Reason}
	for name, value := range map[string]string{"kind": a.Kind, "subject": a.Subject, "shop": a.Shop} {
		if value != "" {
			in[name] = value
		}
	}
	var v adminapi.SilenceView
	if err := a.do(ctx, http.MethodPost, "/v1/silences", in, &v); err != nil {
		return err
	}
	if a.JSON {
		return c.printJSON(v)
	}
	return c.table("SILENCE UNTIL", [][]string{{v.ID, when(v.Until)}})
}

type silenceEndCmd struct {
	remote
	ID string `arg:"" help:"Id of the silence."`
}

// Help shows an example.
func (silenceEndCmd) Help() string { return "Example:\n  zhanggui silence end q_x" }

// Run implements the command.
func (e silenceEndCmd) Run(ctx context.Context, c console) error {
	var v adminapi.SilenceView
	if err := e.do(ctx, http.MethodPost, "/v1/silences/"+url.PathEscape(e.ID)+"/end", struct{}{}, &v); err != nil {
		return err
	}
	if e.JSON {
		return c.printJSON(v)
	}
	return c.table("SILENCE ENDED", [][]string{{v.ID, "yes"}})
}
