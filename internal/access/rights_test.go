package access_test

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
)

func TestRightsAreKeptWhole(t *testing.T) {
	for _, want := range []access.Rights{
		{},
		{Groups: []string{"order", "product"}},
		{
			Paths: []access.PathRight{{Path: "/channels/ec/funds/submitwithdraw", Daily: 3}}, PerSecond: 0.5, Burst: 10,
			From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}, TokenExport: true, Observe: true, Low: true,
		},
	} {
		text, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := access.DecodeRights(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q gives %+v, %v; want %+v", text, got, err, want)
		}
	}
	if text, _ := (access.Rights{}).Encode(); text != "" {
		t.Errorf("ordinary rights are %q, want nothing", text)
	}
}

// TestUnknownRights: a server must not read rights that it does not understand as
// wider ones.
func TestUnknownRights(t *testing.T) {
	for _, text := range []string{`{"only_on_mondays":true}`, `{"groups":"order"}`, `[]`, `{`, `{"from":["192.0.2.0/33"]}`} {
		if r, err := access.DecodeRights(text); err == nil {
			t.Errorf("%q is read as %+v, want an error", text, r)
		}
	}
}
