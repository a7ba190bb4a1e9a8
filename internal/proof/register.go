package proof

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"unicode/utf8"
)

// registered: what the operator declared is there, its secrets are sealed in
// their places, and of the program's key there is a hash only.
func (c *checker) registered() {
	for _, a := range c.world.Apps {
		c.registeredApp(a.AppID, a.Kind, a.Secret)
	}
	for _, s := range c.world.Shops {
		c.registeredShop(s.AppID)
	}
	if len(c.rows.clients) == 0 {
		c.find("no program was given a key")
	}
	for _, x := range c.rows.clients {
		c.registeredClient(x)
	}
}

func (c *checker) registeredApp(appID, kind, secret string) {
	row, ok := first(c.rows.apps, func(r appRow) bool { return r.appID == appID && r.kind == kind })
	if !ok {
		c.find("the %s %s has no row", kind, appID)
		return
	}
	if bytes.Contains(row.secret, []byte(secret)) {
		c.find("the AppSecret of app %s is stored in the clear", row.id)
		return
	}
	if len(row.secret) != sealedSize+len(secret) {
		c.find("the AppSecret of app %s takes %d bytes, sealed it takes %d", row.id, len(row.secret), sealedSize+len(secret))
	}
	plain, err := c.vault.open(row.secret, place{"apps", "secret", row.id, "app_secret", row.version})
	switch {
	case err != nil:
		c.find("the AppSecret of app %s does not open in its place: %v", row.id, err)
	case string(plain) != secret:
		c.find("the AppSecret of app %s is another one than WeChat's", row.id)
	}
}

func (c *checker) registeredShop(appID string) {
	shop, ok := c.shopOf(appID)
	if !ok {
		c.find("the shop with the AppID %s has no row", appID)
		return
	}
	if _, ok := first(c.rows.tenants, func(t tenantRow) bool { return t.id == shop.tenant }); !ok {
		c.find("shop %s belongs to tenant %q, which has no row", shop.id, shop.tenant)
	}
	if _, ok := c.selfGrant(shop); !ok {
		c.find("shop %s has no grant of its own", shop.id)
	}
	if _, ok := first(c.rows.clientShops, func(x clientShopRow) bool { return x.shop == shop.id }); !ok {
		c.find("no program may use shop %s", shop.id)
	}
}

// hintSize is how much of a key may be shown for people to tell keys apart: the
// prefix and four letters.
const hintSize = 8

func (c *checker) registeredClient(x clientRow) {
	if len(x.hash) != sha256.Size || bytes.HasPrefix(x.hash, []byte("zgc_")) {
		c.find("of the key of client %s, %d bytes are kept that are no SHA-256", x.id, len(x.hash))
	}
	if hint := strings.TrimSuffix(x.hint, "…"); utf8.RuneCountInString(hint) > hintSize {
		c.find("the hint of client %s shows %d letters of its key", x.id, utf8.RuneCountInString(hint))
	}
}

// shopOf gives the shop with WeChat's AppID.
func (e *evidence) shopOf(appID string) (shopRow, bool) {
	return first(e.rows.shops, func(s shopRow) bool {
		a, ok := e.rows.app(s.app)
		return ok && a.appID == appID
	})
}

// selfGrant gives the grant that a shop has by its own secret.
func (e *evidence) selfGrant(s shopRow) (grantRow, bool) {
	return first(e.rows.grants, func(g grantRow) bool { return g.kind == "self" && g.shop == s.id })
}

// domainProven: before the owner came, somebody who asked for a proof was
// answered with as many bytes as it has. The log has routes and no paths, since
// paths carry keys; so the file's name is not in it.
func (c *checker) domainProven() {
	app, ok := first(c.rows.apps, func(a appRow) bool { return a.verifyName != "" })
	if !ok {
		c.find("no app has a file that proves its domain")
		return
	}
	for _, l := range c.log {
		if l.on("/i/") {
			break
		}
		if l.Method == "GET" && l.on("/MP_verify_") && l.Status == 200 && l.Bytes == int64(len(app.verifyBody)) {
			return
		}
	}
	c.find("before the owner came, the log has no GET of a proof that was answered with the %d bytes of %s", len(app.verifyBody), app.verifyName)
}
