package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// Sessions lists logins and ends them.
type Sessions interface {
	Sessions(ctx context.Context, f access.SessionFilter) ([]access.Session, error)
	// SessionsBefore gives a page of those of the one holder that f names, or of all,
	// the newest first.
	SessionsBefore(ctx context.Context, f access.SessionFilter, m access.Mark, limit int) ([]access.Session, error)
	EndSessions(ctx context.Context, e grant.Effects) (int, error)
}

// SessionView is a login as others may see it.
type SessionView struct {
	ID      string     `json:"id"`
	Person  string     `json:"person,omitempty"`
	Admin   string     `json:"admin,omitempty"`
	Shop    string     `json:"shop,omitempty" doc:"The shop that the service market sent somebody into, who has no name"`
	Role    string     `json:"role,omitempty" doc:"What they may do there"`
	Door    string     `json:"door"`
	Device  string     `json:"device"`
	Parent  string     `json:"parent,omitempty" doc:"The login that a session of a protected host hangs on, and ends with"`
	Host    string     `json:"host,omitempty" doc:"That protected host"`
	Network string     `json:"network,omitempty" doc:"Where the last use came from"`
	Live    bool       `json:"live"`
	Created *time.Time `json:"created,omitempty"`
	Seen    *time.Time `json:"seen,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Ended   *time.Time `json:"ended,omitempty"`
	Why     string     `json:"why,omitempty"`
}

func (h handlers) mountSessions(api huma.API) {
	huma.Register(api, op("list-sessions", http.MethodGet, "/v1/sessions", "List the sessions"), h.sessions)
	huma.Register(api, op("get-session", http.MethodGet, "/v1/sessions/{id}", "Show one session"), h.session)
	huma.Register(api, op("end-session", http.MethodPost, "/v1/sessions/{id}/end", "End a session"), h.endSession)
}

func (h handlers) viewSession(s access.Session) SessionView {
	return SessionView{ID: s.ID, Person: s.PersonID, Admin: s.AdminID, Shop: s.ShopID, Role: string(s.Role), Door: string(s.Door), Device: s.Device,
		Parent: s.Parent, Host: s.Host, Network: s.Address, Live: s.Live(h.Now()),
		Created: stamp(s.CreatedAt), Seen: stamp(s.SeenAt), Expires: stamp(s.ExpiresAt), Ended: stamp(s.EndedAt), Why: s.EndedWhy}
}

func (h handlers) sessions(ctx context.Context, in *struct {
	Page
	Person string `query:"person" doc:"Only sessions of this person"`
	Shop   string `query:"shop" doc:"Only sessions that came from the service market into this shop"`
}) (*body[list[SessionView]], error) {
	if in.Person != "" && in.Shop != "" {
		return nil, refuse(http.StatusUnprocessableEntity, "input", "who comes from the service market has no name", "name a person or a shop", "从服务市场进入的人没有身份", "请只指定人员或店铺之一")
	}
	m, err := in.mark("sessions")
	if err != nil {
		return nil, err
	}
	all, err := h.Sessions.SessionsBefore(ctx, access.SessionFilter{PersonID: in.Person, ShopID: in.Shop}, m, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(all, in.Limit, h.viewSession, func(s access.Session) string { return marked("sessions", s.CreatedAt, s.ID) }), nil
}

func (h handlers) session(ctx context.Context, in *idPath) (*body[SessionView], error) {
	found, err := h.Sessions.Sessions(ctx, access.SessionFilter{ID: in.ID})
	if err == nil && len(found) == 0 {
		err = access.ErrNotFound
	}
	if err != nil {
		return nil, fail(err)
	}
	return answer(h.viewSession(found[0])), nil
}

func (h handlers) endSession(ctx context.Context, in *idPath) (*struct{}, error) {
	now := h.Now()
	// Looked for first: an id that names no session must not reach the audit log.
	found, err := h.Sessions.Sessions(ctx, access.SessionFilter{ID: in.ID})
	if err != nil {
		return nil, fail(err)
	}
	if len(found) == 0 || !found[0].Live(now) {
		return nil, refuse(http.StatusNotFound, "not-found", "there is no live session with this id", "list the sessions",
			"没有此标识的有效会话", "请先列出会话")
	}
	_, err = h.Sessions.EndSessions(ctx, grant.Effects{At: now,
		EndSessions: []access.SessionFilter{{ID: in.ID, Why: "ended by an operator"}},
		Audit:       []audit.Entry{{At: now, Actor: actor(ctx), Action: "session.end", Subject: "session:" + in.ID, Outcome: audit.Done}}})
	if err != nil {
		return nil, fail(err)
	}
	return nil, nil
}
