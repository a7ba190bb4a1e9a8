package collate

import (
	"context"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// entryPage is how many entries are read at once. One may name a hundred
// grants.
const entryPage = 250

// phase is what the next step of a walk does.
type phase int

const (
	resting   phase = iota // between walks
	following              // reading the log
	comparing              // comparing rows
	missing                // looking again for grants without a row
)

// walk is one comparison of all grants.
type walk struct {
	phase   phase
	pages   int
	from    int64  // entries that were known when it began
	last    string // id of the row that was compared last
	rows    int
	missing []string // ids to look for again
}

// step does one page of work. It can be repeated after an error.
func (c *Checker) step(ctx context.Context) error {
	c.walk.pages++
	switch c.walk.phase {
	case following:
		return c.follow(ctx)
	case comparing:
		return c.compare(ctx)
	case missing:
		return c.lookAgain(ctx)
	}
	if c.said == nil && !c.load(ctx) {
		c.said = &audit.Grants{}
	}
	c.walk = walk{phase: following, pages: c.walk.pages, from: c.said.Size()}
	return nil
}

func (c *Checker) follow(ctx context.Context) error {
	size, err := c.o.Store.FollowGrants(ctx, c.said, entryPage)
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	c.advance(c.said.Size()-c.walk.from, size-c.walk.from, 0)
	if c.o.Now().Sub(c.savedAt) > saveEvery {
		c.save(ctx)
	}
	if c.said.Size() >= size {
		c.said.Begin()
		c.walk.phase = comparing
	}
	return nil
}

func (c *Checker) compare(ctx context.Context) error {
	found, next, err := c.o.Store.CompareGrants(ctx, c.said, c.walk.last, c.o.Page)
	if err != nil {
		return fmt.Errorf("compare the grants with the audit log: %w", err)
	}
	if err := c.end(ctx, found); err != nil {
		return err
	}
	c.walk.rows += c.o.Page
	c.advance(int64(c.walk.rows), int64(max(c.walk.rows, c.said.Len())), 50)
	if c.walk.last = next; next == "" {
		for _, d := range c.said.Missed() {
			c.walk.missing = append(c.walk.missing, d.Grant())
		}
		c.walk.phase = missing
	}
	return nil
}

// lookAgain takes a page of the missing: the row of a new grant may have come
// behind the walk's back.
func (c *Checker) lookAgain(ctx context.Context) error {
	page := c.walk.missing[:min(c.o.Page, len(c.walk.missing))]
	if len(page) > 0 {
		found, err := c.o.Store.MissingGrants(ctx, c.said, page...)
		if err != nil {
			return fmt.Errorf("look for grants that the audit log names: %w", err)
		}
		if err := c.end(ctx, found); err != nil {
			return err
		}
		c.walk.missing = c.walk.missing[len(page):]
	}
	if len(c.walk.missing) == 0 {
		c.finish(ctx)
	}
	return nil
}

// finish ends a walk.
func (c *Checker) finish(ctx context.Context) {
	if !c.first {
		c.first = true
		c.o.Log.InfoContext(ctx, "every grant was compared with the audit log", "grants", c.said.Len(), "entries", c.said.Size(), "read", c.said.Size()-c.walk.from)
	}
	c.progress.Store(100)
	c.walk = walk{}
	if c.said.Size() > c.saved {
		c.save(ctx)
	}
	if c.said.Len() > c.o.Keep && c.said.Size() <= c.saved {
		c.said = nil
	}
}

// advance notes how far the first walk is: the log counts half, the rows half.
func (c *Checker) advance(done, of int64, base int32) {
	if !c.first {
		c.progress.Store(min(99, base+int32(50*done/max(1, of))))
	}
}

// end revokes grants that disagree, and says so once.
func (c *Checker) end(ctx context.Context, found []audit.Disagreement) error {
	if len(found) == 0 {
		return nil
	}
	if err := c.o.Store.EndPutBack(ctx, c.o.Now(), found...); err != nil {
		return fmt.Errorf("end the grants that disagree with the audit log: %w", err)
	}
	for _, d := range found {
		c.o.Forget(d.Grant())
		if c.told[d.Grant()] {
			continue
		}
		c.told[d.Grant()] = true
		c.o.Log.ErrorContext(ctx, "a grant disagrees with the audit log and is not served; find out who can write to the database, then run zhanggui grant start",
			"grant", d.Grant(), "cause", audit.GrantRowPutBack, "problem", d.String())
	}
	return nil
}
