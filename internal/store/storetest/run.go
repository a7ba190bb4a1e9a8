package storetest

import (
	"slices"
	"testing"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// conformance is the suite, in groups by what the store is used for.
var conformance = []struct {
	group    string
	cases    []testCase
	replicas int // stores on the one database, where there can be several
}{
	{"claim", claimCases, 1},
	{"settle", settleCases, 1},
	{"kill", killCases, 1},
	{"radar", radarCases, 3},
	{"intake", intakeCases, 1},
	{"authorise", authoriseCases, 1},
	{"login", loginCases, 1},
	{"session", sessionCases, 1},
	{"invitation", invitationCases, 1},
	{"member", memberCases, 1},
	{"letter", letterCases, 1},
	{"transfer", transferCases, 3},
	{"visit", visitCases, 1},
	{"person", personCases, 1},
	{"client", clientCases, 1},
	{"rotation", rotationCases, 1},
	{"use", useCases, 3},
	{"export", exportCases, 3},
	{"request", requestCases, 3},
	{"scan", scanCases, 3},
	{"page", pageCases, 1},
	{"review", reviewCases, 1},
	{"signing", signingCases, 3},
	{"oidc", oidcCases, 3},
	{"declare", declareCases, 1},
	{"condition", conditionCases, 3},
	{"census", censusCases, 1},
	{"log", logCases, 1},
	{"integrity", integrityCases, 1},
	{"notice", noticeCases, 1},
	{"alert", alertCases, 3},
	{"channel", channelCases, 1},
	{"platform", platformCases, 1},
	{"push", pushCases, 1},
	{"relay", relayCases, 3},
	{"text", textCases, 1},
	{"commit", commitCases, 1},
	{"parallel", parallelCases, 3},
	{"replicas", replicaCases, 3},
	{"hearing", hearingCases, 3},
	{"random", randomCases, 1},
}

type testCase struct {
	name string
	run  func(t *testing.T, w *world)
}

// Run runs the suite. open gives n stores on one empty, migrated database, as so
// many replicas have, or one where there can be no more, and closes them when the
// test ends. What happens at once happens on all of them. The invariants are
// checked after each case as well as within; the store's own check of its grants
// must find nothing that they do not find. Groups that are named in without are left
// out.
func Run(t *testing.T, open func(t *testing.T, n int) []*sqlstore.Store, without ...string) {
	for _, g := range conformance {
		if slices.Contains(without, g.group) {
			continue
		}
		t.Run(g.group, func(t *testing.T) {
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) {
					w := newWorld(t, open(t, g.replicas))
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
