package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// transition is a write whose repetition after a lost commit must be harmless.
type transition struct {
	name  string
	make  func(w *world) func() error
	again error // what repeating answers when the first one landed
	// once more is what repeating does: a count that errs on the safe side, or
	// words that are written down twice.
	more bool
	// unseen says that a snapshot does not show whether it landed.
	unseen bool
}

// errAny stands for any refusal: of the database's own rules, or ours.
var errAny = errors.New("any refusal")

var commitCases = commitTests()

// commitTests pairs every transition with both ways to lose a commit.
func commitTests() []testCase {
	var cases []testCase
	for _, tr := range slices.Concat(grantTransitions, loginTransitions, peopleTransitions, setupTransitions, logTransitions, requestTransitions, scanTransitions, signingTransitions, oidcTransitions, platformTransitions) {
		cases = append(cases,
			testCase{tr.name + " failed", func(t *testing.T, w *world) {
				do := tr.make(w)
				w.losing(failed, func() { w.refused(sqlstore.ErrOutcome, do) })
				w.must(do()) // nothing stands in the way of doing it again
			}},
			testCase{tr.name + " failed but landed", func(t *testing.T, w *world) {
				do := tr.make(w)
				before := w.snapshot()
				w.losing(landed, func() { w.wants(errDisk, do()) })
				after := w.snapshot()
				if !tr.unseen && cmp.Equal(before, after, prefixes) {
					t.Error("it did not land")
				}
				if err := do(); !errors.Is(err, tr.again) && (tr.again != errAny || err == nil) {
					t.Fatalf("asked again: got error %v, want %v", err, tr.again)
				}
				if !tr.more {
					same(t, "after asking again", w.snapshot(), after)
				}
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
