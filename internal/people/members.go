package people

import (
	"errors"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// beijing is the time that shops and their people live by.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// memberView is the page about one member.
type memberView struct {
	Shop   access.Shop
	Member access.Member
	Name   string
	Offer  bool // the reader can hand their ownership over to them
}

// member gives the owner whose request it is and the member that it names: "at" says
// whether the role in the whole tenant is meant. Their own role, and one that they do not own
// the place of, are not found.
func (p *People) member(r *http.Request) (seat, access.Member, error) {
	s, err := p.owner(r)
	if err != nil {
		return s, access.Member{}, err
	}
	person, at := r.PathValue("person"), ""
	if r.FormValue("at") != "tenant" {
		at = s.Shop.ID
	}
	if person == s.Person.ID || !owns(s.Person.Members, s.Shop.TenantID, at, p.o.Now()) {
		return s, access.Member{}, errGone(s.Shop.ID)
	}
	found, err := p.o.Store.Person(r.Context(), person)
	if errors.Is(err, access.ErrNotFound) {
		return s, access.Member{}, errGone(s.Shop.ID)
	}
	if err != nil {
		return s, access.Member{}, err
	}
	for _, m := range found.Members {
		if m.TenantID == s.Shop.TenantID && m.ShopID == at && m.Active(p.o.Now()) {
			return s, m, nil
		}
	}
	return s, access.Member{}, errGone(s.Shop.ID)
}

func (p *People) getMember(w http.ResponseWriter, r *http.Request) error {
	s, m, err := p.member(r)
	if err != nil {
		return err
	}
	_, gives := p.gives(s, m)
	v := memberView{Shop: s.Shop, Member: m, Offer: gives && m.Role != access.Owner}
	if v.Name, err = p.name(r.Context(), m.PersonID); err != nil {
		return err
	}
	return p.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "people.member.title"}, memberPage(v))
}

// gives tells which ownership of the reader's reaches the place of m: what they can
// hand over to them. One that ends is not theirs to hand over.
func (p *People) gives(s seat, m access.Member) (access.Member, bool) {
	var wide access.Member
	for _, mine := range s.Person.Members {
		if mine.Role != access.Owner || mine.TenantID != m.TenantID || !mine.Active(p.o.Now()) || !mine.Until.IsZero() {
			continue
		}
		if mine.ShopID == m.ShopID {
			return mine, true
		}
		if mine.ShopID == "" {
			wide = mine
		}
	}
	return wide, wide.PersonID != ""
}

// postMember gives a member another role or another end.
func (p *People) postMember(w http.ResponseWriter, r *http.Request) error {
	s, m, err := p.member(r)
	if err != nil {
		return err
	}
	to, now := m, p.o.Now()
	to.Role = access.Role(r.PostFormValue("role"))
	if to.Until, err = untilDay(r.PostFormValue("until"), now); err != nil || !to.Role.Valid() {
		return errForm(s.Shop.ID)
	}
	if r.PostFormValue("was") != string(m.Role) {
		return errChanged(s.Shop.ID)
	}
	if !m.Role.Covers(to.Role) || outlasts(to.Until, m.Until) {
		mine, _ := ownsUntil(s.Person.Members, m.TenantID, m.ShopID, now) // whoever owns nothing there did not find the member
		to.Until = earlier(to.Until, mine)
	}
	if err := p.o.Store.ChangeMember(r.Context(), m, to, now, grant.ChangeEffects(now, s.by(), m, to)); err != nil {
		return refusal(err, s.Shop.ID)
	}
	return back(w, r, s.Shop.ID)
}

// outlasts tells whether a role that ends at a ends after one that ends at b; zero is
// never.
func outlasts(a, b time.Time) bool {
	return !b.IsZero() && (a.IsZero() || a.After(b))
}

// earlier gives the earlier of two ends, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if outlasts(a, b) {
		return b
	}
	return a
}

// errDay says that a text is no day to come.
var errDay = errors.New("people: no day to come; write it as 2026-12-31")

// untilDay reads the last day of a role, in Beijing. Nothing is no end.
func untilDay(day string, now time.Time) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, day, beijing)
	if err != nil {
		return time.Time{}, errDay
	}
	end := t.AddDate(0, 0, 1)
	if !end.After(now) || end.After(now.AddDate(20, 0, 0)) {
		return time.Time{}, errDay
	}
	return end.UTC(), nil
}

// lastDay writes the last day of a role, as a form takes it.
func lastDay(until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return until.Add(-time.Millisecond).In(beijing).Format(time.DateOnly)
}

// removeView is the page that lists what goes with a member.
type removeView struct {
	Shop      access.Shop
	Name      string
	Departure access.Departure
	More      bool // there is more than was listed before
}

