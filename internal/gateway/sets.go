package gateway

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
)

// SetsMode says what becomes of calls that need a permission set (权限集) which
// the shop did not grant to the platform.
type SetsMode string

// The modes.
const (
	SetsCheck   SetsMode = "check"   // refused before WeChat is asked
	SetsObserve SetsMode = "observe" // let through and recorded
	SetsOff     SetsMode = "off"     // not looked at
)

// Authorizers tells what accounts granted to a platform.
type Authorizers interface {
	// Authorizer gives the account of this id at WeChat, by our id of the platform.
	Authorizer(ctx context.Context, app, appID string) (grant.Authorizer, error)
}

// lately is how long after an authorisation its sets are not held against a call:
// WeChat takes a while to heed them, and we to hear of them.
const lately = 10 * time.Minute

// Calls do not wait long for what only saves them a refusal, nor for each shop anew
// while the store is away.
const (
	setsTimeout = 250 * time.Millisecond
	setsPause   = 30 * time.Second
)

// granted gives the permission sets that hold for calls to a shop. A failure to
// read them is no reason to refuse anything.
func (g *Gateway) granted(ctx context.Context, app access.App, shop access.Shop) []int64 {
	if app.Kind != access.Component || g.Authorizers == nil || g.Sets == SetsOff || g.Sets == "" {
		return nil
	}
	now := g.Now()
	if now.UnixNano() < g.setsAway.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, setsTimeout)
	defer cancel()
	a, err := g.Authorizers.Authorizer(ctx, app.ID, shop.AppID)
	if err != nil && !errors.Is(err, grant.ErrNotFound) && !errors.Is(err, access.ErrNotFound) {
		g.setsAway.Store(now.Add(setsPause).UnixNano())
	}
	if err != nil || a.State != grant.AuthorizerKept || now.Sub(a.EventAt) < lately {
		return nil
	}
	return a.Sets
}

// needSets refuses a call for which WeChat would answer that no needed permission
// set was granted.
func (c *call) needSets() error {
	e := c.may.endpoint
	if e == nil || c.route.sets == nil || len(e.Sets) == 0 || slices.ContainsFunc(e.Sets, c.grantedSet) {
		return nil
	}
	err := errSets(e.Sets)
	if c.g.Sets == SetsObserve {
		c.observed(web.AsError(err).Rule)
		return nil
	}
	return err
}

func (c *call) grantedSet(id int64) bool { return slices.Contains(c.route.sets, id) }

// ruleOfSets names a rule after the sets of which one is needed.
func ruleOfSets(sets []int64) string {
	ids := make([]string, len(sets))
	for i, id := range sets {
		ids[i] = strconv.FormatInt(id, 10)
	}
	return "set:" + strings.Join(ids, ",")
}
