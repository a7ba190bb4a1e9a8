package console

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/review"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Reviews says who may do what, and keeps who signed that.
type Reviews interface {
	Report(ctx context.Context, scope review.Scope) (review.Report, error)
	Sign(ctx context.Context, scope review.Scope, digest, note string, by audit.Actor) (access.Review, error)
	// Last gives the newest signature, or [access.ErrNotFound].
	Last(ctx context.Context, scope review.Scope) (access.Review, error)
	// Due tells when the house signs next; zero: whenever it likes.
	Due(ctx context.Context) (time.Time, error)
}

// Renewals tells who is asked to authorise anew.
type Renewals interface {
	Of(ctx context.Context, grantID string) (grant.Renewal, bool, error)
}

// How much of a report one page shows.
const (
	shownMarked = 50  // of each section, while all are shown
	shownLines  = 100 // of one section
)

// mountReviews registers the pages about who may do what.
func (c *Console) mountReviews(page func(pattern string, h web.Handler)) {
	if c.Reviews == nil {
		return
	}
	page("GET /admin/review", c.admin(c.houseReview))
	page("POST /admin/review", c.admin(c.signHouse))
	page("GET /shops/{shop}/review", c.ownerReview)
	page("POST /shops/{shop}/review", c.signOwner)
}

// reviewPage is a report as a page shows it.
type reviewPage struct {
	Report   review.Report
	Lines    int
	Marked   int
	Here     string // path of the page
	Shop     string // whose owner reads; empty: an administrator
	Last     access.Review
	Due      time.Time
	Now      time.Time
	Section  string // the one that is shown whole; empty: what stands out in each
	Page     int    // of that section, from 1
	Print    bool   // everything, for paper
	Sections []sectionView
}

// sectionView is what is shown of a section.
type sectionView struct {
	Name   string
	Lines  []review.Line
	All    int
	Marked int
	Prev   string // address of the page before; empty: there is none
	Next   string
}

func (c *Console) houseReview(w http.ResponseWriter, r *http.Request, _ audit.Actor) error {
	return c.showReview(w, r, review.Scope{}, "")
}

func (c *Console) ownerReview(w http.ResponseWriter, r *http.Request) error {
	_, person, err := c.Login.Require(r, access.Owner, r.PathValue("shop"))
	if err != nil {
		return err
	}
	shop, err := c.Directory.Shop(r.Context(), r.PathValue("shop"))
	if err != nil {
		return err
	}
	return c.showReview(w, r, ownScope(person, shop, c.Now()), shop.ID)
}

// ownScope is what an owner of a shop sees: all of the tenant if they own that.
func ownScope(p access.Person, shop access.Shop, now time.Time) review.Scope {
	s := review.Scope{TenantID: shop.TenantID, ShopID: shop.ID}
	for _, m := range p.Members {
		if m.Active(now) && m.TenantID == shop.TenantID && m.ShopID == "" && m.Role == access.Owner {
			s.ShopID = ""
		}
	}
	return s
}

// showReview answers with a page, or with a file when one is asked for.
func (c *Console) showReview(w http.ResponseWriter, r *http.Request, scope review.Scope, shop string) error {
	report, err := c.Reviews.Report(r.Context(), scope)
	if err != nil {
		return err
	}
	switch r.URL.Query().Get("format") {
	case "csv":
		return download(w, "review.csv", "text/csv; charset=utf-8", report.CSV)
	case "json":
		return download(w, "review.json", "application/json", report.JSON)
	}
	v := reviewPage{Report: report, Here: "/admin/review", Shop: shop, Now: c.Now(), Section: r.URL.Query().Get("section"), Print: r.URL.Query().Get("print") == "1"}
	if shop != "" {
		v.Here = "/shops/" + shop + "/review"
	}
	v.Page, _ = strconv.Atoi(r.URL.Query().Get("page")) // no number is the first page
	v.Lines, v.Marked = report.Lines()
	v.choose()
	if v.Last, err = c.Reviews.Last(r.Context(), scope); err != nil && !errors.Is(err, access.ErrNotFound) {
		return err
	}
	if scope.House() {
		if v.Due, err = c.Reviews.Due(r.Context()); err != nil {
			return err
		}
	}
	return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.review.title", Wide: true}, reviewBody(v))
}

// download sends a file.
func download(w http.ResponseWriter, name, kind string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, err := w.Write(b.Bytes())
	return err
}