func (p *People) getRemove(w http.ResponseWriter, r *http.Request) error {
	s, m, err := p.member(r)
	if err != nil {
		return err
	}
	return p.showRemove(w, r, s, m, false)
}

func (p *People) showRemove(w http.ResponseWriter, r *http.Request, s seat, m access.Member, more bool) (err error) {
	v := removeView{Shop: s.Shop, More: more}
	if v.Departure, err = p.o.Store.Departure(r.Context(), m, p.o.Now()); err != nil {
		return refusal(err, s.Shop.ID)
	}
	if v.Name, err = p.name(r.Context(), m.PersonID); err != nil {
		return err
	}
	return p.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "people.remove.title"}, removePage(v))
}

// postRemove does what the page listed.
func (p *People) postRemove(w http.ResponseWriter, r *http.Request) error {
	s, m, err := p.member(r)
	if err != nil {
		return err
	}
	d := access.Departure{Member: m}
	for _, id := range r.PostForm["client"] {
		d.Clients = append(d.Clients, access.Client{ID: id})
	}
	for _, id := range r.PostForm["invitation"] {
		d.Invitations = append(d.Invitations, access.Invitation{ID: id})
	}
	now := p.o.Now()
	found, err := p.o.Store.Departure(r.Context(), m, now)
	if err == nil && d.Covers(found) {
		err = p.o.Store.RemoveMember(r.Context(), found, now, grant.RemoveEffects(now, s.by(), found))
	} else if err == nil {
		err = access.ErrStale
	}
	if errors.Is(err, access.ErrStale) {
		return p.showRemove(w, r, s, m, true)
	}
	if err != nil {
		return refusal(err, s.Shop.ID)
	}
	return back(w, r, s.Shop.ID)
}

// refusal puts into words why the store refused a change.
func refusal(err error, shop string) error {
	switch {
	case errors.Is(err, access.ErrLastOwner):
		return &web.Error{Status: http.StatusConflict, Code: "last-owner",
			EN: "That would leave nobody as the owner.", ZH: "这样将没有任何人是店主。",
			NextEN: "Make somebody else an owner first, without an end date, or transfer the ownership.", NextZH: "请先让另一个人成为店主（不设到期日），或转让店主身份。",
			Link: "/shops/" + shop, LinkEN: "Back to the shop", LinkZH: "返回店铺"}
	case errors.Is(err, access.ErrStale):
		return errChanged(shop)
	case errors.Is(err, access.ErrNotFound), errors.Is(err, access.ErrTransferGone), errors.Is(err, access.ErrInvitationGone):
		return errGone(shop)
	case errors.Is(err, access.ErrUsed):
		return &web.Error{Status: http.StatusConflict, Code: "transfer-waits",
			EN: "Another transfer waits here already.", ZH: "已有一项转让正在等待处理。",
			NextEN: "Stop it first.", NextZH: "请先停止它。", Link: "/shops/" + shop, LinkEN: "Back to the shop", LinkZH: "返回店铺"}
	case errors.Is(err, access.ErrWrongCode):
		return &web.Error{Status: http.StatusForbidden, Code: "wrong-code",
			EN: "That is not the code the person was shown.", ZH: "这不是对方看到的确认码。",
			NextEN: "Ask them to read it again; after three wrong codes the invitation is dead.", NextZH: "请对方再读一遍；输错三次后邀请作废。",
			Link: "/shops/" + shop, LinkEN: "Back to the shop", LinkZH: "返回店铺"}
	}
	return err
}

// errGone is for a button on a page that is older than what it shows, and for what
// is none of the reader's business.
func errGone(shop string) error {
	return &web.Error{Status: http.StatusNotFound, Code: "gone",
		EN: "This is not there any more, or not yours to change.", ZH: "该内容已不存在，或您无权更改。",
		NextEN: "Go back and look again.", NextZH: "请返回重新查看。", Link: "/shops/" + shop, LinkEN: "Back to the shop", LinkZH: "返回店铺"}
}

func errChanged(shop string) error {
	return &web.Error{Status: http.StatusConflict, Code: "changed",
		EN: "Somebody else changed it meanwhile.", ZH: "其他人刚刚作了更改。",
		NextEN: "Go back, look again and repeat.", NextZH: "请返回查看后重试。", Link: "/shops/" + shop, LinkEN: "Back to the shop", LinkZH: "返回店铺"}
}

func errForm(shop string) error {
	return &web.Error{Status: http.StatusUnprocessableEntity, Code: "form-invalid",
		EN: "The form holds a role or a date that cannot be.", ZH: "表单中的角色或日期无效。",
		NextEN: "Choose a role, and a day that is not over; leave the date empty for no end.", NextZH: "请选择角色，并填写今天或以后的日期；不设期限请留空。",
		Link: "/shops/" + shop, LinkEN: "Back to the shop", LinkZH: "返回店铺"}
}
