package people

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Bounds of a reason, in characters.
const (
	minReason = 4
	maxReason = 200
)

// Visiting tells whether staff has entered the tenant of a shop and may see its
// pages. Without that, err is a page that leads to the entrance.
func (p *People) Visiting(ctx context.Context, admin string, shop access.Shop) error {
	a, err := p.o.Store.Admin(ctx, admin)
	if err != nil {
		return err
	}
	now := p.o.Now()
	if !a.Live(now) || !a.May(access.StaffSupport) {
		return errStaff()
	}
	all, err := p.o.Store.LiveVisits(ctx, admin, now)
	if err != nil {
		return err
	}
	for _, v := range all {
		if v.TenantID == shop.TenantID {
			return nil
		}
	}
	return &web.Error{Status: http.StatusForbidden, Code: "visit-needed",
		EN: "Whoever is of the provider enters a shop with a reason.", ZH: "服务商工作人员需说明原因后方可进入店铺。",
		NextEN: "Say why; the owners see it, and it ends within an hour.", NextZH: "请填写原因；店主会看到，一小时内自动结束。",
		Link: "/visit/" + shop.TenantID, LinkEN: "Enter", LinkZH: "进入"}
}

func errStaff() error {
	return &web.Error{Status: http.StatusForbidden, Code: "staff-may-not",
		EN: "Your account here may not do that.", ZH: "您的账号无权执行此操作。",
		NextEN: "Ask an administrator of this server.", NextZH: "请联系系统管理员。", Link: "/", LinkEN: "Back", LinkZH: "返回"}
}

// visitor gives staff who may enter tenants, and the tenant of a request.
func (p *People) visitor(r *http.Request) (access.Administrator, access.Tenant, error) {
	s, err := p.o.Login.RequireAdmin(r)
	if err != nil {
		return access.Administrator{}, access.Tenant{}, err
	}
	a, err := p.o.Store.Admin(r.Context(), s.AdminID)
	if err == nil && !a.May(access.StaffSupport) {
		err = errStaff()
	}
	if err != nil {
		return a, access.Tenant{}, err
	}
	t, err := p.o.Store.Tenant(r.Context(), r.PathValue("tenant"))
	if err != nil {
		return a, t, refusal(err, "")
	}
	return a, t, nil
}

func (p *People) getVisit(w http.ResponseWriter, r *http.Request) error {
	_, t, err := p.visitor(r)
	if err != nil {
		return err
	}
	return p.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "people.visit.title"}, visitPage(t))
}

// postVisit enters a tenant.
func (p *People) postVisit(w http.ResponseWriter, r *http.Request) error {
	a, t, err := p.visitor(r)
	if err != nil {
		return err
	}
	reason := strings.Join(strings.Fields(r.PostFormValue("reason")), " ")
	if n := utf8.RuneCountInString(reason); n < minReason || n > maxReason || !utf8.ValidString(reason) {
		return &web.Error{Status: http.StatusUnprocessableEntity, Code: "reason-invalid",
			EN: "Say in 4 to 200 characters why.", ZH: "请用 4 至 200 个字说明原因。", NextEN: "Go back and write it.", NextZH: "请返回填写。",
			Link: "/visit/" + t.ID, LinkEN: "Back", LinkZH: "返回"}
	}
	now := p.o.Now()
	v := access.NewVisit(a.ID, t.ID, reason, now)
	if err := p.o.Store.StartVisit(r.Context(), v, grant.VisitEffects(now, staff(a), v)); err != nil {
		return err
	}
	shops, err := p.o.Store.Shops(r.Context())
	if err != nil {
		return err
	}
	for _, s := range shops {
		if s.TenantID == t.ID {
			return back(w, r, s.ID)
		}
	}
	http.Redirect(w, r, ui.URL(r.Context(), "/"), http.StatusSeeOther)
	return nil
}

func (p *People) postEndVisit(w http.ResponseWriter, r *http.Request) error {
	a, t, err := p.visitor(r)
	if err != nil {
		return err
	}
	now := p.o.Now()
	_, err = p.o.Store.EndVisits(r.Context(), a.ID, t.ID, now,
		audit.Entry{At: now, Actor: staff(a), Action: "visit.end", Subject: "tenant:" + t.ID, Outcome: audit.Done})
	if err != nil {
		return err
	}
	http.Redirect(w, r, ui.URL(r.Context(), "/"), http.StatusSeeOther)
	return nil
}

func staff(a access.Administrator) audit.Actor { return audit.Actor{Kind: audit.ActorAdmin, ID: a.ID} }
