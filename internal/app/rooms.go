package app

import "strings"

// rooms are the parts of the server that requests are counted by, with the beginnings
// of their paths. The first that fits counts.
var rooms = []struct{ path, room string }{
	{"/wx/", "gateway"}, {"/{path...}?access_token", "gateway"},
	{"/cgi-bin/", "dropin"},
	{"/wechat/push/", "push"},
	{"/auth", "guard"}, {"/.zhanggui", "guard"}, {"/visit", "guard"}, {"/handoff", "guard"},
	{"back office", "office"},
	{"/oidc", "oidc"}, {"/.well-known", "oidc"},
	{"/v1/events", "events"}, {"/v1/stream", "events"}, {"/v1/", "api"}, {"/openapi.json", "api"},
	{"/admin/login", "login"}, {"/login", "login"}, {"/oauth/", "login"}, {"/market/", "login"}, {"/i/", "login"},
	{"/invited", "login"}, {"/logout", "login"}, {"/sessions", "login"}, {"/link", "login"}, {"/withdraw", "login"},
	{"/scan", "login"}, {"/mini/", "login"}, {"/setup", "login"}, {"/not-me", "login"}, {"/MP_verify", "login"},
	{"/admin", "console"}, {"/shops", "console"}, {"/me", "console"}, {"/{$}", "console"},
	{"/static", "static"},
	{"unmatched", "nowhere"},
}

// otherRoom is for routes that nobody gave a room.
const otherRoom = "other"

// roomOf names the room of a route, with or without its method.
func roomOf(route string) string {
	path := route
	if method, rest, ok := strings.Cut(route, " "); ok && strings.ToUpper(method) == method {
		path = rest
	}
	for _, r := range rooms {
		if strings.HasPrefix(path, r.path) {
			return r.room
		}
	}
	return otherRoom
}
