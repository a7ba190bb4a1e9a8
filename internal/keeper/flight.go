package keeper

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// flights lets one goroutine work for all callers that want the same. The work
// is detached from them: each can give up by its own context.
type flights struct {
	logger  *slog.Logger
	waiting atomic.Int64 // callers who wait for any of them
	mu      sync.Mutex
	m       map[string]*flight
}

// flight is one piece of work; tok and err are readable once done is closed.
type flight struct {
	of   *flights
	done chan struct{}
	tok  Token
	err  error
}

// join returns the flight under key and starts it with work if there is none.
func (f *flights) join(key string, work func() (Token, error)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl, ok := f.m[key]; ok {
		return fl
	}
	if f.m == nil {
		f.m = map[string]*flight{}
	}
	fl := &flight{of: f, done: make(chan struct{})}
	f.m[key] = fl
	go f.run(key, fl, work)
	return fl
}

func (f *flights) run(key string, fl *flight, work func() (Token, error)) {
	defer func() {
		if p := recover(); p != nil {
			fl.err = panicked(f.logger, p)
		}
		f.mu.Lock()
		delete(f.m, key)
		f.mu.Unlock()
		close(fl.done)
	}()
	fl.tok, fl.err = work()
}

// panicked makes an error of a panic. The value is not printed: nobody knows
// what it holds.
func panicked(logger *slog.Logger, p any) error {
	err := fmt.Errorf("keeper: panic of type %T while refreshing; report it with the stack from the log", p)
	logger.Error(err.Error(), "stack", string(debug.Stack()))
	return err
}

// wait returns what the flight brought, or the reason why ctx ended.
func (fl *flight) wait(ctx context.Context) (Token, error) {
	fl.of.waiting.Add(1)
	defer fl.of.waiting.Add(-1)
	select {
	case <-fl.done:
		return fl.tok, fl.err
	case <-ctx.Done():
		return Token{}, context.Cause(ctx)
	}
}

// drain returns when no flight is in the air.
func (f *flights) drain() {
	for {
		fl := f.any()
		if fl == nil {
			return
		}
		<-fl.done
	}
}

func (f *flights) any() *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fl := range f.m {
		return fl
	}
	return nil
}
