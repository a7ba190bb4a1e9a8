package console

import (
	"context"
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// Exports tells which programs fetched the access token of a shop itself.
type Exports interface {
	// ShopExports gives those whose token has not ended, in the order of clients.
	ShopExports(ctx context.Context, shop string, now time.Time) ([]access.Export, error)
	// Exports gives those of a program that have not ended, in the order of shops.
	Exports(ctx context.Context, client string, now time.Time) ([]access.Export, error)
}

// exportsFor gives what an owner should know: who can use the shop without this
// server, and until when.
func (c *Console) exportsFor(ctx context.Context, m mine) ([]access.Export, error) {
	if c.Exports == nil || m.Role != access.Owner {
		return nil, nil
	}
	return c.Exports.ShopExports(ctx, m.Shop.ID, c.Now())
}

// stillOut ends the form that ended a program's key. Whoever ends one because it is
// in wrong hands must know which tokens are there too: they live on at WeChat.
func (c *Console) stillOut(w http.ResponseWriter, r *http.Request, client string) error {
	if c.Exports == nil {
		return c.back(w, r, nil)
	}
	out, err := c.Exports.Exports(r.Context(), client, c.Now())
	if err != nil || len(out) == 0 {
		return c.back(w, r, err)
	}
	return c.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "console.revoked.title"}, revoked(client, out))
}
