package push

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

const (
	// gather is how long the first push of a batch waits for company. A commit
	// costs about as much.
	gather = 2 * time.Millisecond
	// fullBatch is how many pushes one transaction takes.
	fullBatch = 128
	// writeTimeout bounds one transaction. It is longer than any caller waits:
	// what lands late is found seen when WeChat comes again.
	writeTimeout = 5 * time.Second
)

// gatherer puts pushes that are ready at about the same time into one
// transaction. What comes while a batch is written gathers in the next one, so
// that batches get larger the busier the store is.
type gatherer struct {
	write   func(ctx context.Context, batch []grant.Push) ([]error, error)
	writing chan struct{} // holds an item while a batch is written
	flying  sync.WaitGroup

	mu   sync.Mutex
	open *batch
}

// batch is one transaction; errs and err are readable once done is closed.
type batch struct {
	pushes []grant.Push
	places map[key]int
	full   chan struct{}
	done   chan struct{}
	errs   []error
	err    error
}

// key is what a push is known by.
type key struct {
	app    string
	digest [sha256.Size]byte
}

func newGatherer(write func(context.Context, []grant.Push) ([]error, error)) *gatherer {
	return &gatherer{write: write, writing: make(chan struct{}, 1)}
}

// record returns when p is durable or refused. The end of ctx ends only the
// waiting.
func (g *gatherer) record(ctx context.Context, p grant.Push) error {
	b, i, again := g.join(p)
	select {
	case <-b.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := b.result(i); err != nil || !again {
		return err
	}
	return grant.ErrSeen
}

// join puts p into the open batch and gives its place. A push that is in there
// already is not written twice: both share one fate.
func (g *gatherer) join(p grant.Push) (b *batch, place int, again bool) {
	k := key{p.App, [sha256.Size]byte(p.Digest)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		b := &batch{places: make(map[key]int), full: make(chan struct{}), done: make(chan struct{})}
		g.open = b
		g.flying.Go(func() { g.lead(b) })
	}
	b = g.open
	if i, ok := b.places[k]; ok {
		return b, i, true
	}
	b.places[k] = len(b.pushes)
	b.pushes = append(b.pushes, p)
	if len(b.pushes) == fullBatch {
		g.open = nil
		close(b.full)
	}
	return b, len(b.pushes) - 1, false
}

// lead waits for company, closes the batch and writes it. It is nobody's
// goroutine, because whoever came first must be answered in time too.
func (g *gatherer) lead(b *batch) {
	defer close(b.done)
	t := time.NewTimer(gather)
	defer t.Stop()
	select {
	case <-t.C:
	case <-b.full:
	}
	g.writing <- struct{}{}
	defer func() { <-g.writing }()
	g.mu.Lock()
	if g.open == b {
		g.open = nil
	}
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	b.errs, b.err = g.write(ctx, b.pushes)
}

// result gives the outcome of the ith item.
func (b *batch) result(i int) error {
	if b.err != nil || i >= len(b.errs) {
		return b.err
	}
	return b.errs[i]
}

// close waits for what is being written.
func (g *gatherer) close(ctx context.Context) error {
	done := make(chan struct{})
	go func() { g.flying.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
