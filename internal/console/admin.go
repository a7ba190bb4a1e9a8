package console

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// lastEntries is how much of the audit log the overview shows.
const lastEntries = 30

// overviewPage is what an administrator sees.
type overviewPage struct {
	Now         time.Time
	Kind        access.StaffKind // of the reader
	Enter       bool             // shops can be entered
	Tenants     []access.Tenant
	Members     []access.Member
	Shops       []access.Shop
	Grants      []grant.Grant
	Clients     []access.Client
	Sessions    []access.Session
	Invitations []access.Invitation
	Entries     []entryRow
	Size        int64
	Review      bool // there are reports of who may do what
}

// acts tells whether the reader may change something.
func (v overviewPage) acts() bool { return v.Kind == access.StaffAdmin }

// tenantName is what people call a tenant.
func (v overviewPage) tenantName(id string) string {
	for _, t := range v.Tenants {
		if t.ID == id {
			return cmp.Or(t.Name, id)
		}
	}
	return id
}

// entryRow is an audit entry with its number.
type entryRow struct {
	Seq int64
	audit.Entry
}

// overview reads everything that an administrator's page shows.
func (c *Console) overview(w http.ResponseWriter, r *http.Request, admin string) error {
	ctx := r.Context()
	v := overviewPage{Now: c.Now(), Enter: c.Board != nil, Review: c.Reviews != nil}
	var errs [8]error
	v.Kind, errs[7] = c.kind(ctx, admin)
	v.Tenants, errs[0] = c.Directory.Tenants(ctx)
	v.Shops, errs[1] = c.Directory.Shops(ctx)
	v.Grants, errs[2] = c.Directory.Grants(ctx, grant.Filter{})
	v.Clients, errs[3] = c.People.Clients(ctx)
	v.Sessions, errs[4] = c.People.Sessions(ctx, access.SessionFilter{})
	v.Invitations, errs[5] = c.Invites.Invitations(ctx)
	v.Entries, v.Size, errs[6] = c.newest(r)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	for _, t := range v.Tenants {
		members, err := c.Directory.Members(ctx, t.ID)
		if err != nil {
			return err
		}
		v.Members = append(v.Members, members...)
	}
	return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.overview.title", Wide: true}, overview(v))
}

// newest reads the end of the audit log, newest first.
func (c *Console) newest(r *http.Request) ([]entryRow, int64, error) {
	size, _, err := c.Log.AuditHead(r.Context())
	if err != nil {
		return nil, 0, err
	}
	records, err := c.Log.AuditEntries(r.Context(), max(-1, size-1-lastEntries), lastEntries)
	if err != nil {
		return nil, 0, err
	}
	var rows []entryRow
	for i := len(records) - 1; i >= 0; i-- {
		e, err := audit.Decode(records[i].Data)
		if err != nil {
			return nil, 0, err
		}
		rows = append(rows, entryRow{records[i].Seq, e})
	}
	return rows, size, nil
}

func (c *Console) invite(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	role := access.Role(cmp.Or(r.PostFormValue("role"), string(access.Owner)))
	tenants, err := c.Directory.Tenants(r.Context())
	if err != nil {
		return err
	}
	var tenant access.Tenant
	for _, t := range tenants {
		if t.ID == r.PostFormValue("tenant") {
			tenant = t
		}
	}
	if tenant.ID == "" || !role.Valid() {
		return &web.Error{Status: http.StatusUnprocessableEntity, Code: "invitation-invalid",
			EN: "There is no such tenant or role.", ZH: "没有这个商家或角色。", NextEN: "Go back and choose again.", NextZH: "请返回重新选择。", Link: "/", LinkEN: "Back", LinkZH: "返回"}
	}
	now := c.Now()
	i, token := access.NewInvitation(tenant.ID, "", role, by.Kind+":"+by.ID, now)
	if err := c.Invites.CreateInvitation(r.Context(), i, grant.InviteEntry(now, by, i)); err != nil {
		return err
	}
	link := c.Link("/i/" + token.RevealString())
	return c.UI.Render(w, r, http.StatusCreated, ui.PageInfo{TitleKey: "console.invited.title"}, invited(tenant, link))
}

