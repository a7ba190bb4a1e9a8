package keeper

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// behindBrokenProxy makes a keeper with so many shops behind a proxy that is
// gone. The demo shop has a way of its own, and nothing to do yet.
func behindBrokenProxy(t *testing.T, n int) *env {
	e := manyShops(t, n, slow)
	for i := range n {
		app := e.store.apps[fmt.Sprintf("app-s%05d", i)]
		app.Egress = "socks5://127.0.0.1:1"
		e.store.apps[app.ID] = app
	}
	e.wechat.setNext(func(a ask) (error, bool) {
		if a.app != "app-lantian" {
			return notSent(), false
		}
		return nil, false
	})
	e.store.set("g_lantian", func(g *grant.Grant) { g.DueAt = time.Now().Add(20 * time.Minute) })
	return e
}

// TestOthersGateDoesNotHoldACaller: while the only way that anybody took so far
// is shut, a caller whose shop goes another way gets its token.
func TestOthersGateDoesNotHoldACaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := behindBrokenProxy(t, 200)
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(10 * time.Minute)
		if h := e.Health(); h.HeldSince.IsZero() {
			t.Fatal("the gate is open")
		}
		var err error
		for range 5 {
			if _, err = e.Token(t.Context(), "lantian"); err == nil {
				return
			}
			time.Sleep(time.Second)
		}
		t.Errorf("no token: %v", err)
	})
}

// TestOthersGateDoesNotHoldTheSchedule: the same for a renewal that only the plan
// wants, behind many that wait for the shut way and were due before it.
func TestOthersGateDoesNotHoldTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := behindBrokenProxy(t, 200)
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(24 * time.Minute)
		if g := e.row(); g.Tokens.Generation == 0 {
			t.Error("a renewal waited for more than four minutes for a proxy that it does not use")
		}
	})
}

// TestGateOpensWithoutTheEnded: a gate is not held shut for the sake of grants
// that were revoked meanwhile.
func TestGateOpensWithoutTheEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := manyShops(t, 3, slow)
		e.wechat.answer(notSent())
		stop := running(e.Keeper)
		defer stop()
		time.Sleep(time.Minute)
		if h := e.Health(); h.HeldSince.IsZero() {
			t.Fatal("the gate is open")
		}
		for _, id := range []string{"g_lantian", "g_s00000", "g_s00001", "g_s00002"} {
			e.store.revoke(id)
		}
		e.wechat.answer(nil)
		time.Sleep(5 * time.Minute)
		if h := e.Health(); !h.HeldSince.IsZero() {
			t.Errorf("still shut since %v", h.HeldSince)
		}
	})
}
