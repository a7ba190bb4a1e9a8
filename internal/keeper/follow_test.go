package keeper

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// otherSystem is what another system keeps of one shop.
type otherSystem struct {
	mu     sync.Mutex
	reads  int
	access string
	ends   time.Time
	err    error
}

func (o *otherSystem) Follow(_ context.Context, app, authorizer string) (secret.Value, time.Duration, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reads++
	if o.err == nil && (app != "app-lantian" || authorizer != "wx00000000000000b0") {
		return secret.Value{}, 0, errors.New("asked for " + app + " " + authorizer)
	}
	return secret.FromString(o.access), time.Until(o.ends), o.err
}

func (o *otherSystem) keeps(access string, left time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.access, o.ends, o.err = access, time.Now().Add(left), nil
}

func (o *otherSystem) fails(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

func (o *otherSystem) asked() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reads
}

// newFollowing is an env whose shop another system renews; a token of before is
// kept.
func newFollowing(t *testing.T) (*env, *otherSystem) {
	o := &otherSystem{}
	o.keeps("token-0-of-theirs-1", 2*time.Hour)
	e := newEnv(t, func(opt *Options) { opt.Follower = o })
	e.store.set("g_lantian", func(g *grant.Grant) {
		g.Kind, g.Authorizer, g.State, g.DueAt = grant.ISV, "wx00000000000000b0", grant.Followed, time.Time{}
		g.Tokens.Generation = 7
	})
	return e, o
}

func (e *env) gives(want string) Token {
	e.t.Helper()
	tok := e.must()
	if got := tok.Value.RevealString(); got != want {
		e.t.Fatalf("got %s, want %s", got, want)
	}
	return tok
}

// TestFollow: what the other system keeps is served, for a minute from one look and
// never past its end, and WeChat is asked nothing.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, o := newFollowing(t)
		stop := running(e.Keeper)
		defer func() { stop() }()
		first := e.gives("token-0-of-theirs-1")
		if left := time.Until(first.Expires); left <= 0 || left > time.Minute {
			t.Errorf("told to live %v", left)
		}
		for range 20 { // within one look
			time.Sleep(2 * time.Second)
			e.gives("token-0-of-theirs-1")
		}
		if n := o.asked(); n != 1 {
			t.Errorf("looked %d times in 40 s, want once", n)
		}
		o.keeps("token-0-of-theirs-2", 2*time.Hour)
		time.Sleep(time.Minute)
		if second := e.gives("token-0-of-theirs-2"); second.Generation <= first.Generation {
			t.Errorf("generation %d after %d", second.Generation, first.Generation)
		}
		time.Sleep(time.Minute)
		third := e.gives("token-0-of-theirs-2")
		time.Sleep(time.Minute)
		if e.gives("token-0-of-theirs-2").Generation != third.Generation {
			t.Error("the same token has two generations")
		}
		o.keeps("token-0-of-theirs-3", 80*time.Second)
		time.Sleep(time.Minute)
		e.gives("token-0-of-theirs-3")
		time.Sleep(21 * time.Second)
		if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, ErrFollowed) {
			t.Errorf("after its end: %v", err)
		}
		if n := e.wechat.asked(); n != 0 || e.row().Lease.Term != 0 {
			t.Errorf("WeChat was asked %d times, %d claims", n, e.row().Lease.Term)
		}
	})
}

// TestFollowFails: a source that fails takes away nothing that is still good, and
// an error says what is the matter.
func TestFollowFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, o := newFollowing(t)
		e.gives("token-0-of-theirs-1")
		o.fails(errors.New("connection refused"))
		time.Sleep(50 * time.Second)
		e.gives("token-0-of-theirs-1")
		time.Sleep(11 * time.Second)
		_, err := e.Token(t.Context(), "lantian")
		ke, ok := errors.AsType[*Error](err)
		if !ok || !errors.Is(err, ErrFollowed) || ke.RetryAfter != followAgain || ke.GrantID != "g_lantian" {
			t.Fatalf("got %v", err)
		}
		o.keeps("token-0-of-theirs-2", time.Hour)
		e.gives("token-0-of-theirs-2")
	})
}

func TestFollowNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.store.set("g_lantian", func(g *grant.Grant) { g.Kind, g.State = grant.ISV, grant.Followed })
		if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, ErrFollowed) || !errors.Is(err, errNoFollower) {
			t.Errorf("got %v", err)
		}
	})
}

// TestFollowReport: a token that WeChat refuses is looked up again, once, and never
// renewed from here.
func TestFollowReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, o := newFollowing(t)
		first := e.gives("token-0-of-theirs-1")
		for range 3 {
			_, err := e.Report(t.Context(), complaint(first.Generation, 40001))
			if !errors.Is(err, ErrFollowed) || !errors.Is(err, errFollowedDead) {
				t.Fatalf("the same token again: %v", err)
			}
		}
		if n := o.asked(); n != 2 {
			t.Errorf("looked %d times, want twice", n)
		}
		o.keeps("token-0-of-theirs-2", 2*time.Hour)
		time.Sleep(31 * time.Second)
		second, err := e.Report(t.Context(), complaint(first.Generation, 40001))
		if err != nil || second.Value.RevealString() != "token-0-of-theirs-2" || second.Generation <= first.Generation {
			t.Errorf("after they renewed it: generation %d, %v", second.Generation, err)
		}
		e.gives("token-0-of-theirs-2")
		if tok, err := e.Report(t.Context(), complaint(second.Generation, 48001)); err != nil || tok.Generation != second.Generation {
			t.Errorf("another errcode: %v", err)
		}
		if n := e.wechat.asked(); n != 0 || o.asked() != 3 {
			t.Errorf("WeChat was asked %d times, they %d times", n, o.asked())
		}
	})
}

// TestFollowEnds: the mode changes, and the next use goes by the new one.
func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, o := newFollowing(t)
		followed := e.gives("token-0-of-theirs-1")
		e.store.set("g_lantian", func(g *grant.Grant) { g.State = grant.Held })
		e.Forget("g_lantian")
		if _, err := e.Token(t.Context(), "lantian"); !errors.Is(err, ErrHeld) {
			t.Errorf("held: %v", err)
		}
		e.store.set("g_lantian", func(g *grant.Grant) {
			g.Kind, g.State, g.Tokens, g.DueAt = grant.Self, grant.Active, grant.Tokens{}, time.Now()
		})
		e.Forget("g_lantian")
		ours := e.must()
		if ours.Generation != 1 || e.wechat.asked() != 1 || o.asked() != 1 {
			t.Errorf("generation %d after %d questions", ours.Generation, e.wechat.asked())
		}
		got, err := e.Report(t.Context(), complaint(followed.Generation, 40001))
		if err != nil || got.Generation != ours.Generation {
			t.Errorf("a late report of their token: %v, generation %d", err, got.Generation)
		}
	})
}

// TestFollowUnheard: where nobody told of the change, the look at the store finds it.
func TestFollowUnheard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := newFollowing(t)
		e.gives("token-0-of-theirs-1")
		e.store.set("g_lantian", func(g *grant.Grant) {
			g.Kind, g.State, g.Tokens, g.DueAt = grant.Self, grant.Active, grant.Tokens{}, time.Now()
		})
		time.Sleep(e.opt.Recheck + 2*time.Second)
		e.must()
		time.Sleep(time.Second) // the look goes on beside
		if tok := e.must(); tok.Generation != 1 {
			t.Errorf("their token is still served after %v", e.opt.Recheck)
		}
	})
}
