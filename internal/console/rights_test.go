package console

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
)

func TestRightsOfAClient(t *testing.T) {
	all := access.Rights{
		Groups: []string{"order", "stock"}, PerSecond: 2.5, Observe: true, Low: true, TokenExport: true,
		Paths: []access.PathRight{{Path: "/channels/ec/funds/submitwithdraw", Daily: 3}, {Path: "/channels/ec/order/get"}},
		From:  []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}
	want := []string{"groups: order, stock", "/channels/ec/funds/submitwithdraw, daily: 3", "/channels/ec/order/get", "per_second: 2.5", "from: 192.0.2.0/24",
		"token:export", "observe", "priority: low"}
	if diff := cmp.Diff(want, rightsOf(all)); diff != "" {
		t.Error(diff)
	}
	if got := rightsOf(access.Rights{}); got != nil {
		t.Errorf("what is ordinary is spoken of: %q", got)
	}
}
