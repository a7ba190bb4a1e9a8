package channel

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// Alertmanager's API v2: prometheus.io/docs/alerting/latest/alerts_api. Alerts with the
// same labels are one, so the labels of an alert are the same in all its messages,
// and endsAt in the past is its recovery. Which shop it is about is no label of it:
// an alert may grow to several. Alerts have numbers, which another installation has too:
// a label says whose it is. One that is not sent again ends at its
// endsAt: an alert is given a week, which a reminder renews, and an event an hour.
const (
	alertLife = 7 * 24 * time.Hour
	eventLife = time.Hour
)

type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

const alertsPath = "/api/v2/alerts"

func newAlertmanager(s Spec, o Options) *Robot {
	return &Robot{name: s.Name, poster: o.poster(), pace: newPace(o.Now),
		ask: func(ctx context.Context, m notice.Message) (*http.Request, error) {
			to, err := url.Parse(s.URL.RevealString())
			if err != nil {
				return nil, errAddress
			}
			if !strings.HasSuffix(to.Path, alertsPath) {
				to = to.JoinPath(alertsPath)
			}
			req, err := post(ctx, to.String(), []alert{alertOf(s.Language, m, o.Place(ctx, m), o.Installation)})
			if err == nil && !s.Secret.IsZero() {
				req.Header.Set("Authorization", "Bearer "+s.Secret.RevealString())
			}
			return req, err
		}}
}

// alertOf writes a message as an alert. What Alertmanager passes on, it passes on
// unescaped: nothing in it is markup anywhere.
func alertOf(l Language, m notice.Message, p Place, installation string) alert {
	all := cards(l, m, p)
	about := cmp.Or(m.About, m.Notice.Kind)
	a := alert{
		Labels: map[string]string{"alertname": string(about), "severity": string(cmp.Or(m.Severity, notice.Info)), "source": "zhanggui",
			"installation": installation, "alert": m.ID},
		Annotations: map[string]string{"runbook_url": m.Runbook, "console_url": p.Console},
		StartsAt:    m.Notice.At, EndsAt: m.Notice.At.Add(eventLife), GeneratorURL: p.Console,
	}
	if m.Alert != 0 {
		a.Labels["alert"] = strconv.FormatInt(m.Alert, 10)
	}
	if about == notice.StoreFailing {
		// There is one at a time, and whoever sees it before the store gave it a number
		// calls it the same: its end is that of what each server sent.
		a.Labels["alert"] = string(about)
	}
	lasts := m.Alert != 0 || m.Direct != ""
	if lasts {
		a.StartsAt, a.EndsAt = m.Since, m.Notice.At.Add(alertLife)
	}
	if m.Phase == notice.Over {
		a.EndsAt = m.Notice.At
	}
	if a.StartsAt.IsZero() || a.StartsAt.After(a.EndsAt) {
		a.StartsAt = a.EndsAt
	}
	place := a.Labels
	if lasts {
		place = a.Annotations
	}
	place["shop"], place["tenant"] = inert(fact(m.Shop)), inert(fact(m.Tenant))
	var heads, texts []string
	for _, c := range all {
		heads = append(heads, c.Head)
		texts = append(texts, strings.Join(c.lines(inert, plainLink(c))[1:], "\n"))
	}
	a.Annotations["summary"], a.Annotations["description"] = strings.Join(heads, "\n"), strings.Join(texts, "\n\n")
	empty := func(_, text string) bool { return text == "" }
	maps.DeleteFunc(a.Labels, empty)
	maps.DeleteFunc(a.Annotations, empty)
	return a
}
