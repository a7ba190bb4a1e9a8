package console

import (
	"cmp"
	"context"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Doctor finds out why something does not work.
type Doctor interface {
	// Examine runs the checks of a shop, or of the whole server when it is empty.
	Examine(ctx context.Context, shop string) (doctor.Report, error)
	// Explain says what a pasted text means, and records that somebody asked.
	Explain(ctx context.Context, by audit.Actor, text, shop string) (doctor.Explanation, error)
}

// maxPaste bounds a form with what somebody pasted, escaped.
const maxPaste = 256 << 10

// doctorPage is what the doctor's page shows.
type doctorPage struct {
	Title     string              // of the shop; empty: the whole server
	Path      string              // of this page
	Report    *doctor.Report      // nil: something was explained instead
	Explained *doctor.Explanation // nil: nothing was pasted
}

// mountDoctor registers the pages: everything for staff, and a shop for its owner and
// operators.
func (c *Console) mountDoctor(mux *http.ServeMux) {
	page := func(pattern string, h web.Handler) { mux.Handle(pattern, web.LimitBody(maxPaste, c.Page(h))) }
	page("GET /doctor", c.doctorOfAll)
	page("POST /doctor", c.doctorOfAll)
	page("GET /shops/{shop}/doctor", c.doctorOfShop)
	page("POST /shops/{shop}/doctor", c.doctorOfShop)
}

// doctorOfAll is for staff that reads everything.
func (c *Console) doctorOfAll(w http.ResponseWriter, r *http.Request) error {
	session, _, err := c.staff(r)
	if err != nil {
		return err
	}
	return c.renderDoctor(w, r, doctorPage{Path: "/doctor"}, "", audit.Actor{Kind: audit.ActorAdmin, ID: session.AdminID}, false)
}

// doctorOfShop is for those who run a shop, and for staff who entered its tenant.
func (c *Console) doctorOfShop(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("shop")
	page := doctorPage{Path: "/shops/" + id + "/doctor"}
	if s, _, ok := c.Login.Current(r); ok && s.AdminID != "" && c.Board != nil {
		shop, err := c.visited(r, s)
		if err != nil {
			return err
		}
		page.Title = cmp.Or(shop.Name, shop.ID)
		return c.renderDoctor(w, r, page, id, audit.Actor{Kind: audit.ActorAdmin, ID: s.AdminID}, false)
	}
	session, _, err := c.Login.Require(r, access.Operator, id)
	if err != nil {
		return err
	}
	if session.PersonID == "" { // came from the service market: nobody by name
		return errStaff()
	}
	shop, err := c.Directory.Shop(r.Context(), id)
	if err != nil {
		return err
	}
	page.Title = cmp.Or(shop.Name, shop.ID)
	by := audit.Actor{Kind: audit.ActorPerson, ID: session.PersonID}
	return c.renderDoctor(w, r, page, id, by, true)
}

// renderDoctor examines, or explains what was pasted. merchant leaves out what is the
// operator's alone.
func (c *Console) renderDoctor(w http.ResponseWriter, r *http.Request, v doctorPage, shop string, by audit.Actor, merchant bool) error {
	if r.Method == http.MethodPost {
		e, err := c.Doctor.Explain(r.Context(), by, r.PostFormValue("text"), shop)
		if err != nil {
			return err
		}
		v.Explained = &e
	} else {
		report, err := c.Doctor.Examine(r.Context(), shop)
		if err != nil {
			return err
		}
		if merchant {
			report = report.ForMerchant()
		}
		v.Report = &report
	}
	return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.doctor", Wide: true}, doctorBody(v))
}

// said is a text in the reader's language.
func said(ctx context.Context, t notice.Text) string {
	return ui.Pick(ctx, web.Sentence(t.EN, "."), web.Sentence(t.ZH, "。"))
}

// pageURL is where a finding leads: a page of ours or of WeChat's.
func pageURL(ctx context.Context, f doctor.Finding) string {
	if f.Page != "" && f.Page[0] == '/' {
		return ui.URL(ctx, f.Page)
	}
	return f.Page
}

// alertOf is how loud a finding is shown.
func alertOf(v doctor.Verdict) ui.AlertKind {
	switch v {
	case doctor.Wrong:
		return ui.AlertProblem
	case doctor.Warning:
		return ui.AlertWarn
	case doctor.OK:
		return ui.AlertDone
	}
	return ui.AlertInfo
}
