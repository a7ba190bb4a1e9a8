package standby_test

import (
	"errors"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/feed"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// TestRevokedJustBeforeTheOutage: what this process ended is not served from the
// file, although the database went away before the feed told of it; not after a
// restart either.
func TestRevokedJustBeforeTheOutage(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	g := w.grant("tea")
	must(t, w.main.Revoke(ctx, grant.RevokeEffects(w.now, audit.Actor{Kind: audit.ActorOperator}, "sold", g)))
	must(t, w.main.RevokeClient(ctx, "erp", w.now, done("client.revoke", "client:erp")))
	w.copy.Withdraw(ctx, feed.Change{Grants: []string{g.ID}, Clients: []string{"erp"}})
	w.shut.cut(errGone)
	refused := func(when string) {
		t.Helper()
		if _, err := w.reads.ClientByKey(ctx, access.HashKey("erp-key")); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("%s: the client's key: %v, want not found", when, err)
		}
		if _, err := w.reads.ShopGrant(ctx, "tea"); !errors.Is(err, grant.ErrNotFound) {
			t.Errorf("%s: the grant: %v, want not found", when, err)
		}
	}
	refused("at once")
	w.crash()
	w.begin(100)
	refused("after a restart")
}

// TestWithdrawnWhileEverythingIsCopied: what may have been read before the end of
// a client is not written after it, until the feed has told of it.
func TestWithdrawnWhileEverythingIsCopied(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.feed.Poll(ctx)
	w.copy.Withdraw(ctx, feed.Change{Clients: []string{"erp"}})
	w.copy.Drain(ctx)
	w.shut.cut(errGone)
	if _, err := w.reads.ClientByKey(ctx, access.HashKey("erp-key")); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("the client's key: %v, want not found", err)
	}
}

// TestWithdrawnComesBack: what was only changed is served again when the feed has
// told of it.
func TestWithdrawnComesBack(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	w.declare(access.Declaration{At: w.now, Clients: []access.Client{{ID: "erp", KeyHash: access.HashKey("erp-key"), Mode: access.Read, Shops: []string{"tea"}, CreatedAt: start}}}, done("client.change", "client:erp"))
	w.copy.Withdraw(ctx, feed.Change{Clients: []string{"erp"}})
	w.follow()
	w.shut.cut(errGone)
	c, err := w.reads.ClientByKey(ctx, access.HashKey("erp-key"))
	if err != nil || len(c.Shops) != 1 {
		t.Errorf("got %v, %v; want the client as it was changed", c.Shops, err)
	}
}

// TestCannotWithdraw: a file that a revocation cannot be written into is not
// trusted any more.
func TestCannotWithdraw(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	w.begin(100)
	w.follow()
	w.crash()
	w.copy.Withdraw(ctx, feed.Change{Clients: []string{"erp"}})
	if s, err := w.copy.State(); err == nil || s.Complete {
		t.Errorf("the file's state is %+v, %v; want that it cannot be written", s, err)
	}
}
