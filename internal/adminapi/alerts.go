package adminapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Alerts keeps what is wrong, or was, and what nobody wants to be told of.
type Alerts interface {
	// AlertsBefore gives a page, the newest first; 0 stands for the newest, and open
	// leaves out those that are over.
	AlertsBefore(ctx context.Context, open bool, id int64, limit int) ([]notice.Alert, error)
	Alert(ctx context.Context, id int64) (notice.Alert, error)
	Silences(ctx context.Context, limit int) ([]notice.Silence, error)
	Silence(ctx context.Context, id string) (notice.Silence, error)
	CreateSilence(ctx context.Context, s notice.Silence, entries ...audit.Entry) error
	EndSilence(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error
	// EndAlert ends one that people end.
	EndAlert(ctx context.Context, id int64, now time.Time, entries ...audit.Entry) error
}

// AlertView is something that is wrong, or was.
type AlertView struct {
	ID       string            `json:"id"`
	Kind     string            `json:"kind"`
	State    string            `json:"state" doc:"open, silenced or over"`
	Severity string            `json:"severity" doc:"info, warning or critical"`
	Since    *time.Time        `json:"since,omitempty"`
	Last     *time.Time        `json:"last,omitempty" doc:"when its newest fact was counted"`
	Ended    *time.Time        `json:"ended,omitempty"`
	Told     *time.Time        `json:"told,omitempty" doc:"when a message last left; left out: nobody was told"`
	Count    int               `json:"count" doc:"how many facts it counts"`
	Members  int               `json:"members" doc:"how many subjects it still is about"`
	Subjects []string          `json:"subjects" doc:"the first of them"`
	Shop     string            `json:"shop,omitempty" doc:"that all of it is about"`
	Details  map[string]string `json:"details,omitempty" doc:"of the first fact"`
	What     notice.Text       `json:"what"`
	Next     notice.Text       `json:"next"`
	Runbook  string            `json:"runbook,omitempty" doc:"address of the page that says what to do"`
	Silence  string            `json:"silence,omitempty" doc:"the silence that holds it"`
}

// AlertRuleView is what follows from notices of a kind.
type AlertRuleView struct {
	Kind      string   `json:"kind"`
	Off       bool     `json:"off" doc:"nobody is told, and no alert is kept"`
	Severity  string   `json:"severity" doc:"info, warning or critical"`
	How       string   `json:"how" enum:"condition,watched,event,recovery" doc:"a condition lasts until it is over, a watched one is seen by each server, an event is told by itself, a recovery ends others"`
	GroupedBy []string `json:"grouped_by" doc:"details that alerts of the kind are kept apart by"`
	Because   []string `json:"because" doc:"kinds of alert that may explain one of this kind: while one does, nobody is told of this one"`
	Gather    string   `json:"gather,omitempty" doc:"how long the first message waits for more"`
	Remind    string   `json:"remind,omitempty" doc:"after how long it is told again"`
	Owner     string   `json:"owner,omitempty" doc:"after how long the owner is told"`
	Quiet     bool     `json:"quiet" doc:"whether it waits for the end of quiet hours"`
	Threshold float64  `json:"threshold,omitempty" doc:"of a watched one: from which share of failures, or number, it counts"`
	Window    string   `json:"window,omitempty" doc:"of a watched one: over how long it is looked at"`
	After     string   `json:"after,omitempty" doc:"of a watched one: how long it must last"`
	Runbook   string   `json:"runbook,omitempty" doc:"address of the page that says what to do"`
}

// SilenceView is what nobody wants to be told of for a while.
type SilenceView struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind,omitempty" doc:"of notices; left out: any"`
	Subject string     `json:"subject,omitempty" doc:"of notices; left out: any"`
	Shop    string     `json:"shop,omitempty" doc:"left out: any"`
	Reason  string     `json:"reason" doc:"in the words of whoever made it"`
	By      string     `json:"by" doc:"who made it"`
	Made    *time.Time `json:"made,omitempty" doc:"when it began"`
	Until   *time.Time `json:"until,omitempty" doc:"when it ends by itself"`
	Live    bool       `json:"live" doc:"whether it holds anything back now"`
}

