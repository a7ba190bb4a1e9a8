package gateway

import (
	"context"
	"errors"
	"strconv"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Uses counts calls of paths with a daily cap, over all servers.
type Uses interface {
	// Use counts one call with what follows from it, in one transaction, and gives
	// how many there were that day. access.ErrCap: as many as there may be.
	Use(ctx context.Context, u access.Use, e grant.Effects) (used int, err error)
}

// spend counts a call whose path has a daily cap, before it is sent. A path that
// moves money or shows personal data leaves an audit entry for each call, and a
// human is told: of each call that moves money, of the day's first otherwise.
func (c *call) spend() error {
	if c.may.daily == 0 {
		return nil
	}
	if c.g.Uses == nil {
		return errStore(errors.New("gateway: nobody counts capped paths; give the gateway a store"))
	}
	now, path := c.g.Now(), c.g.known(c.to.path)
	u := access.Use{ClientID: c.client.ID, ShopID: c.to.shop, Path: path, At: now, Daily: c.may.daily}
	effects := grant.Effects{At: now}
	if e := c.may.endpoint; e != nil && e.Named() {
		u.TellEach = e.Money
		effects = named(u, c.client.key)
	}
	switch _, err := c.g.Uses.Use(c.in.Context(), u, effects); {
	case errors.Is(err, access.ErrCap):
		return c.refused(errCap(u))
	case err != nil:
		return errStore(err)
	}
	return nil
}

// named is what a call of a path that is granted by name leaves behind.
func named(u access.Use, key string) grant.Effects {
	details := map[string]string{"client": u.ClientID, "path": u.Path, "daily": strconv.Itoa(u.Daily)}
	if key != "" {
		details["key"] = key
	}
	return grant.Effects{
		At: u.At,
		Audit: []audit.Entry{{
			At: u.At, Actor: audit.Actor{Kind: audit.ActorClient, ID: u.ClientID}, Action: "client.named_call",
			Subject: "shop:" + u.ShopID, Outcome: audit.Done, Details: details,
		}},
		Notices: []notice.Notice{{At: u.At, Kind: notice.NamedCall, Subject: "shop:" + u.ShopID, Details: details}},
	}
}