func (c *Console) confirm(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	now, id := c.Now(), r.PathValue("id")
	i, err := c.Invites.Invitation(r.Context(), id)
	if err == nil {
		_, err = c.Invites.ConfirmInvitation(r.Context(), id, r.PostFormValue("code"), now, grant.ConfirmEffects(now, by, i))
	}
	return c.back(w, r, confirmRefused(err))
}

// confirmRefused puts into words why a confirmation was refused.
func confirmRefused(err error) error {
	switch {
	case errors.Is(err, access.ErrWrongCode):
		return &web.Error{Status: http.StatusForbidden, Code: "wrong-code",
			EN: "That is not the code the person was shown.", ZH: "这不是对方看到的确认码。",
			NextEN: "Ask them to read it again; after three wrong codes the invitation is dead.", NextZH: "请对方再读一遍；输错三次后邀请作废。", Link: "/", LinkEN: "Back", LinkZH: "返回"}
	case isGone(err):
		return &web.Error{Status: http.StatusGone, Code: "invitation-gone",
			EN: "This invitation is used, withdrawn or expired.", ZH: "该邀请已使用、已撤回或已过期。",
			NextEN: "Make a new one.", NextZH: "请重新发出邀请。", Link: "/", LinkEN: "Back", LinkZH: "返回"}
	}
	return err
}

func (c *Console) endSession(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	now, id := c.Now(), r.PathValue("id")
	// Looked for first: an id that names no session must not reach the audit log.
	found, err := c.People.Sessions(r.Context(), access.SessionFilter{ID: id})
	if err != nil {
		return err
	}
	if len(found) == 0 || !found[0].Live(now) {
		return errGone()
	}
	_, err = c.People.EndSessions(r.Context(), grant.Effects{At: now, EndSessions: []access.SessionFilter{{ID: id, Why: "ended by an administrator"}},
		Audit: []audit.Entry{{At: now, Actor: by, Action: "session.end", Subject: "session:" + id, Outcome: audit.Done}}})
	return c.back(w, r, err)
}

func (c *Console) revokeClient(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	now, id := c.Now(), r.PathValue("id")
	err := c.People.RevokeClient(r.Context(), id, now,
		audit.Entry{At: now, Actor: by, Action: "client.revoke", Subject: "client:" + id, Outcome: audit.Done})
	if err != nil {
		return c.back(w, r, err)
	}
	return c.stillOut(w, r, id) // the key has ended: nothing can be added
}

func (c *Console) revokeGrant(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	g, err := c.Directory.Grant(r.Context(), r.PathValue("id"))
	if err != nil {
		return c.back(w, r, err)
	}
	err = c.People.Revoke(r.Context(), grant.RevokeEffects(c.Now(), by, "revoked by an administrator", g))
	return c.back(w, r, err)
}

// stateOf names a grant's state on a page.
func stateOf(g grant.Grant) string {
	if g.Kills > 0 {
		return "killing"
	}
	return string(g.State)
}

// back ends a form that changed something.
func (c *Console) back(w http.ResponseWriter, r *http.Request, err error) error {
	if errors.Is(err, access.ErrNotFound) || errors.Is(err, grant.ErrNotFound) {
		return errGone()
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, ui.URL(r.Context(), "/"), http.StatusSeeOther)
	return nil
}

// errGone is for a button on a page that is older than what it shows.
func errGone() error {
	return &web.Error{Status: http.StatusNotFound, Code: "gone",
		EN: "This is not there any more.", ZH: "该内容已不存在。",
		NextEN: "Go back and look again.", NextZH: "请返回重新查看。", Link: "/", LinkEN: "Back", LinkZH: "返回"}
}
