package guard

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
)

func TestRoutes(t *testing.T) {
	s := newRules(Host{Rule: Rule{Role: access.Viewer, ProvedWithin: time.Hour}, Routes: []Route{
		{Path: "/admin", Rule: Rule{Role: access.Owner}},
		{Path: "/admin/money", Rule: Rule{ProvedWithin: time.Minute, Doors: []access.Door{access.DoorWeChat}}},
		{Path: "/admin/help", Rule: Rule{Public: true}},
		{Path: "/admin/help/inner", Rule: Rule{Role: access.Operator}},
		{Path: "/Assets", Rule: Rule{Public: true}},
		{Path: "/old", Rule: Rule{CrossOrigin: Off}},
		{Path: "/店铺", Rule: Rule{Shut: true}},
	}})
	whole := Rule{Role: access.Viewer, ProvedWithin: time.Hour, CrossOrigin: Refuse}
	with := func(change func(*Rule)) Rule { r := whole; change(&r); return r }
	for p, want := range map[string]Rule{
		"/":                whole,
		"/orders":          whole,
		"/administrator":   whole,
		"/admin":           with(func(r *Rule) { r.Role = access.Owner }),
		"/admin/":          with(func(r *Rule) { r.Role = access.Owner }),
		"/admin/users":     with(func(r *Rule) { r.Role = access.Owner }),
		"/admin/moneybag":  with(func(r *Rule) { r.Role = access.Owner }),
		"/ADMIN":           with(func(r *Rule) { r.Role = access.Owner }),
		"/%61dmin":         with(func(r *Rule) { r.Role = access.Owner }),
		"/%2561dmin":       with(func(r *Rule) { r.Role = access.Owner }),
		"/admin;x=1/users": with(func(r *Rule) { r.Role = access.Owner }),
		"/admin%3bx/users": with(func(r *Rule) { r.Role = access.Owner }),
		"/admin./users":    with(func(r *Rule) { r.Role = access.Owner }),
		"/admin%20/users":  with(func(r *Rule) { r.Role = access.Owner }),
		"/admin::$DATA":    with(func(r *Rule) { r.Role = access.Owner }),
		"/a%C4%B1dmin":     whole,
		"/admin/money/x": with(func(r *Rule) {
			r.Role, r.ProvedWithin, r.Doors = access.Owner, time.Minute, []access.Door{access.DoorWeChat}
		}),
		"/admin/help":         with(func(r *Rule) { r.Role, r.Public = "", true }),
		"/admin/HELP":         with(func(r *Rule) { r.Role = access.Owner }), // some serve admin here, others help
		"/admin/help/inner":   with(func(r *Rule) { r.Role = access.Operator }),
		"/Assets/app.js":      with(func(r *Rule) { r.Role, r.Public = "", true }),
		"/assets/app.js":      whole, // perhaps another directory
		"/old/form":           with(func(r *Rule) { r.CrossOrigin = Off }),
		"/OLD/form":           whole,
		"/%E5%BA%97%E9%93%BA": with(func(r *Rule) { r.Role, r.Shut = "", true }),
		"/店铺/1":               with(func(r *Rule) { r.Role, r.Shut = "", true }),
	} {
		exact, loose, ok := readings(p)
		if !ok {
			t.Errorf("%s is refused", p)
			continue
		}
		got := *s.match(exact, loose)
		if got.Shut || got.Public {
			got.Role = ""
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", p, d)
		}
	}
}

func TestOddPaths(t *testing.T) {
	for _, p := range []string{
		"", "x", "*", "//admin", "/a//b", "/./admin", "/x/../admin", "/x/..", "/x/%2e%2e/admin", "/x/%252e%252e/admin", "/x/..%2fadmin", "/x/..;/admin",
		"/x%2fadmin", "/x%5cadmin", `/x\admin`, "/static/..%5c..%5cadmin", "/admin%00", "/admin\x00", "/admin%0a", "/admin\t", "/%", "/%zz", "/a#/../admin", "/a%23b", "/a%3fb",
		"/;/admin", "/%2525252525252561dmin",
	} {
		if exact, loose, ok := readings(p); ok {
			t.Errorf("%q is read as %q and %q", p, exact, loose)
		}
	}
}

func TestNothingIsOpenByItself(t *testing.T) {
	s := newRules(Host{Routes: []Route{{Path: "/a", Rule: Rule{Role: access.Viewer}}, {Path: "/a/b", Rule: Rule{Shut: true}}, {Path: "/a/b/c", Rule: Rule{ProvedWithin: time.Hour}}}})
	for p, shut := range map[string]bool{"/": true, "/x": true, "/a": false, "/a/x": false, "/a/b": true, "/a/b/c": true} {
		exact, loose, _ := readings(p)
		if got := s.match(exact, loose).Shut; got != shut {
			t.Errorf("%s: shut %v", p, got)
		}
	}
}

