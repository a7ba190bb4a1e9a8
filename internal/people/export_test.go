package people

import "context"

// CarryOut lets tests do what is due without a loop.
func (p *People) CarryOut(ctx context.Context) error { return p.carryOut(ctx) }
