package keeper

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// rotating is what a rotation tells the keeper.
type rotating struct {
	mu    sync.Mutex
	other secret.Value
	waits bool
}

func (r *rotating) OtherSecret(context.Context, string) (secret.Value, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.other, r.waits, nil
}

func (r *rotating) becomes(other secret.Value, waits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.other, r.waits = other, waits
}

// TestAwaitsSecret: between the reset at WeChat and the entry of the new secret the
// kept token is served until its end, nothing stops, and nobody is called.
func TestAwaitsSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rotating{waits: true}
		e := newEnv(t, func(o *Options) { o.Secrets = r })
		defer running(e.Keeper)()
		first := e.must()
		e.wechat.mu.Lock()
		e.wechat.reset["app-lantian"] = "another"
		e.wechat.mu.Unlock()
		time.Sleep(time.Until(first.Expires) - 10*time.Second)
		if tok := e.must(); tok.Generation != first.Generation {
			t.Fatalf("served generation %d, want the kept %d", tok.Generation, first.Generation)
		}
		if g := e.row(); g.State != grant.Active || g.Cause != grant.CauseAwaitsSecret || len(e.store.told()) != 0 {
			t.Fatalf("the grant is %s (%s), told %v; want active, %s, nothing", g.State, g.Cause, e.store.told(), grant.CauseAwaitsSecret)
		}
		r.becomes(secret.FromString("another"), true) // it was entered, and is not in use yet
		time.Sleep(15 * time.Minute)
		if tok := e.must(); tok.Generation == first.Generation {
			t.Fatal("the new secret was not asked with")
		}
		r.becomes(secret.Value{}, false)
		e.wechat.mu.Lock()
		e.wechat.reset["app-lantian"] = "a third"
		e.wechat.mu.Unlock()
		time.Sleep(2 * time.Hour)
		if g := e.row(); g.State != grant.Stopped || g.Cause != "secret_wrong" {
			t.Fatalf("without a rotation the grant is %s (%s), want stopped", g.State, g.Cause)
		}
	})
}

// TestRenewOnTrial: a secret that WeChat refuses changes nothing of the grant, and
// one that it takes brings the token that is kept.
func TestRenewOnTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		first := e.must()
		before := e.row()
		_, err := e.Renew(t.Context(), "g_lantian", Renewal{Secret: secret.FromString("of another app")})
		f, ok := errors.AsType[*Failure](err)
		if !ok || f.Code != 40125 || f.Outcome != wechat.OutcomeAnswered {
			t.Fatalf("a wrong secret gave %v, want WeChat's refusal", err)
		}
		if g := e.row(); g.State != before.State || g.Cause != before.Cause || !g.DueAt.Equal(before.DueAt) || g.Attempt != 0 {
			t.Fatalf("a wrong secret on trial changed the grant: %+v, before %+v", g, before)
		}
		tok, err := e.Renew(t.Context(), "g_lantian", Renewal{Secret: secret.FromString("app-secret-app-lantian")})
		if err != nil || tok.Generation != first.Generation {
			t.Fatalf("the right secret gave generation %d, %v; want the token that lives", tok.Generation, err)
		}
		time.Sleep(10 * time.Second)
		tok, err = e.Renew(t.Context(), "g_lantian", Renewal{Fresh: true, By: ByOperator})
		if err != nil || tok.Generation == first.Generation || time.Until(tok.Expires) < 119*time.Minute {
			t.Fatalf("a fresh token is generation %d until %v, %v; want another one for two hours", tok.Generation, tok.Expires, err)
		}
		if _, forced, _ := e.wechat.count(); forced != 1 {
			t.Fatalf("%d forced refreshes, want 1", forced)
		}
		if _, err := e.Renew(t.Context(), "g_nobody", Renewal{}); !errors.Is(err, grant.ErrNotFound) {
			t.Fatalf("an unknown grant gave %v", err)
		}
	})
}
