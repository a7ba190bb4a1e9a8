package console

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"

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
	_, _, err := c.staff(r)
	if err != nil {
		return err
	}
	v := radarPage{Path: plainPath(r.URL.Query().Get("path"))}
	if v.Changes, err = c.Radar.APIChanges(r.Context(), v.Path, time.Time{}, "", lastChanges); err != nil {
		return err
	}
	return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.radar", Wide: true}, radarBody(v))
}

// plainPath is a path as a page can show it.
func plainPath(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
}
