package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

var errDisk = errors.New("the disk went away")

// failed is a commit that did not happen, landed one that did although an error
// came back.
var (
	failed sqlstore.CommitFunc = func(func() error) error { return errDisk }
	landed sqlstore.CommitFunc = func(commit func() error) error {
		if err := commit(); err != nil {
			return err
		}
		return errDisk
	}
)

// transitions are writes whose repetition after a lost commit must be harmless.
// again is what repeating answers when the first one landed.
var transitions = []struct {
	name  string
	make  func(w *world) func() error
	again error
}{
	{"settle", func(w *world) func() error {
		e := renewal(w.claim("tea", start), start)
		return func() error {
			errs, err := w.s.Settle(w.t.Context(), []grant.Effects{e})
			return errors.Join(append(errs, err)...)
		}
	}, grant.ErrLost},
	{"claim", func(w *world) func() error {
		id := w.shopGrant("tea").ID
		return func() error { return second(w.s.Claim(w.t.Context(), id, request(start))) }
	}, grant.ErrLeased},
	{"use state", func(w *world) func() error {
		cb := grant.Callback{App: "mp", StateHash: access.HashKey("state"), CodeHash: access.HashKey("code"), At: start}
		return func() error { return second(w.s.UseState(w.t.Context(), cb, entry("login.begin"))) }
	}, access.ErrUsed},
	{"authorise", func(w *world) func() error {
		a := *w.enter(1).Authorise
		a.From, a.Tokens = 1, tokens(grant.User, a.GrantID, 2, start)
		return func() error {
			return w.s.Authorise(w.t.Context(), grant.Effects{At: start, Authorise: &a, Audit: []audit.Entry{entry("grant.authorise")}})
		}
	}, grant.ErrLost},
	{"confirm invitation", func(w *world) func() error {
		w.invited(1, "i_1", "tea")
		return func() error { return second(w.confirm("i_1", "1234", start)) }
	}, access.ErrInvitationGone},
	{"declare", func(w *world) func() error {
		d := directory()
		d.Revision = 1
		d.Shops[0].Name = "红茶"
		return func() error { return w.s.Declare(w.t.Context(), d, entry("setup.apply")) }
	}, access.ErrStale},
}

var commitCases = commitTests()

// commitTests pairs every transition with both ways to lose a commit.
func commitTests() []testCase {
	var cases []testCase
	for _, tr := range transitions {
		cases = append(cases,
			testCase{tr.name + " failed", func(t *testing.T, w *world) {
				do := tr.make(w)
				w.losing(failed, func() { w.refused(errDisk, do) })
				w.must(do()) // nothing stands in the way of doing it again
			}},
			testCase{tr.name + " failed but landed", func(t *testing.T, w *world) {
				do := tr.make(w)
				before := w.snapshot()
				w.losing(landed, func() { w.wants(errDisk, do()) })
				after := w.snapshot()
				if tr.name != "use state" && cmp.Equal(before, after) {
					t.Error("it did not land")
				}
				w.wants(tr.again, do())
				same(t, "after asking again", w.snapshot(), after)
			}})
	}
	return cases
}

func (w *world) losing(f sqlstore.CommitFunc, do func()) {
	w.t.Helper()
	w.s.InterceptCommits(f)
	defer w.s.InterceptCommits(nil)
	do()
}