func TestBothRulesHold(t *testing.T) {
	public, viewer, owner := Rule{Public: true, CrossOrigin: Refuse}, Rule{Role: access.Viewer, CrossOrigin: Off}, Rule{Role: access.Owner, CrossOrigin: Observe, ProvedWithin: time.Hour}
	qr := Rule{Role: access.Viewer, Doors: []access.Door{access.DoorQR}, CrossOrigin: Off}
	market := Rule{Role: access.Viewer, Doors: []access.Door{access.DoorMarket}, CrossOrigin: Off}
	for _, tt := range []struct{ a, b, want Rule }{
		{public, owner, Rule{Role: access.Owner, CrossOrigin: Refuse, ProvedWithin: time.Hour}},
		{viewer, owner, Rule{Role: access.Owner, CrossOrigin: Observe, ProvedWithin: time.Hour}},
		{public, public, public},
		{viewer, shut, Rule{Shut: true, CrossOrigin: Refuse}},
		{qr, viewer, Rule{Role: access.Viewer, Doors: qr.Doors, CrossOrigin: Off}},
		{qr, market, Rule{Shut: true, Doors: []access.Door{}, CrossOrigin: Off}},
	} {
		for _, got := range []Rule{tt.a.and(tt.b), tt.b.and(tt.a)} {
			if got.Shut {
				got.Role = "" // of no meaning
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("%+v and %+v: %s", tt.a, tt.b, d)
			}
		}
	}
}

// servers are ways in which back offices read a path before they look where it leads.
var servers = map[string]func(string) string{
	"plain":         func(p string) string { return unescape(p) },
	"cleaning":      func(p string) string { return path.Clean("/" + unescape(p)) },
	"clean first":   func(p string) string { return unescape(path.Clean("/" + p)) },
	"twice decoded": func(p string) string { return path.Clean("/" + unescape(unescape(p))) },
	"backslashes":   func(p string) string { return path.Clean("/" + strings.ReplaceAll(unescape(p), `\`, "/")) },
	"parameters": func(p string) string {
		var all []string
		for s := range strings.SplitSeq(unescape(p), "/") {
			s, _, _ = strings.Cut(s, ";")
			all = append(all, s)
		}
		return path.Clean("/" + strings.Join(all, "/"))
	},
	"any case": func(p string) string { return strings.ToLower(path.Clean("/" + unescape(p))) },
	"windows": func(p string) string {
		var all []string
		for s := range strings.SplitSeq(strings.ToLower(strings.ReplaceAll(unescape(p), `\`, "/")), "/") {
			if s != "." && s != ".." {
				s = strings.TrimRight(s, ". ")
			}
			all = append(all, s)
		}
		return path.Clean("/" + strings.Join(all, "/"))
	},
	"cut at zero": func(p string) string {
		before, _, _ := strings.Cut(unescape(p), "\x00")
		return path.Clean("/" + before)
	},
	"cut at hash": func(p string) string { before, _, _ := strings.Cut(p, "#"); return path.Clean("/" + unescape(before)) },
}

func unescape(p string) string {
	if d, err := url.PathUnescape(p); err == nil {
		return d
	}
	return p
}

// FuzzNoSpellingOpensAShutPath: whatever a server makes of a path, if it leads to what
// the rules shut, the guard shuts it as well or refuses to read it.
func FuzzNoSpellingOpensAShutPath(f *testing.F) {
	for _, p := range []string{
		"/admin", "/static/app.css", "/static/../admin", "/static/..%2fadmin", "/static/%2e%2e/admin", "/static/..;/admin", "/ADMIN/x", "/%61dmin", "/%2561dmin",
		"//admin", "/static//../admin", `/static\..\admin`, "/admin%00.css", "/admin;.css", "/admin./", "/admin%20", "/admin#/static", "/static;/../admin", "/admin%3b/static",
		"/static/./../admin", "/static/%5c../admin", "/Static/x", "/aDmIn;a=b/static/x", "/.../admin", "/static%23/../admin",
	} {
		f.Add(p)
	}
	s := newRules(Host{Rule: Rule{Role: access.Viewer}, Routes: []Route{{Path: "/static", Rule: Rule{Public: true}}, {Path: "/admin", Rule: Rule{Shut: true}}}})
	f.Fuzz(func(t *testing.T, p string) {
		p, _, _ = strings.Cut(p, "?")
		exact, loose, ok := readings(p)
		if !ok {
			return
		}
		rule := s.match(exact, loose)
		for name, read := range servers {
			at := read(p)
			if under(at, "/admin") && !rule.Shut {
				t.Errorf("%q: %s servers go to %q, which is shut, and the guard lets it through", p, name, at)
			}
			if !under(at, "/static") && rule.Public {
				t.Errorf("%q: %s servers go to %q, and the guard takes it for public", p, name, at)
			}
		}
	})
}

// FuzzTamePathsHaveOneReading: the short way agrees with the long one.
func FuzzTamePathsHaveOneReading(f *testing.F) {
	for _, p := range []string{"/a/b", "/a.b/c-d_e", "/", "/a/", "/kiss", "/a..b"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if !tame(p) {
			return
		}
		if loose := loosely(p); loose != strings.TrimRight(p, "/") {
			t.Errorf("%q is read loosely as %q", p, loose)
		}
		for name, read := range servers {
			if at := read(p); strings.TrimRight(at, "/") != strings.TrimRight(p, "/") {
				t.Errorf("%q: %s servers go to %q", p, name, at)
			}
		}
	})
}

func TestExtraHeadersAreSorted(t *testing.T) {
	got := newExtra(map[string]Word{"X-B": WordName, "x-a": WordPerson})
	if !slices.Equal(got, []extra{{"X-B", WordName}, {"X-A", WordPerson}}) {
		t.Errorf("%v", got)
	}
}