// choose picks the lines that the page shows.
func (v *reviewPage) choose() {
	for _, s := range v.Report.Sections {
		one := sectionView{Name: s.Name, All: len(s.Lines), Marked: s.Marked(), Lines: s.Lines}
		switch {
		case v.Print:
		case v.Section == s.Name:
			v.turn(&one)
		case v.Section != "":
			continue
		default:
			one.Lines = slices.DeleteFunc(slices.Clone(s.Lines), func(l review.Line) bool { return len(l.Why) == 0 })
			one.Lines = one.Lines[:min(shownMarked, len(one.Lines))]
		}
		v.Sections = append(v.Sections, one)
	}
}

// turn shows one page of a section.
func (v *reviewPage) turn(s *sectionView) {
	last := max(1, (s.All+shownLines-1)/shownLines)
	v.Page = min(max(1, v.Page), last)
	begin := (v.Page - 1) * shownLines
	s.Lines = s.Lines[begin:min(begin+shownLines, s.All)]
	if v.Page > 1 {
		s.Prev = v.section(s.Name, v.Page-1)
	}
	if v.Page < last {
		s.Next = v.section(s.Name, v.Page+1)
	}
}

// section is the address of a page of a section.
func (v *reviewPage) section(key string, page int) string {
	return v.Here + "?" + url.Values{"section": {key}, "page": {strconv.Itoa(page)}}.Encode()
}

func (c *Console) signHouse(w http.ResponseWriter, r *http.Request, by audit.Actor) error {
	return c.sign(w, r, review.Scope{}, by, "/admin/review")
}

// signOwner wants the owner to have been named by WeChat just now.
func (c *Console) signOwner(w http.ResponseWriter, r *http.Request) error {
	_, person, err := c.Login.RequireProved(r, access.Owner, r.PathValue("shop"))
	if err != nil {
		return err
	}
	shop, err := c.Directory.Shop(r.Context(), r.PathValue("shop"))
	if err != nil {
		return err
	}
	return c.sign(w, r, ownScope(person, shop, c.Now()), audit.Actor{Kind: audit.ActorPerson, ID: person.ID}, "/shops/"+shop.ID+"/review")
}

func (c *Console) sign(w http.ResponseWriter, r *http.Request, scope review.Scope, by audit.Actor, here string) error {
	_, err := c.Reviews.Sign(r.Context(), scope, r.PostFormValue("digest"), r.PostFormValue("note"), by)
	switch {
	case errors.Is(err, review.ErrChanged):
		return &web.Error{Status: http.StatusConflict, Code: "review-changed",
			EN: "The report says something else by now.", ZH: "报告内容已有变化。",
			NextEN: "Read it again and sign that one.", NextZH: "请重新阅读后再签署。", Link: here, LinkEN: "Back", LinkZH: "返回"}
	case errors.Is(err, review.ErrNote):
		return &web.Error{Status: http.StatusUnprocessableEntity, Code: "note-invalid",
			EN: "The note is longer than 500 characters.", ZH: "备注超过 500 个字。",
			NextEN: "Go back and write it shorter.", NextZH: "请返回缩短备注。", Link: here, LinkEN: "Back", LinkZH: "返回"}
	case err != nil:
		return err
	}
	http.Redirect(w, r, ui.URL(r.Context(), here), http.StatusSeeOther)
	return nil
}

// asked is somebody who is asked to authorise anew, as a shop's page shows it.
type asked struct {
	On  bool
	Way review.Way
	Due time.Time
}

// askedOf tells an owner whether the shop's authorisation, or else their own, is asked
// for anew.
func (c *Console) askedOf(ctx context.Context, p access.Person, m mine) (asked, error) {
	if c.Renewals == nil || m.Role != access.Owner {
		return asked{}, nil
	}
	grants, err := c.Directory.Grants(ctx, grant.Filter{ShopID: m.Shop.ID})
	if err == nil && p.ID != "" {
		var own []grant.Grant
		own, err = c.Directory.Grants(ctx, grant.Filter{PersonID: p.ID})
		grants = append(grants, own...)
	}
	if err != nil {
		return asked{}, err
	}
	for _, g := range grants {
		found, on, err := c.Renewals.Of(ctx, g.ID)
		if err != nil {
			return asked{}, err
		}
		if on && (g.Kind == grant.User || g.App == m.Shop.App) {
			return asked{On: true, Way: review.WayOf(g), Due: found.DueAt}, nil
		}
	}
	return asked{}, nil
}
