package adminapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// Admins makes and ends administrators.
type Admins interface {
	Admin(ctx context.Context, id string) (access.Administrator, error)
	// AdminsAfter gives a page, the oldest first.
	AdminsAfter(ctx context.Context, m access.Mark, limit int) ([]access.Administrator, error)
	CreateAdmin(ctx context.Context, a access.Administrator, setupHash []byte, entries ...audit.Entry) error
	RevokeAdmin(ctx context.Context, id string, now time.Time, entries ...audit.Entry) error
}

// AdminView is an administrator; Key is set in the one answer that made it.
type AdminView struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Kind    string     `json:"kind" enum:"admin,support,auditor" doc:"support reads everything, an auditor the audit log"`
	Live    bool       `json:"live"`
	Created *time.Time `json:"created,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Key     string     `json:"key,omitempty" doc:"shown this once"`
}

func (h handlers) mountAdmins(api huma.API) {
	huma.Register(api, op("list-admins", http.MethodGet, "/v1/admins", "List the administrators"), h.admins)
	huma.Register(api, op("get-admin", http.MethodGet, "/v1/admins/{id}", "Show one administrator"), h.admin)
	huma.Register(api, op("create-admin", http.MethodPost, "/v1/admins", "Make an administrator; their key is shown this once"), h.createAdmin)
	huma.Register(api, op("revoke-admin", http.MethodPost, "/v1/admins/{id}/revoke", "End an administrator's key and sessions at once"), h.revokeAdmin)
}

func (h handlers) viewAdmin(a access.Administrator) AdminView {
	return AdminView{ID: a.ID, Name: a.Name, Kind: string(cmp.Or(a.Kind, access.StaffAdmin)), Live: a.Live(h.Now()), Created: stamp(a.CreatedAt), Expires: stamp(a.ExpiresAt)}
}

func (h handlers) admins(ctx context.Context, in *Page) (*body[list[AdminView]], error) {
	m, err := in.mark("admins")
	if err != nil {
		return nil, err
	}
	all, err := h.Admins.AdminsAfter(ctx, m, in.Limit+1)
	if err != nil {
		return nil, fail(err)
	}
	return pageOf(all, in.Limit, h.viewAdmin, func(a access.Administrator) string { return marked("admins", a.CreatedAt, a.ID) }), nil
}

func (h handlers) admin(ctx context.Context, in *idPath) (*body[AdminView], error) {
	a, err := h.Admins.Admin(ctx, in.ID)
	if err != nil {
		return nil, fail(err)
	}
	return answer(h.viewAdmin(a)), nil
}

func (h handlers) createAdmin(ctx context.Context, in *struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"60"`
		Kind string `json:"kind,omitempty" enum:"admin,support,auditor" doc:"left out: admin"`
		Days int    `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"how long the key lives; 0 is 90 days"`
	}
}) (*body[AdminView], error) {
	now := h.Now()
	key, hash := access.NewKey(access.AdminKeyPrefix)
	a := access.Administrator{ID: access.NewID("a"), Name: in.Body.Name, Kind: access.StaffKind(in.Body.Kind), KeyHash: hash, CreatedAt: now, ExpiresAt: now.AddDate(0, 0, adminDays(in.Body.Days))}
	err := h.Admins.CreateAdmin(ctx, a, nil, audit.Entry{At: now, Actor: actor(ctx), Action: "admin.create", Subject: "admin:" + a.ID, Outcome: audit.Done})
	if err != nil {
		return nil, fail(err)
	}
	view := h.viewAdmin(a)
	view.Key = key.RevealString()
	return answer(view), nil
}

// adminDays is how long an administrator's key lives when nobody says.
func adminDays(asked int) int {
	if asked == 0 {
		return 90
	}
	return asked
}

func (h handlers) revokeAdmin(ctx context.Context, in *idPath) (*struct{}, error) {
	now := h.Now()
	err := h.Admins.RevokeAdmin(ctx, in.ID, now, audit.Entry{At: now, Actor: actor(ctx), Action: "admin.revoke", Subject: "admin:" + in.ID, Outcome: audit.Done})
	if err != nil {
		return nil, fail(err)
	}
	return nil, nil
}
