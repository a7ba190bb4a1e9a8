package storetest

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// conformance is the suite, in groups by what the store is used for.
var conformance = []struct {
	group string
	cases []testCase
}{
	{"claim", claimCases},
	{"settle", settleCases},
	{"kill", killCases},
	{"authorise", authoriseCases},
	{"login", loginCases},
	{"session", sessionCases},
	{"invitation", invitationCases},
	{"client", clientCases},
	{"declare", declareCases},
	{"log", logCases},
	{"integrity", integrityCases},
	{"notice", noticeCases},
	{"commit", commitCases},
	{"parallel", parallelCases},
	{"random", randomCases},
}

type testCase struct {
	name string
	run  func(t *testing.T, w *world)
}

// Run runs the suite. open gives an empty, migrated store and closes it when the
// test ends. The invariants are checked after each case as well as within; the
// store's own check of its grants must find nothing that they do not find.
func Run(t *testing.T, open func(t *testing.T) *sqlstore.Store) {
	for _, g := range conformance {
		t.Run(g.group, func(t *testing.T) {
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) {
					w := newWorld(t, open(t))
					c.run(t, w)
					Check(t, w.s)
					if found, err := w.s.CheckGrants(t.Context()); err != nil || len(found) > 0 {
						t.Errorf("the store's own check finds %v, %v", found, err)
					}
				})
			}
		})
	}
}
