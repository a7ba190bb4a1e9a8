package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/pgtest"
	"github.com/zhanggui/zhanggui/internal/store/postgres"
)

// TestPausedWriterHoldsNobodyUp: a replica that stops in the middle of a write
// transaction, and a network that swallows what it says, look the same to the
// server. The others write on within seconds, and what was begun is rolled back.
func TestPausedWriterHoldsNobodyUp(t *testing.T) {
	url := pgtest.Database(t)
	paused, other := openAt(t, url), openAt(t, url)
	inside, release := make(chan struct{}), make(chan struct{})
	paused.InterceptCommits(func(commit func() error) error {
		close(inside)
		<-release
		return commit()
	})
	late := make(chan error, 1)
	go func() { late <- paused.Append(context.WithoutCancel(t.Context()), entry("paused")) }()
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), postgres.IdleLimit+5*time.Second)
	defer cancel()
	if err := other.Append(ctx, entry("other")); err != nil {
		t.Errorf("while another replica is paused in its transaction: %v", err)
	}
	close(release)
	if err := <-late; err == nil {
		t.Error("the paused transaction committed after the server had let go of it")
	}
	entries, err := other.AuditEntries(t.Context(), -1, 10)
	if err != nil || len(entries) != 1 {
		t.Errorf("the log has %d entries (%v), want the one of the replica that was not paused", len(entries), err)
	}
}

// TestPausedQueueHoldsNobodyUp: a replica that is paused with many writers has one
// of them in the database. Otherwise the server would give each its turn, and wait
// for each in vain.
func TestPausedQueueHoldsNobodyUp(t *testing.T) {
	url := pgtest.Database(t)
	paused, other := openAt(t, url), openAt(t, url)
	inside, release := make(chan struct{}, 8), make(chan struct{})
	paused.InterceptCommits(func(commit func() error) error {
		inside <- struct{}{}
		<-release
		return commit()
	})
	var late sync.WaitGroup
	for range 8 {
		late.Go(func() { _ = paused.Append(context.WithoutCancel(t.Context()), entry("paused")) }) // some fail: the server let go of them
	}
	<-inside
	// The others have their places in the queue by now, or never.
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); {
		if err := other.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), postgres.IdleLimit+5*time.Second)
	defer cancel()
	if err := other.Append(ctx, entry("other")); err != nil {
		t.Errorf("while another replica is paused with eight writers: %v", err)
	}
	close(release)
	late.Wait()
}

func entry(action string) audit.Entry {
	return audit.Entry{At: time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC), Actor: audit.Actor{Kind: audit.ActorSystem}, Action: action, Outcome: audit.Done}
}
