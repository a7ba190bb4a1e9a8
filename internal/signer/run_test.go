package signer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestRunMakesTheNextKeyAhead lets a signer run for months that nobody asks for
// anything.
func TestRunMakesTheNextKeyAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := New(Options{Store: w.store, Vault: w.vault, Now: time.Now})
		begin := time.Now()
		if _, err := s.Sign(t.Context(), ES256, claims{Exp: begin.Add(time.Hour).Unix()}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx) }()
		time.Sleep(2*signsFor - lead - time.Hour)
		synctest.Wait()
		if n := len(w.kept()); n != 2 {
			t.Errorf("%d keys before the second is followed", n)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := len(w.kept()); n != 3 {
			t.Errorf("%d keys when the third is due", n)
		}
		for i, k := range w.kept()[1:] {
			if before := w.kept()[i]; !k.SignsFrom.Equal(before.SignsUntil) || k.SignsFrom.Sub(k.MadeAt) > lead || k.SignsFrom.Sub(k.MadeAt) < lead-readEvery {
				t.Errorf("key %d was made at %v, signs from %v; the one before until %v", i+1, k.MadeAt, k.SignsFrom, before.SignsUntil)
			}
		}
		cancel()
		<-done
	})
}
