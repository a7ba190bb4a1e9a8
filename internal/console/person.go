package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
	"github.com/zhanggui/zhanggui/wechat"
)

// mine is a shop with the role that a person holds in it.
type mine struct {
	Shop access.Shop
	Role access.Role
}

func (c *Console) shopsOf(r *http.Request, p access.Person) ([]mine, error) {
	shops, err := c.Directory.Shops(r.Context())
	if err != nil {
		return nil, err
	}
	var held []mine
	for _, s := range shops {
		if role, ok := access.RoleIn(p.Members, s, c.Now()); ok {
			held = append(held, mine{s, role})
		}
	}
	return held, nil
}

// myShops lists a person's shops. With one shop only, that shop is the page.
func (c *Console) myShops(w http.ResponseWriter, r *http.Request, s access.Session, p access.Person) error {
	held, err := c.shopsOf(r, p)
	if err != nil {
		return err
	}
	if len(held) == 1 {
		return c.renderShop(w, r, s, p, held[0])
	}
	return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.shops.title", Nav: personNav(r)}, shopList(p, held))
}

func (c *Console) shop(w http.ResponseWriter, r *http.Request) error {
	if s, _, ok := c.Login.Current(r); ok && s.AdminID != "" && c.Board != nil {
		return c.shopForStaff(w, r, s)
	}
	session, person, err := c.Login.Require(r, access.Viewer, r.PathValue("shop"))
	if err != nil {
		return err
	}
	s, err := c.Directory.Shop(r.Context(), r.PathValue("shop"))
	if err != nil {
		return err
	}
	role, _ := access.RoleIn(person.Members, s, c.Now())
	return c.renderShop(w, r, session, person, mine{s, role})
}

// shopForStaff shows a shop's page to somebody of the provider who entered its
// tenant.
func (c *Console) shopForStaff(w http.ResponseWriter, r *http.Request, session access.Session) error {
	s, err := c.visited(r, session)
	if err != nil {
		return err
	}
	return c.renderShop(w, r, session, access.Person{}, mine{s, access.Owner})
}

// visited gives the shop that a request names, to staff who entered its tenant.
func (c *Console) visited(r *http.Request, session access.Session) (access.Shop, error) {
	s, err := c.Directory.Shop(r.Context(), r.PathValue("shop"))
	if errors.Is(err, access.ErrNotFound) {
		return s, errGone()
	}
	if err == nil {
		err = c.Board.Visiting(r.Context(), session.AdminID, s)
	}
	return s, err
}

func (c *Console) renderShop(w http.ResponseWriter, r *http.Request, s access.Session, p access.Person, m mine) error {
	view := shopPage{Person: p, Mine: m, Market: s.Door == access.DoorMarket, Staff: s.AdminID != "", Now: c.Now(), Board: templ.NopComponent}
	var errs [5]error
	view.Bought, errs[0] = c.purchasesOf(r.Context(), m.Shop)
	view.Claims, errs[1] = c.claimsFor(r.Context(), p, m.Shop)
	view.Out, errs[2] = c.exportsFor(r.Context(), m)
	view.Asked, errs[4] = c.askedOf(r.Context(), p, m)
	view.Review = c.Reviews != nil && !view.Staff && m.Role == access.Owner
	if c.Board != nil {
		view.Board, errs[3] = c.Board.Board(r.Context(), p, m.Shop, m.Role, view.Staff)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	answers, err := c.ask(r.Context(), m.Shop.ID)
	view.Live, view.Problem = answers, c.problemOf(r, m.Shop, err)
	info := ui.PageInfo{Title: cmp.Or(answers.Name, m.Shop.Name, m.Shop.ID), Nav: personNav(r)}
	return c.UI.Render(w, r, http.StatusOK, info, shopBody(view))
}

// problemOf puts a failed call into words, so that the page still stands. The
// state of the shop's grant says more than the error, where it is the cause.
func (c *Console) problemOf(r *http.Request, shop access.Shop, err error) string {
	if err == nil {
		return ""
	}
	kept, lookErr := c.Directory.Grants(r.Context(), grant.Filter{ShopID: shop.ID})
	serves := slices.IndexFunc(kept, func(g grant.Grant) bool { return g.App == shop.App })
	if lookErr == nil && serves >= 0 && kept[serves].State != grant.Active {
		return ui.T(r.Context(), "console.shop.problem."+string(kept[serves].State))
	}
	e := web.AsError(err)
	if we, ok := errors.AsType[*wechat.Error](err); ok && e.Code == "internal" {
		x := we.Explain()
		e = &web.Error{EN: x.CauseEN, ZH: x.CauseZH, NextEN: x.NextEN, NextZH: x.NextZH}
	}
	return ui.Pick(r.Context(), web.Sentence(e.EN, ".")+" "+web.Sentence(e.NextEN, "."), web.Sentence(e.ZH, "。")+web.Sentence(e.NextZH, "。"))
}

func personNav(r *http.Request) []ui.NavItem {
	ctx := r.Context()
	return []ui.NavItem{
		{Label: ui.T(ctx, "console.nav.home"), Path: "/", Current: r.URL.Path == "/"},
		{Label: ui.T(ctx, "console.nav.sessions"), Path: "/sessions"},
	}
}

// shopPage is what a shop's page shows.
type shopPage struct {
	Person  access.Person
	Mine    mine
	Live    live
	Problem string
	Market  bool            // the reader came from the service market: nobody by name
	Staff   bool            // the reader is of the provider and changes nothing here
	Board   templ.Component // who may do what here
	Bought  []bought
	Claims  []access.Invitation // that the reader may confirm
	Out     []access.Export     // tokens that programs fetched
	Asked   asked               // who is to authorise anew
	Review  bool                // the reader may see who may do what
	Now     time.Time
}
