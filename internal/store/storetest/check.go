package storetest

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storecheck"
)

// Check fails the test for every invariant that does not hold in s; package
// storecheck lists them.
func Check(t testing.TB, s *sqlstore.Store) {
	t.Helper()
	for _, problem := range storecheck.Problems(t.Context(), s) {
		t.Errorf("invariant: %s", problem)
	}
}
