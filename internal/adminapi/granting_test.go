package adminapi_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// with grants, or takes away, and gives the client as it is then.
func (r *rig) with(verb string, in adminapi.GrantBody) (adminapi.ClientView, adminapi.Applied) {
	r.t.Helper()
	var done adminapi.Applied
	r.ask("POST", "/v1/clients/erp/"+verb, in, &done)
	var v adminapi.ClientView
	r.ask("GET", "/v1/clients/erp", nil, &v)
	return v, done
}

func rights(r adminapi.ClientRights) adminapi.GrantBody { return adminapi.GrantBody{ClientRights: r} }

func TestRightsAreGivenAndTaken(t *testing.T) {
	r := newRig(t)
	r.declare()
	home, office := netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("198.51.100.0/24")
	withdraw, decode := adminapi.PathRight{Path: "/channels/ec/funds/submitwithdraw", Daily: 2}, adminapi.PathRight{Path: "/channels/ec/order/sensitiveinfo/decode", Daily: 20}
	for _, tc := range []struct {
		name, verb string
		in         adminapi.GrantBody
		want       adminapi.ClientRights
		mode       string
		changed    string
	}{
		{"a group to one that has all", "grant", rights(adminapi.ClientRights{Groups: []string{"order"}}), adminapi.ClientRights{}, "read", ""},
		{"a group from one that has all", "ungrant", rights(adminapi.ClientRights{Groups: without(catalogue.Grantable(), "order", "stock")}),
			adminapi.ClientRights{Groups: []string{"order", "stock"}}, "read", "groups"},
		{"a group more", "grant", rights(adminapi.ClientRights{Groups: []string{"delivery", "order"}}), adminapi.ClientRights{Groups: []string{"delivery", "order", "stock"}}, "read", "groups"},
		{"all groups", "grant", adminapi.GrantBody{AllGroups: true}, adminapi.ClientRights{}, "read", "groups"},
		{"writing and paths", "grant", adminapi.GrantBody{Mode: "write", ClientRights: adminapi.ClientRights{Paths: []adminapi.PathRight{withdraw, decode}}},
			adminapi.ClientRights{Paths: []adminapi.PathRight{withdraw, decode}}, "write", "mode paths"},
		{"a path oftener", "grant", rights(adminapi.ClientRights{Paths: []adminapi.PathRight{{Path: decode.Path, Daily: 50}}}),
			adminapi.ClientRights{Paths: []adminapi.PathRight{withdraw, {Path: decode.Path, Daily: 50}}}, "write", "paths"},
		{"a path less", "ungrant", rights(adminapi.ClientRights{Paths: []adminapi.PathRight{{Path: decode.Path}}}), adminapi.ClientRights{Paths: []adminapi.PathRight{withdraw}}, "write", "paths"},
		{"reading only, no path", "ungrant", adminapi.GrantBody{Mode: "write", ClientRights: adminapi.ClientRights{Paths: []adminapi.PathRight{withdraw}}}, adminapi.ClientRights{}, "read", "mode paths"},
		{"the rest", "grant", rights(adminapi.ClientRights{Rate: &adminapi.Rate{PerSecond: 3, Burst: 9}, From: []netip.Prefix{home, office}, Rights: []string{"token:export"}, Observe: true, Priority: "low"}),
			adminapi.ClientRights{Rate: &adminapi.Rate{PerSecond: 3, Burst: 9}, From: []netip.Prefix{home, office}, Rights: []string{"token:export"}, Observe: true, Priority: "low"}, "read", "rate from rights observe priority"},
		{"the rest again", "grant", rights(adminapi.ClientRights{From: []netip.Prefix{home}, Observe: true}),
			adminapi.ClientRights{Rate: &adminapi.Rate{PerSecond: 3, Burst: 9}, From: []netip.Prefix{home, office}, Rights: []string{"token:export"}, Observe: true, Priority: "low"}, "read", ""},
		{"one address", "ungrant", rights(adminapi.ClientRights{From: []netip.Prefix{home}}),
			adminapi.ClientRights{Rate: &adminapi.Rate{PerSecond: 3, Burst: 9}, From: []netip.Prefix{office}, Rights: []string{"token:export"}, Observe: true, Priority: "low"}, "read", "from"},
		{"all but the address", "ungrant", rights(adminapi.ClientRights{Rate: &adminapi.Rate{}, Rights: []string{"token:export"}, Observe: true, Priority: "low"}),
			adminapi.ClientRights{From: []netip.Prefix{office}}, "read", "rate rights observe priority"},
	} {
		v, done := r.with(tc.verb, tc.in)
		if diff := cmp.Diff(tc.want, v.ClientRights, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
		var changed []string
		for _, c := range done.Changes {
			changed = append(changed, c.Fields...)
		}
		if v.Mode != tc.mode || strings.Join(changed, " ") != tc.changed {
			t.Errorf("%s: mode %s, changed %v", tc.name, v.Mode, changed)
		}
	}
}

// TestARightHasOneName: what is granted in one spelling is changed and taken away in
// every other. Otherwise a right would stay that an operator took for taken.
func TestARightHasOneName(t *testing.T) {
	r := newRig(t)
	r.declare()
	const path = "/channels/ec/funds/submitwithdraw"
	paths := func(path string, daily int) adminapi.GrantBody {
		return rights(adminapi.ClientRights{Paths: []adminapi.PathRight{{Path: path, Daily: daily}}})
	}
	in := paths("/shop/ec/funds/SubmitWithdraw", 100)
	in.Mode = "write"
	r.with("grant", in)
	if v, _ := r.with("grant", paths(path, 1)); !cmp.Equal(v.Paths, []adminapi.PathRight{{Path: path, Daily: 1}}) {
		t.Errorf("granted once more: %+v", v.Paths)
	}
	r.with("grant", paths("/shop/funds/submitwithdraw", 7))
	if v, _ := r.with("ungrant", paths(path, 0)); len(v.Paths) > 0 {
		t.Errorf("taken away: %+v", v.Paths)
	}
	if rec := r.say("POST", "/v1/clients/erp/grant", rights(adminapi.ClientRights{Paths: []adminapi.PathRight{
		{Path: path, Daily: 1}, {Path: "/shop/funds/submitwithdraw", Daily: 100},
	}})); rec.Code != 422 || !strings.Contains(rec.Body.String(), "named twice") {
		t.Errorf("both at once: %d %s", rec.Code, rec.Body)
	}
	from := func(network string) adminapi.GrantBody {
		return rights(adminapi.ClientRights{From: []netip.Prefix{netip.MustParsePrefix(network)}})
	}
	r.with("grant", from("198.51.100.0/24"))
	if v, _ := r.with("grant", from("192.0.2.7/24")); len(v.From) != 2 || v.From[1] != netip.MustParsePrefix("192.0.2.0/24") {
		t.Errorf("a network by one of its addresses: %v", v.From)
	}
	if v, _ := r.with("ungrant", from("192.0.2.9/24")); len(v.From) != 1 {
		t.Errorf("taken away by another: %v", v.From)
	}
	if rec := r.say("POST", "/v1/clients/erp/grant", from("::ffff:192.0.2.7/128")); rec.Code != 422 || !strings.Contains(rec.Body.String(), "IPv4") {
		t.Errorf("an address that nobody has: %d %s", rec.Code, rec.Body)
	}
}

func without(have []string, but ...string) (left []string) {
	for _, h := range have {
		if h != but[0] && h != but[1] {
			left = append(left, h)
		}
	}
	return left
}

func TestRightsThatCannotBe(t *testing.T) {
	r := newRig(t)
	r.declare()
	r.with("ungrant", rights(adminapi.ClientRights{Groups: without(catalogue.Grantable(), "order", "stock")}))
	r.with("grant", rights(adminapi.ClientRights{From: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}}))
	for name, tc := range map[string]struct {
		verb   string
		in     any
		status int
		words  string
	}{
		"unknown group":  {"grant", rights(adminapi.ClientRights{Groups: []string{"ordre"}}), 422, "did you mean order"},
		"last groups":    {"ungrant", rights(adminapi.ClientRights{Groups: []string{"order", "stock"}}), 422, "last groups"},
		"last addresses": {"ungrant", rights(adminapi.ClientRights{From: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}}), 422, "last addresses"},
		"last shop":      {"ungrant", adminapi.GrantBody{Shops: []string{"lantian"}}, 422, "shops"},
		"unknown shop":   {"grant", adminapi.GrantBody{Shops: []string{"nobody"}}, 422, "shop"},
		"from anywhere":  {"grant", rights(adminapi.ClientRights{From: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}), 422, "everybody"},
		"odd right":      {"grant", map[string]any{"rights": []string{"token:steal"}}, 422, ""},
		"odd network":    {"grant", map[string]any{"from": []string{"localhost"}}, 422, ""},
		"odd field":      {"grant", map[string]any{"grups": []string{"order"}}, 422, ""},
	} {
		rec := r.say("POST", "/v1/clients/erp/"+tc.verb, tc.in)
		if rec.Code != tc.status || !strings.Contains(rec.Body.String(), tc.words) {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	for _, path := range []string{"/v1/clients/none/grant", "/v1/clients/none/ungrant"} {
		if rec := r.say("POST", path, adminapi.GrantBody{}); rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	if rec := r.say("GET", "/v1/clients/none", nil); rec.Code != http.StatusNotFound {
		t.Errorf("a client that is not there: %d", rec.Code)
	}
}
