package console

import (
	"context"
	"net/http"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Channels knows the places that messages go to, and tries them.
type Channels interface {
	// DeclaredChannels gives those of the configuration, which are the first, and
	// those that were made.
	DeclaredChannels(ctx context.Context) (all []access.Channel, configured int, err error)
	TestChannel(ctx context.Context, by audit.Actor, name string) (notice.Tried, error)
	RemoveChannel(ctx context.Context, by audit.Actor, name string) error
}

// channelsPage is what the page of channels shows.
type channelsPage struct {
	All        []access.Channel
	Configured int  // the first so many are in the configuration
	Acts       bool // the reader may try and remove
	Tried      *notice.Tried
}

// mountChannels registers the pages: for staff that reads everything, and buttons for
// who may act.
func (c *Console) mountChannels(mux *http.ServeMux) {
	page := func(pattern string, h web.Handler) { mux.Handle(pattern, web.LimitBody(maxForm, c.Page(h))) }
	page("GET /admin/channels", c.channels)
	page("POST /admin/channels/{name}/test", c.admin(c.testChannel))
	page("POST /admin/channels/{name}/remove", c.admin(c.removeChannel))
}

func (c *Console) channels(w http.ResponseWriter, r *http.Request) error {
	_, kind, err := c.staff(r)
	if err != nil {
		return err
	}
	return c.renderChannels(w, r, channelsPage{Acts: kind == access.StaffAdmin})
}

func (c *Console) renderChannels(w http.ResponseWriter, r *http.Request, v channelsPage) (err error) {
	if v.All, v.Configured, err = c.Channels.DeclaredChannels(r.Context()); err != nil {
		return err
	}
	return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.channels", Wide: true}, channelsBody(v))
}

// testChannel shows what came of it in its own answer: it is nowhere else.
func (c *Console) testChannel(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	tried, err := c.Channels.TestChannel(r.Context(), by, r.PathValue("name"))
	if err != nil {
		return c.back(w, r, err)
	}
	return c.renderChannels(w, r, channelsPage{Acts: true, Tried: &tried})
}

func (c *Console) removeChannel(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	if err := c.Channels.RemoveChannel(r.Context(), by, r.PathValue("name")); err != nil {
		return c.back(w, r, err)
	}
	http.Redirect(w, r, ui.URL(r.Context(), "/admin/channels"), http.StatusSeeOther)
	return nil
}

// hears says what a channel hears of.
func hears(ctx context.Context, ch access.Channel) string {
	parts := []string{ui.T(ctx, "console.channels.everything")}
	if ch.TenantID != "" {
		parts[0] = ch.TenantID
	}
	if ch.Severity != "" {
		parts = append(parts, "≥ "+ch.Severity)
	}
	return strings.Join(append(parts, ch.Kinds...), " · ")
}
