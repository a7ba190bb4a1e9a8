package standby

import "context"

// Drain does what Run would do, until nothing is left.
func (c *Copy) Drain(ctx context.Context) {
	for c.step(ctx) {
	}
}

// Step does one piece of work.
func (c *Copy) Step(ctx context.Context) { c.step(ctx) }

// Exec changes the file behind everybody's back.
func (f *File) Exec(ctx context.Context, query string) error {
	_, err := f.writer.ExecContext(ctx, query)
	return err
}
