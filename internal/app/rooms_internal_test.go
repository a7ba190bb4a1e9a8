package app

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/gateway"
	"github.com/zhanggui/zhanggui/internal/web"
)

func TestRooms(t *testing.T) {
	t.Parallel()
	for route, want := range map[string]string{
		gateway.Pattern: "gateway", gateway.RootPattern: "gateway", "/cgi-bin/token": "dropin", "POST /wechat/push/{app}/auth": "push",
		"/auth": "guard", "/.zhanggui/why": "guard", "back office": "office", "GET /.well-known/jwks.json": "oidc",
		"GET /v1/events": "events", "GET /v1/shops/{shop}": "api", "GET /admin/login": "login", "GET /oauth/callback/{app}": "login",
		"POST /admin/invitations": "console", "GET /shops/{shop}": "console", "GET /{$}": "console", "GET /static/": "static",
		"unmatched": "nowhere", "/": otherRoom, "GET /new": otherRoom,
	} {
		if got := roomOf(route); got != want {
			t.Errorf("%s is in room %s, want %s", route, got, want)
		}
	}
	names := map[string]bool{otherRoom: true}
	for _, r := range rooms {
		names[r.room] = true
	}
	if len(names) > labelSets["room"] {
		t.Errorf("there are %d rooms, and labelSets says %d", len(names), labelSets["room"])
	}
}

// TestCallClasses: what WeChat said is told apart; what we said is one of three.
func TestCallClasses(t *testing.T) {
	t.Parallel()
	for o, want := range map[gateway.Observation]string{
		{Class: "ok", Status: 200}: "ok", {Class: "none", Status: 200}: "none", {Class: "blocked", Status: 200}: "blocked",
		{Class: "key-unknown", Status: 401}: "refused", {Class: "token-not-yet", Status: 503}: "failed", {Class: "client-gone", Status: web.StatusClientGone}: "gone",
	} {
		if got := callClass(o); got != want {
			t.Errorf("%+v is counted as %s, want %s", o, got, want)
		}
	}
}

func TestLabelsEnd(t *testing.T) {
	t.Parallel()
	var l labels
	seen := map[string]bool{}
	for i := range 100 {
		seen[l.label(string(rune('a'+i)))] = true
	}
	if len(seen) != mostLabels+1 || !seen[otherLabel] || l.label("a") != "a" {
		t.Errorf("%d values: %v", len(seen), seen)
	}
}
