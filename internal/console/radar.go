package console

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Radar reads what WeChat announced of its APIs.
type Radar interface {
	// APIChanges gives at most limit changes, the newest first; path is empty for all.
	APIChanges(ctx context.Context, path string, at time.Time, after string, limit int) ([]grant.APIChange, error)
}

// lastChanges is how many the page shows.
const lastChanges = 100

// radarPage is what the page of changes shows.
type radarPage struct {
	Path    string // empty: all
	Changes []grant.APIChange
}

// radar is for staff that reads everything.
func (c *Console) radar(w http.ResponseWriter, r *http.Request) error {
	session, err := c.Login.RequireAdmin(r)
	if err != nil {
		return err
	}
	if kind, err := c.kind(r.Context(), session.AdminID); err != nil || kind == access.StaffAuditor {
		return cmp.Or(err, errStaff())
	}
	v := radarPage{Path: r.URL.Query().Get("path")}
	if v.Changes, err = c.Radar.APIChanges(r.Context(), v.Path, time.Time{}, "", lastChanges); err != nil {
		return err
	}
	return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.radar", Wide: true}, radarBody(v))
}
