package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// nobodyYet is a condition that one administrator ends.
func nobodyYet(s *sqlstore.Store) func(context.Context) error {
	return func(ctx context.Context) error {
		all, err := s.Admins(ctx)
		if err == nil && len(all) > 0 {
			err = access.ErrCondition
		}
		return err
	}
}

var conditionCases = []testCase{
	{"of twenty changes under one condition one is made", func(t *testing.T, w *world) {
		n := together(t, 20, access.ErrCondition, func(i int) error {
			s := w.replica(i)
			return s.CreateAdmin(access.OnlyIf(t.Context(), nobodyYet(s)), admin(fmt.Sprintf("a_%d", i)), nil, entry("admin.create"))
		})
		same(t, "made", n, 1)
		all, err := w.s.Admins(t.Context())
		w.must(err)
		same(t, "kept", len(all), 1)
	}},
	{"a condition is over with the first change, and not with one that was lost", func(t *testing.T, w *world) {
		ctx := access.OnlyIf(t.Context(), nobodyYet(w.s))
		do := func(id string) func() error {
			return func() error { return w.s.CreateAdmin(ctx, admin(id), nil, entry("admin.create")) }
		}
		w.losing(failed, func() { w.refused(sqlstore.ErrOutcome, do("a_1")) })
		other := admin("a_2")
		w.must(w.s.CreateAdmin(t.Context(), other, nil, entry("admin.create")))
		w.refused(access.ErrCondition, do("a_3"))
		w.must(w.s.RevokeAdmin(t.Context(), other.ID, start, entry("admin.revoke")))
		asked := 0
		ctx = access.OnlyIf(t.Context(), func(context.Context) error { asked++; return nil })
		w.must(do("a_4")())
		w.must(do("a_5")())
		same(t, "asked", asked, 1)
	}},
}
