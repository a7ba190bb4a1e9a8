package console

import (
	"context"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Exports tells which programs fetched the access token of a shop itself.
type Exports interface {
	// ShopExports gives those whose token has not ended, in the order of clients.
	ShopExports(ctx context.Context, shop string, now time.Time) ([]access.Export, error)
}

// exportsFor gives what an owner should know: who can use the shop without this
// server, and until when.
func (c *Console) exportsFor(ctx context.Context, m mine) ([]access.Export, error) {
	if c.Exports == nil || m.Role != access.Owner {
		return nil, nil
	}
	return c.Exports.ShopExports(ctx, m.Shop.ID, c.Now())
}
