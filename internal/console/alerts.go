package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Alerts keeps what is wrong, or was.
type Alerts interface {
	AlertsBefore(ctx context.Context, open bool, id int64, limit int) ([]notice.Alert, error)
	Alert(ctx context.Context, id int64) (notice.Alert, error)
	CreateSilence(ctx context.Context, s notice.Silence, entries ...audit.Entry) error
	EndAlert(ctx context.Context, id int64, now time.Time, entries ...audit.Entry) error
}

// alertsPage is what the page of alerts shows.
type alertsPage struct {
	Open, Past []notice.Alert
	Runbook    func(notice.Kind) string
	Silences   bool // whether the reader may make one, and end alerts
}

const (
	mostAlerts = 100
	// silencedFor is how long the button of the page keeps an alert back.
	silencedFor = 4 * time.Hour
)

// mountAlerts registers the pages, which are for staff.
func (c *Console) mountAlerts(mux *http.ServeMux) {
	mux.Handle("GET /admin/alerts", c.Page(c.alerts))
	mux.Handle("POST /admin/alerts/{alert}/silence", c.Page(c.admin(c.silence)))
	mux.Handle("POST /admin/alerts/{alert}/end", c.Page(c.admin(c.endAlert)))
}

func (c *Console) alerts(w http.ResponseWriter, r *http.Request) error {
	_, kind, err := c.staff(r)
	if err != nil {
		return err
	}
	all, err := c.Alerts.AlertsBefore(r.Context(), false, 0, mostAlerts)
	if err != nil {
		return err
	}
	page := alertsPage{Runbook: c.Runbook, Silences: kind == access.StaffAdmin}
	if page.Open, err = c.Alerts.AlertsBefore(r.Context(), true, 0, mostAlerts); err != nil {
		return err
	}
	for _, a := range all {
		if a.State == notice.AlertEnded {
			page.Past = append(page.Past, a)
		}
	}
	return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.alerts", Wide: true}, alertsBody(page))
}

// alertOf reads the alert that a request names.
func (c *Console) alertOf(r *http.Request) (notice.Alert, error) {
	id, err := strconv.ParseInt(r.PathValue("alert"), 10, 64)
	if err != nil {
		return notice.Alert{}, access.ErrNotFound
	}
	return c.Alerts.Alert(r.Context(), id)
}

// longestReason is how long the words may be that an alert is ended with.
const longestReason = 500

// endAlert ends an alert that only people can end, with what they found.
func (c *Console) endAlert(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	a, err := c.alertOf(r)
	if err != nil {
		return c.back(w, r, err)
	}
	reason := strings.TrimSpace(r.PostFormValue("reason"))
	switch n := utf8.RuneCountInString(reason); {
	case !notice.EndedByPeople(a.Kind):
		return &web.Error{Status: http.StatusConflict, Code: "alert-ends-itself",
			EN: "This alert is over when what it is about is well again.", ZH: "问题恢复后此告警会自行结束。",
			NextEN: "Mend it, or silence it for a while.", NextZH: "请处理问题，或将其静默。"}
	case n == 0 || n > longestReason || !utf8.ValidString(reason):
		return &web.Error{Status: http.StatusUnprocessableEntity, Code: "reason-invalid",
			EN: "The reason is missing, or longer than 500 characters.", ZH: "未填写原因，或超过 500 个字。",
			NextEN: "Say what was found and done.", NextZH: "请说明查明的情况与处理方式。"}
	}
	now := c.Now()
	if err := c.Alerts.EndAlert(r.Context(), a.ID, now, grant.AlertEndEntry(now, by, a, reason)); err != nil {
		return c.back(w, r, err)
	}
	http.Redirect(w, r, ui.URL(r.Context(), "/admin/alerts"), http.StatusSeeOther)
	return nil
}

// silence keeps an alert back for a few hours, as the button says: of one thing if it
// is about one, so that others of its kind are told of.
func (c *Console) silence(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	a, err := c.alertOf(r)
	if err != nil {
		return c.back(w, r, err)
	}
	now := c.Now()
	s := notice.Silence{ID: access.NewID("q"), Kind: a.Kind, Shop: a.Shop, Reason: "console", By: by.ID, Made: now, Until: now.Add(silencedFor)}
	if len(a.Subjects) == 1 {
		s.Subject = a.Subjects[0]
	}
	if err := c.Alerts.CreateSilence(r.Context(), s, grant.SilenceEntry("silence.create", now, by, s)); err != nil {
		return err
	}
	http.Redirect(w, r, ui.URL(r.Context(), "/admin/alerts"), http.StatusSeeOther)
	return nil
}

// inWords is a text of a notice in the reader's language.
func inWords(ctx context.Context, t notice.Text) string {
	return ui.Pick(ctx, t.EN, t.ZH)
}

// about names the first of what an alert is about, and the shop if it is one.
func about(a notice.Alert) string {
	all := slices.Clone(a.Subjects)
	if shop := "shop:" + a.Shop; a.Shop != "" && !slices.Contains(all, shop) {
		all = append(all, shop)
	}
	return strings.Join(all, ", ")
}

func since(t time.Time) string { return t.In(beijing).Format("2006-01-02 15:04:05") }
