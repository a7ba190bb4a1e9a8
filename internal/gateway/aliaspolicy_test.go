package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// TestThePolicyHoldsForAliases: the second way in is no way around a rule. SDKs get the
// errcode that they know for it.
func TestThePolicyHoldsForAliases(t *testing.T) {
	uses := &fakeUses{}
	sets := &fakeAuthorizers{row: grant.Authorizer{State: grant.AuthorizerKept, Sets: []int64{138}}}
	r := newRig(t, ok, withAliases, func(c *Config) { c.Uses, c.Authorizers, c.Sets = uses, sets, SetsCheck })
	r.store.with(func(s *fakeStore) {
		s.shops["lantian"] = access.Shop{ID: "lantian", App: "platform", AppID: "wx00000000000000a1"}
		s.apps["platform"] = access.App{ID: "platform", Kind: access.Component}
	})
	query := "?access_token=" + r.aliasOf(writeKey, "lantian")
	once := access.Rights{Paths: []access.PathRight{{Path: withdrawPath, Daily: 1}}}
	for _, tc := range []struct {
		name   string
		rights access.Rights
		path   string
		want   int // errcode
		words  string
	}{
		{"a group", access.Rights{Groups: []string{"stock"}}, readPath, 48001, "--group order"},
		{"by name", access.Rights{}, decodePath, 48001, "--path"},
		{"within the cap", once, withdrawPath, 0, ""},
		{"over the cap", once, withdrawPath, 45009, "--path"},
		{"an address", access.Rights{From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, readPath, 40164, "--from"},
		{"a permission set", access.Rights{}, readPath, 61007, "131 (orders and after-sales)"},
		{"at a pace", access.Rights{PerSecond: 0.1}, "/channels/ec/funds/getbalance", 0, ""},
		{"too fast", access.Rights{PerSecond: 0.1}, "/channels/ec/funds/getbalance", 45011, "--rate"},
	} {
		r.granting(tc.rights)
		status, got, _ := r.refused(t, http.MethodPost, tc.path+query)
		if status != http.StatusOK || *got.ErrCode != tc.want || !strings.Contains(got.ErrMsg, tc.words) {
			t.Errorf("%s: %d, errcode %d: %s", tc.name, status, *got.ErrCode, got.ErrMsg)
		}
	}
}
