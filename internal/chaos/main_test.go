package chaos

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/keeper"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// replicaVariable makes this binary a replica; its value names what is taken
// away from the keeper, see spoilers.
const replicaVariable = "ZHANGGUI_TEST_CHAOS_REPLICA"

func TestMain(m *testing.M) {
	name, child := os.LookupEnv(replicaVariable)
	if !child {
		os.Exit(m.Run())
	}
	spoil = spoilers[name]
	if err := Replica(context.Background(), os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// spoilers are keepers that lack something.
var spoilers = map[string]func(*keeper.Options){
	"sound":             nil,
	"forgets settles":   func(o *keeper.Options) { o.Store = forgetful{o.Store} },
	"asks twice":        func(o *keeper.Options) { o.Platform = eager{o.Platform} },
	"asks all the time": func(o *keeper.Options) { o.Store = hasty{o.Store} },
}

// forgetful says of every other settle that it is durable, and writes nothing.
type forgetful struct{ keeper.Store }

func (f forgetful) Settle(ctx context.Context, batch []grant.Effects) ([]error, error) {
	if s := batch[0].Settle; s.Tokens != nil && s.Term%2 == 0 {
		return make([]error, len(batch)), nil
	}
	return f.Store.Settle(ctx, batch)
}

// eager asks twice, to be sure.
type eager struct{ keeper.Platform }

func (e eager) Stable(ctx context.Context, app access.App, key secret.Value, force bool) (keeper.Answer, error) {
	if _, err := e.Platform.Stable(ctx, app, key, force); err != nil {
		return keeper.Answer{}, err
	}
	return e.Platform.Stable(ctx, app, key, force)
}

// hasty plans every refresh a second after the last one.
type hasty struct{ keeper.Store }

func (h hasty) Settle(ctx context.Context, batch []grant.Effects) ([]error, error) {
	for i := range batch {
		batch[i].Settle.DueAt = batch[i].At.Add(time.Second)
	}
	return h.Store.Settle(ctx, batch)
}
