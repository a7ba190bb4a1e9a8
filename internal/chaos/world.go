package chaos

import (
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// Ids of what is declared.
const (
	serviceApp = "fuwuhao"
	tenantID   = "chaos"
	clientID   = "caller"
)

func shopID(i int) string    { return fmt.Sprintf("shop-%03d", i) }
func shopAppID(i int) string { return fmt.Sprintf("wx00000000000c%04x", i) }
func shopName(i int) string  { return fmt.Sprintf("混沌小店 %d", i) }
func secretOf(i int) string  { return fmt.Sprintf("sandbox-secret-chaos-%011d", i) }
func person(i int) string    { return fmt.Sprintf("person-%d", i) }

// newWorld is the emulator's world: shops and people, and tokens of short life.
func newWorld(shops, people int, life time.Duration) *wechatsim.World {
	w := &wechatsim.World{Seed: 1, TokenLife: wechatsim.Duration(life), Loopback: true}
	// A refresh token that rotates is lost with the answer that brings its
	// successor, whatever a keeper does. What WeChat does is not documented.
	sw := wechatsim.StrictSwitches()
	sw.RefreshTokenRotates = false
	w.Switches = &sw
	w.Apps = []wechatsim.App{{AppID: wechatsim.DefaultServiceAccount, Secret: wechatsim.DefaultServiceSecret, Kind: wechatsim.ServiceAccount,
		Name: "混沌服务号", CallbackDomain: wechatsim.DefaultDomain}}
	for i := range shops {
		w.Apps = append(w.Apps, wechatsim.App{AppID: shopAppID(i), Secret: secretOf(i), Kind: wechatsim.ShopApp, Name: shopName(i)})
		w.Shops = append(w.Shops, wechatsim.Shop{AppID: shopAppID(i), Products: -1, Orders: -1})
	}
	for i := range people {
		w.People = append(w.People, wechatsim.Person{Name: person(i), Nickname: person(i)})
	}
	return w
}

// manifest declares the same to the replicas. host is the one that people log
// in through.
func manifest(shops int, host string) adminapi.Manifest {
	m := adminapi.Manifest{
		Apps: []adminapi.ManifestApp{{ID: serviceApp, Kind: "service_account", AppID: wechatsim.DefaultServiceAccount,
			Secret: wechatsim.DefaultServiceSecret, CallbackHost: host}},
		Tenants: []adminapi.ManifestTenant{{ID: tenantID, Name: "混沌"}},
	}
	c := adminapi.ManifestClient{ID: clientID, Name: "chaos", Mode: "read"}
	for i := range shops {
		m.Shops = append(m.Shops, adminapi.ManifestShop{ID: shopID(i), Tenant: tenantID, Name: shopName(i), AppID: shopAppID(i), Secret: secretOf(i)})
		c.Shops = append(c.Shops, shopID(i))
	}
	m.Clients = []adminapi.ManifestClient{c}
	return m
}