func (h handlers) mountAlerts(api huma.API) {
	huma.Register(api, op("list-alerts", http.MethodGet, "/v1/alerts", "List what is wrong, or was, newest first"), h.alerts)
	huma.Register(api, op("list-alert-rules", http.MethodGet, "/v1/alerts/rules", "List what follows from each kind of notice"), h.alertRules)
	huma.Register(api, op("get-alert", http.MethodGet, "/v1/alerts/{id}", "Show one alert"), h.alert)
	huma.Register(api, op("end-alert", http.MethodPost, "/v1/alerts/{id}/end", "Say that an alert is over which only people can end"), h.endAlert)
	huma.Register(api, op("list-silences", http.MethodGet, "/v1/silences", "List what nobody wants to be told of, newest first"), h.silences)
	huma.Register(api, op("create-silence", http.MethodPost, "/v1/silences", "Keep back messages of a kind, a subject or a shop for a while"), h.createSilence)
	huma.Register(api, op("end-silence", http.MethodPost, "/v1/silences/{id}/end", "End a silence; what is still open is told"), h.endSilence)
}

func (h handlers) alerts(ctx context.Context, in *struct {
	Page
	Open bool `query:"open" doc:"Only those that are not over"`
}) (*body[list[AlertView]], error) {
	before, err := in.before("alerts")
	if err != nil {
		return nil, err
	}
	all, err := h.Alerts.AlertsBefore(ctx, in.Open, before, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(all, in.Limit, h.viewAlert, func(a notice.Alert) string { return cursor("alerts", strconv.FormatInt(a.ID, 10)) }), nil
}

func (h handlers) alert(ctx context.Context, in *idPath) (*body[AlertView], error) {
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil {
		return nil, fail(access.ErrNotFound)
	}
	a, err := h.Alerts.Alert(ctx, id)
	if err != nil {
		return nil, fail(err)
	}
	return answer(h.viewAlert(a)), nil
}

func (h handlers) endAlert(ctx context.Context, in *struct {
	ID   string `path:"id" doc:"The alert's id"`
	Body struct {
		Reason string `json:"reason" doc:"what was found and done, for whoever looks at it later" minLength:"1" maxLength:"500"`
	}
}) (*body[AlertView], error) {
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil {
		return nil, fail(access.ErrNotFound)
	}
	a, err := h.Alerts.Alert(ctx, id)
	if err != nil {
		return nil, fail(err)
	}
	if !notice.EndedByPeople(a.Kind) {
		return nil, refuse(http.StatusConflict, "alert-ends-itself", "it is over when what it is about is well again, and would be told no more if it were ended while it is not",
			"mend it, or keep it back for a while with a silence", "问题恢复后告警会自行结束；提前结束将导致不再通知", "请处理问题，或用静默暂时屏蔽")
	}
	now := h.Now()
	if err := h.Alerts.EndAlert(ctx, id, now, grant.AlertEndEntry(now, actor(ctx), a, in.Body.Reason)); err != nil {
		return nil, fail(err)
	}
	return answer(h.viewAlert(a)), nil
}

func (h handlers) viewAlert(a notice.Alert) AlertView {
	w := a.Kind.Words()
	return AlertView{ID: strconv.FormatInt(a.ID, 10), Kind: string(a.Kind), State: string(a.State), Severity: string(a.Severity),
		Since: stamp(a.Opened), Last: stamp(a.LastAt), Ended: stamp(a.Ended), Told: stamp(a.ToldAt), Count: a.Count, Members: a.Members,
		Subjects: append([]string{}, a.Subjects...), Shop: a.Shop, Details: a.Details, What: w.What, Next: w.Next, Runbook: h.Runbook(a.Kind), Silence: a.Silence}
}

func (h handlers) alertRules(_ context.Context, in *Page) (*body[list[AlertRuleView]], error) {
	return window(*in, "alert-rules", h.AlertRules, func(v AlertRuleView) string { return v.Kind }, func(v AlertRuleView) AlertRuleView { return v })
}

// mostSilences is how many silences are listed; they are purged thirty days after
// their end.
const mostSilences = 1000

func (h handlers) silences(ctx context.Context, in *Page) (*body[list[SilenceView]], error) {
	all, err := h.Alerts.Silences(ctx, mostSilences)
	if err != nil {
		return nil, fail(err)
	}
	return window(*in, "silences", all, func(s notice.Silence) string { return newestFirst(s.Made) + s.ID }, h.viewSilence)
}

func (h handlers) viewSilence(s notice.Silence) SilenceView {
	return SilenceView{ID: s.ID, Kind: string(s.Kind), Subject: s.Subject, Shop: s.Shop, Reason: s.Reason, By: s.By,
		Made: stamp(s.Made), Until: stamp(s.Until), Live: s.Live(h.Now())}
}

// The shortest and the longest silence. One that lasts for ever is a rule that is
// off, which the settings say.
const (
	shortestSilence = time.Minute
	longestSilence  = 90 * 24 * time.Hour
)

func (h handlers) createSilence(ctx context.Context, in *struct {
	Body struct {
		Kind    string `json:"kind,omitempty" doc:"kind of notice; empty: any"`
		Subject string `json:"subject,omitempty" doc:"such as grant:g_x; empty: any" maxLength:"200"`
		Shop    string `json:"shop,omitempty" doc:"our id of a shop; empty: any" maxLength:"64"`
		For     string `json:"for" doc:"how long, such as 2h; from 1m to 2160h"`
		Reason  string `json:"reason" doc:"why, for whoever looks at it later" minLength:"1" maxLength:"200"`
	}
}) (*body[SilenceView], error) {
	b := in.Body
	if b.Kind == "" && b.Subject == "" && b.Shop == "" {
		return nil, refuse(http.StatusUnprocessableEntity, "silence", "it would keep everything back", "name a kind, a subject or a shop",
			"这将屏蔽全部告警", "请指定类型、对象或店铺")
	}
	if b.Kind != "" && !slices.Contains(notice.Kinds(), notice.Kind(b.Kind)) {
		return nil, refuse(http.StatusUnprocessableEntity, "kind", "there is no such kind of notice", "take one from /v1/alerts/rules", "没有此通知类型", "请从 /v1/alerts/rules 中选取")
	}
	length, err := time.ParseDuration(b.For)
	if err != nil || length < shortestSilence || length > longestSilence {
		return nil, refuse(http.StatusUnprocessableEntity, "for", "it is no time from 1m to 2160h", "write it as 30m or 12h", "时长须在 1m 到 2160h 之间", "请写作 30m 或 12h")
	}
	if b.Shop != "" { // one that is mistyped would keep nothing back
		if _, err := h.Directory.Shop(ctx, b.Shop); err != nil {
			return nil, fail(err)
		}
	}
	now, by := h.Now(), actor(ctx)
	s := notice.Silence{ID: access.NewID("q"), Kind: notice.Kind(b.Kind), Subject: b.Subject, Shop: b.Shop, Reason: b.Reason,
		By: cmp.Or(by.ID, by.Kind), Made: now, Until: now.Add(length)}
	if err := h.Alerts.CreateSilence(ctx, s, grant.SilenceEntry("silence.create", now, by, s)); err != nil {
		return nil, fail(err)
	}
	return answer(h.viewSilence(s)), nil
}

func (h handlers) endSilence(ctx context.Context, in *idPath) (*body[SilenceView], error) {
	now := h.Now()
	s, err := h.Alerts.Silence(ctx, in.ID)
	if err == nil {
		err = h.Alerts.EndSilence(ctx, in.ID, now, grant.SilenceEntry("silence.end", now, actor(ctx), s))
	}
	if err == nil {
		s, err = h.Alerts.Silence(ctx, in.ID)
	}
	if err != nil {
		return nil, fail(err)
	}
	return answer(h.viewSilence(s)), nil
}
