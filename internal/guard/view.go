package guard

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// deniedView is what a page says of a refusal: what is missing, whom to ask, and the
// ways on.
type deniedView struct {
	Code     string
	Host     string
	Nickname string      // empty: not known
	Shop     string      // name
	Held     access.Role // empty: none
	Needed   access.Role // empty: none would do
	Doors    []access.Door
	Door     access.Door // come in by; empty: nobody is
	Ways     []way
}

// way is a link with its words.
type way struct{ Key, Link string }

// shopsView is what the choice of shops shows.
type shopsView struct {
	Host  string
	Shops []choice
}

// choice is one shop.
type choice struct {
	Name string
	Role access.Role
	Link string
}

// logoutView is what the page before and after a logout shows.
type logoutView struct {
	In       bool
	Host     string
	Nickname string
}

func nameOf(s access.Shop) string { return cmp.Or(s.Name, s.ID) }

// viewOf says what a page tells of a finding.
func (g *Guard) viewOf(f *finding) deniedView {
	v := deniedView{
		Code: f.why, Host: f.host.Name, Nickname: f.person.Profile.Nickname,
		Held: f.role, Door: f.session.Door,
	}
	if f.shop.ID != "" {
		v.Shop = nameOf(f.shop)
	}
	if f.rule != nil && !f.rule.Shut && !f.rule.Public {
		v.Needed, v.Doors = f.rule.Role, f.rule.Doors
	}
	v.Ways = g.ways(f)
	return v
}

// ways are the links that help with a refusal.
func (g *Guard) ways(f *finding) []way {
	back := f.host.back(f.target)
	begin := way{"guard.way.begin", f.host.begin(back, nil)}
	start := way{"guard.way.start", f.host.own + "/"}
	other := way{"guard.way.switch", g.base + "/login?" + url.Values{"switch": {"1"}, "rd": {begin.Link}}.Encode()}
	choose := way{"guard.way.choose", f.host.begin(back, url.Values{"choose": {"1"}})}
	switch f.why {
	case "no-session", "stale-proof":
		return []way{begin}
	case "choose":
		return []way{choose}
	case "cross-origin", "odd-path", "forged":
		return []way{start}
	case "shut":
		return []way{start, {"guard.way.home", g.base + "/"}}
	}
	if f.host.Tenant != "" {
		return []way{other, choose, {"guard.way.home", g.base + "/"}}
	}
	return []way{other, {"guard.way.home", g.base + "/"}}
}

// deniedWriter writes refusals as pages.
func deniedWriter(u Renderer) func(http.ResponseWriter, *http.Request, *web.Error) {
	return func(w http.ResponseWriter, r *http.Request, e *web.Error) {
		d, ok := errors.AsType[*denial](e.Err)
		if !ok {
			d = &denial{deniedView{Code: e.Code}}
		}
		web.SetRetryAfter(w.Header(), e.RetryAfter)
		w.Header().Set("Cache-Control", "no-store")
		title := "guard.denied.title"
		if e.Status == http.StatusUnauthorized {
			title = "guard.denied.login"
		}
		if err := u.Render(w, r, e.Status, ui.PageInfo{TitleKey: title}, deniedPage(d.deniedView, e)); err != nil {
			web.WriteProblem(w, r, e)
		}
	}
}
