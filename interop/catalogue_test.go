package interop_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// TestEmulatorAgreesWithTheCatalogue compares the emulator's calls of the shop
// API with what the catalogue says of them: the method, and that each of the
// permission sets it names opens the call to a platform.
func TestEmulatorAgreesWithTheCatalogue(t *testing.T) {
	world := wechatsim.PlatformWorld()
	for i := range world.Apps {
		if world.Apps[i].AppID == component {
			world.Apps[i].PermissionSets = []int{85, 129, 130, 131, 132, 138, 141, 159, 192}
		}
	}
	b := newBench(t, world, vectorSwitches())
	b.must(b.SetSwitches(func(sw *wechatsim.Switches) { sw.FreshGrantRefusals = 0 }))
	token := b.componentToken(b.ticket())
	_, err := b.Buy(marketShop, wechatsim.DefaultService, "standard")
	b.must(err)
	for _, path := range wechatsim.Paths() {
		if !strings.HasPrefix(path, "/channels/ec/") && !strings.HasPrefix(path, "/shop/ec/") {
			continue
		}
		e, known := catalogue.Default().Lookup(path)
		if !known {
			t.Errorf("the catalogue does not know %s", path)
			continue
		}
		if e.Path == path && e.Method != "" {
			w := b.request(e.Method, path, "", "{}")
			if got := errcodeOf(decodeAnswer(t, w)); got != 41001 {
				t.Errorf("%s %s answers %d, want 41001 for the missing token", e.Method, path, got)
			}
		}
		for _, id := range e.Sets {
			b.must(b.Reauthorize(component, marketShop, []int{int(id)}))
			if got := b.onBehalf(token, path); got == 61007 || got == 48001 || got == 43001 || got == 43002 {
				t.Errorf("%s with permission set %d answers %d", path, id, got)
			}
		}
	}
}

// onBehalf calls a path for the shop with a new authorizer token, by the method
// that the emulator wants, and returns the errcode.
func (b *bench) onBehalf(token, path string) int {
	b.t.Helper()
	grant, err := b.Grant(component, marketShop)
	b.must(err)
	fresh := decodeAnswer(b.t, b.request(http.MethodPost, "/cgi-bin/component/api_authorizer_token", "access_token="+token,
		fmt.Sprintf(`{"component_appid":%q,"authorizer_appid":%q,"authorizer_refresh_token":%q}`, component, marketShop, grant.RefreshToken)))
	query := "access_token=" + fmt.Sprint(fresh["authorizer_access_token"])
	w := b.request(http.MethodPost, path, query, "{}")
	answer := decodeAnswer(b.t, w)
	if errcodeOf(answer) == 43001 {
		answer = decodeAnswer(b.t, b.request(http.MethodGet, path, query, ""))
	}
	return errcodeOf(answer)
}
