package keeper

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
)

// asks remembers whom tokens were asked for.
type asks struct {
	deaf
	of []string
}

func (a *asks) Asked(kind grant.Kind, app, cause string, _ time.Duration) {
	a.of = append(a.of, string(kind)+" "+app+" "+cause)
}

// TestObserverHearsWhoseTokenWasAskedFor.
func TestObserverHearsWhoseTokenWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := &asks{}
		e := newEnv(t, func(o *Options) { o.Observer = heard })
		e.must()
		if len(heard.of) != 1 || heard.of[0] != "self app-lantian " {
			t.Errorf("heard %q", heard.of)
		}
	})
}
