package keeper

import (
	"context"
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Follower reads what another system keeps of the grants that it renews. Its
// method must end when ctx ends, and may be called by several goroutines.
type Follower interface {
	// Follow gives the access token of an account, and how long it lives from now
	// on. app is our id of the platform, authorizer WeChat's id of the account.
	Follow(ctx context.Context, app, authorizer string) (access secret.Value, left time.Duration, err error)
}

// A followed token is not ours: nobody tells when it is replaced. So it is read
// again when it is followFor old, by the next caller, and a source that fails is
// asked again after followAgain.
const (
	followFor   = time.Minute
	followAgain = 5 * time.Second
)

// What can be wrong with a followed token.
var (
	errNoFollower    = errors.New("this server is not told where the other system keeps its tokens")
	errFollowedEnded = errors.New("the other system keeps a token that has ended")
	errFollowedDead  = errors.New("the other system keeps the very token that WeChat refuses")
)

// noFollower is the follower of a keeper that has none.
type noFollower struct{}

func (noFollower) Follow(context.Context, string, string) (secret.Value, time.Duration, error) {
	return secret.Value{}, 0, errNoFollower
}

// follow gives the token of a grant that another system renews: from memory while
// it is fresh, else from there. A caller that was refused by WeChat has it read
// again, whatever memory holds. Nothing is asked of WeChat.
func (k *Keeper) follow(ctx context.Context, s source, g grant.Grant, w want, epoch uint64) (Token, error) {
	h := s.table.get(s.key)
	if h != nil && !(h.isGrant(g.ID) && h.has(followed)) {
		h = nil
	}
	if h != nil && w.rejected == 0 && h.take(k.uptime()) {
		return k.tokenIn(h), nil
	}
	reading, cancel := context.WithTimeout(ctx, k.opt.Ask)
	defer cancel()
	access, left, err := k.opt.Follower.Follow(reading, g.App, g.Authorizer)
	if err == nil && left <= 0 {
		err = errFollowedEnded
	}
	if err != nil {
		return Token{}, notFollowed(g, followAgain, err)
	}
	now := k.now()
	tok := Token{Value: access, Generation: now.UnixMilli(), Expires: now.Add(min(left, followFor)), GrantID: g.ID}
	if h != nil {
		tok.Generation = max(tok.Generation, h.generation+1)
		if h.value.Equal(access) {
			tok.Generation = h.generation
		}
	}
	k.put(g, tok, true, epoch)
	if tok.Generation == w.rejected {
		return Token{}, notFollowed(g, leaveFor(1), errFollowedDead)
	}
	return tok, nil
}

// notFollowed says that the other system's token of a grant is of no use now.
func notFollowed(g grant.Grant, after time.Duration, err error) error {
	return &Error{Reason: ErrFollowed, GrantID: g.ID, RetryAfter: after, Err: err}
}
