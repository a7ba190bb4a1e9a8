package storecopy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// Options are what a copy can be told. The zero value is ready for use.
type Options struct {
	// Progress is told now and then which table is being copied, and how many of
	// its rows are; at the end of each table too.
	Progress func(table string, rows, of int64)
}

// Table is what was found in one table of both sides.
type Table struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Digest string `json:"digest"` // of the rows, whatever their order
}

// Report is what was copied and compared.
type Report struct {
	Tables  []Table `json:"tables"`
	Entries int64   `json:"entries"` // of the audit log
	Root    string  `json:"root"`    // of its tree, computed on both sides
	Grants  int     `json:"grants"`  // that keep what the log says
}

// Rows counts all rows.
func (r Report) Rows() (n int64) {
	for _, t := range r.Tables {
		n += t.Rows
	}
	return n
}

// Copy copies everything and compares it. It ends both sides: the target is a
// store when there is no error, and as it was otherwise.
func Copy(ctx context.Context, from, to *sqlstore.Side, o Options) (Report, error) {
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	c := &run{from: from, to: to, o: o}
	report, err := c.all(ctx)
	if err != nil {
		return Report{}, errors.Join(err, to.Undo(), from.Undo())
	}
	if err := to.Done(ctx); err != nil {
		return Report{}, errors.Join(fmt.Errorf("finish the copy: %w", err), from.Undo())
	}
	return report, from.Done(ctx)
}

// run is one copy.
type run struct {
	from, to *sqlstore.Side
	o        Options
}

func (c *run) all(ctx context.Context) (Report, error) {
	if err := c.sameSchema(ctx); err != nil {
		return Report{}, err
	}
	if err := empty(ctx, c.to); err != nil {
		return Report{}, fmt.Errorf("the target: %w", err)
	}
	was, err := examine(ctx, c.from)
	if err != nil {
		return Report{}, fmt.Errorf("the source: %w", err)
	}
	for _, t := range tables {
		if err := c.table(ctx, t); err != nil {
			return Report{}, err
		}
	}
	if err := c.compat(ctx); err != nil {
		return Report{}, err
	}
	is, err := examine(ctx, c.to)
	if err != nil {
		return Report{}, fmt.Errorf("the copy: %w", err)
	}
	if was != is {
		return Report{}, fmt.Errorf("the audit log of the copy has %d entries and another root than the source's %d; the target is left as it was", is.entries, was.entries)
	}
	report := Report{Entries: is.entries, Root: is.root.String(), Grants: is.grants}
	if report.Tables, err = c.compare(ctx); err != nil {
		return Report{}, err
	}
	for _, s := range []*sqlstore.Side{c.from, c.to} {
		if s.Held == nil {
			continue
		}
		if err := s.Held(ctx); err != nil {
			return Report{}, err
		}
	}
	return report, nil
}

// sameSchema wants the tables of both sides to be of this program.
func (c *run) sameSchema(ctx context.Context) error {
	have, err := c.from.SchemaVersion(ctx)
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	want, err := c.to.SchemaVersion(ctx)
	if err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	if have != want {
		return fmt.Errorf("the source has schema %d, the target %d: %w", have, want, sqlstore.ErrSchema)
	}
	return nil
}

// compat keeps the same older programs away from the copy as from the source: what
// they would misread is copied too.
func (c *run) compat(ctx context.Context) error {
	var n int64
	err := c.from.Tx.QueryRowContext(ctx, "SELECT number FROM meta WHERE name = 'schema_compat'").Scan(&n)
	if errors.Is(err, sql.ErrNoRows) { // it serves programs of its own schema only
		n, err = c.from.SchemaVersion(ctx)
	}
	if err != nil {
		return fmt.Errorf("read which programs may use the source: %w", c.from.Explain(err))
	}
	update := fmt.Sprintf("UPDATE meta SET number = %d WHERE name = 'schema_compat' AND number < %d", n, n)
	_, err = c.to.Tx.ExecContext(ctx, update)
	return c.to.Explain(err)
}

// empty refuses a target that holds anything.
func empty(ctx context.Context, s *sqlstore.Side) error {
	for _, t := range tables {
		if t.name == "audit_head" {
			t.where = "size > 0" // the migration's own counts nothing
		}
		n, err := t.count(ctx, s)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("it has %d rows in %s: %w", n, t.name, sqlstore.ErrNotEmpty)
		}
	}
	_, err := s.Tx.ExecContext(ctx, "DELETE FROM audit_head")
	return s.Explain(err)
}

// batchValues bounds one INSERT. Both databases take more, and the driver of SQLite
// looks each value up among all of them.
const batchValues = 1000

// table copies the rows of one table.
func (c *run) table(ctx context.Context, t table) error {
	columns, _, err := t.columns(ctx, c.from)
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	theirs, boolean, err := t.columns(ctx, c.to)
	if err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	if !slices.Equal(columns, theirs) {
		return fmt.Errorf("the columns of %s differ: %w", t.name, sqlstore.ErrSchema)
	}
	of, err := t.count(ctx, c.from)
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	b := batch{c: c, t: t, columns: columns, of: of, size: max(1, batchValues/len(columns)) * len(columns)}
	err = t.each(ctx, c.from, columns, func(values []any) error {
		for i, v := range values {
			if n, ok := v.(int64); ok && boolean[columns[i]] {
				v = n != 0
			}
			b.values = append(b.values, v)
		}
		if len(b.values) < b.size {
			return nil
		}
		return b.write(ctx)
	})
	if err == nil && len(b.values) > 0 {
		err = b.write(ctx)
	}
	return err
}

// batch gathers rows of one table.
type batch struct {
	c       *run
	t       table
	columns []string
	values  []any
	size    int // how many values are written at once
	rows    int64
	of      int64
}

func (b *batch) write(ctx context.Context) error {
	if err := b.t.insert(ctx, b.c.to.Tx, b.columns, b.values); err != nil {
		return fmt.Errorf("write %s: %w", b.t.name, b.c.to.Explain(err))
	}
	b.rows += int64(len(b.values) / len(b.columns))
	b.values = b.values[:0]
	b.c.o.Progress(b.t.name, b.rows, b.of)
	return nil
}

// compare reads both sides once more, each by itself.
func (c *run) compare(ctx context.Context) ([]Table, error) {
	var out []Table
	for _, t := range tables {
		n, sum, err := t.digest(ctx, c.from)
		if err != nil {
			return nil, fmt.Errorf("the source: %w", err)
		}
		m, same, err := t.digest(ctx, c.to)
		if err != nil {
			return nil, fmt.Errorf("the copy: %w", err)
		}
		if n != m || sum != same {
			return nil, fmt.Errorf("the copy of %s differs: %d rows, the source has %d, or they hold something else; the target is left as it was", t.name, m, n)
		}
		out = append(out, Table{Name: t.name, Rows: n, Digest: sum})
	}
	return out, nil
}
