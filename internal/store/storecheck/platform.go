package storecheck

import (
	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// page is how many rows are read at once.
const page = 1000

// platforms looks at what each third-party platform was told.
func (c *checker) platforms() error {
	apps, err := c.s.Apps(c.ctx)
	for _, a := range apps {
		if err := c.tickets(a); err != nil {
			return err
		}
		if err := c.authorizers(a); err != nil {
			return err
		}
		if a.Kind != access.Component {
			continue
		}
		if _, err := c.s.ComponentGrant(c.ctx, a.ID); err != nil {
			c.problem("platform %s: its grant: %v", a.ID, err)
		}
	}
	return err
}

func (c *checker) tickets(a access.App) error {
	tickets, err := c.s.Tickets(c.ctx, a.ID)
	if len(tickets) > 2 || len(tickets) == 2 && !tickets[0].CreatedAt.After(tickets[1].CreatedAt) {
		c.problem("platform %s: keeps %d tickets, or in the wrong order", a.ID, len(tickets))
	}
	return err
}

func (c *checker) authorizers(a access.App) error {
	for after := ""; ; {
		rows, err := c.s.AuthorizersPage(c.ctx, a.ID, after, page)
		for _, r := range rows {
			c.authorizer(r)
			after = r.AppID
		}
		if err != nil || len(rows) < page {
			return err
		}
	}
}

func (c *checker) authorizer(a grant.Authorizer) {
	switch {
	case a.Version < 1:
		c.problem("authorizer %s: version %d", a.AppID, a.Version)
	case len(a.Code) > 0 && a.CodeEnds.IsZero():
		c.problem("authorizer %s: a code that never ends", a.AppID)
	}
	if a.ShopID == "" {
		return
	}
	if _, err := c.s.Shop(c.ctx, a.ShopID); err != nil {
		c.problem("authorizer %s: its shop: %v", a.AppID, err)
	}
}

// events wants ids that rise, none of them above the newest there ever was.
func (c *checker) events() error {
	last, err := c.s.LastEvent(c.ctx)
	if err != nil {
		return err
	}
	for after := int64(0); ; {
		rows, err := c.s.EventsAfter(c.ctx, after, page)
		for _, e := range rows {
			if e.ID <= after || e.ID > last {
				c.problem("event %d stands after %d, and the newest is %d", e.ID, after, last)
			}
			after = e.ID
		}
		if err != nil || len(rows) < page {
			return err
		}
	}
}
