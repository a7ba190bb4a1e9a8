package adminapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Radar reads what WeChat announced of its APIs, and which paths clients use.
type Radar interface {
	// APIChanges gives at most limit changes behind the one of a time and an id, the
	// newest first; path is empty for all.
	APIChanges(ctx context.Context, path string, at time.Time, after string, limit int) ([]grant.APIChange, error)
	// PathsOf gives what a client called since a day, by the alphabet.
	PathsOf(ctx context.Context, client string, since time.Time) ([]access.PathTotal, error)
}

// APIChangeView is one thing that WeChat announced of a path.
type APIChangeView struct {
	ID      string    `json:"id"`
	Path    string    `json:"path" doc:"as WeChat wrote it"`
	Name    string    `json:"name,omitempty" doc:"WeChat's name of the API"`
	Content string    `json:"content,omitempty" doc:"what changes, in WeChat's words"`
	DocURL  string    `json:"doc_url,omitempty" doc:"the API's page; left out when it is not one of WeChat's documentation"`
	LogURL  string    `json:"log_url,omitempty" doc:"the change log, on the same condition"`
	Changed time.Time `json:"changed" doc:"as WeChat says"`
	Seen    time.Time `json:"seen" doc:"when it was pushed"`
	Clients []string  `json:"clients" doc:"that used the path in the 30 days before, and were warned"`
}

// PathTotalView is what a client called of one path.
type PathTotalView struct {
	Path  string    `json:"path" doc:"as the catalogue writes it; other: all that it does not know"`
	Shops int       `json:"shops" doc:"for so many shops"`
	Calls int64     `json:"calls" doc:"that were sent to WeChat"`
	Last  time.Time `json:"last" doc:"the day of the last call, when it began in China"`
}

func (h handlers) mountRadar(api huma.API) {
	huma.Register(api, op("list-api-changes", http.MethodGet, "/v1/api-changes", "List what WeChat announced of its APIs, the newest first"), h.apiChanges)
	huma.Register(api, op("list-client-paths", http.MethodGet, "/v1/clients/{id}/paths", "List which paths of WeChat's a client called"), h.clientPaths)
}

func viewChange(c grant.APIChange) APIChangeView {
	v := APIChangeView{ID: c.ID, Path: c.Path, Name: c.Name, Content: c.Content, DocURL: grant.DocLink(c.DocURL), LogURL: grant.DocLink(c.LogURL),
		Changed: c.At.UTC(), Seen: c.SeenAt.UTC(), Clients: c.Clients}
	if v.Clients == nil {
		v.Clients = []string{}
	}
	return v
}

func (h handlers) apiChanges(ctx context.Context, in *struct {
	Page
	Path string `query:"path" doc:"only this path"`
}) (*body[list[APIChangeView]], error) {
	at, err := in.place("api-changes", 2)
	if err != nil {
		return nil, err
	}
	var from time.Time
	if in.After != "" {
		ms, err := strconv.ParseInt(at[0], 10, 64)
		if err != nil {
			return nil, errCursor()
		}
		from = time.UnixMilli(ms)
	}
	all, err := h.Radar.APIChanges(ctx, in.Path, from, at[1], in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(all, in.Limit, viewChange, func(c grant.APIChange) string {
		return cursor("api-changes", strconv.FormatInt(c.At.UnixMilli(), 10), c.ID)
	}), nil
}

func (h handlers) clientPaths(ctx context.Context, in *struct {
	Page
	ID   string `path:"id" doc:"Its id"`
	Days int    `query:"days" default:"30" minimum:"1" maximum:"90" doc:"of so many days; calls count after a quarter of a minute"`
}) (*body[list[PathTotalView]], error) {
	if _, err := h.Clients.Client(ctx, in.ID); err != nil {
		return nil, fail(err)
	}
	all, err := h.Radar.PathsOf(ctx, in.ID, access.DayOf(h.Now().AddDate(0, 0, 1-in.Days)))
	if err != nil {
		return nil, fail(err)
	}
	return window(in.Page, "client-paths", all, func(p access.PathTotal) string { return p.Path }, func(p access.PathTotal) PathTotalView {
		return PathTotalView{Path: p.Path, Shops: p.Shops, Calls: p.Calls, Last: p.Last.UTC()}
	})
}
