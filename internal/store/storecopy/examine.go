package storecopy

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// finding is what was computed from one side's log and grants.
type finding struct {
	entries int64
	root    tlog.Hash
	grants  int
}

var (
	errNothing = errors.New("there is nothing to copy: no server ever started on it")
	errUnsound = errors.New("it is not copied as it is; start this version's server on it once, which ends grants that disagree, or see zhanggui audit verify")
)

// examine computes the log anew, and compares head row and grants with it. The
// signed heads are compared by zhanggui audit verify, which has the key to them.
func examine(ctx context.Context, s *sqlstore.Side) (finding, error) {
	log := s.Log()
	state, err := log.State(ctx)
	if err != nil {
		return finding{}, err
	}
	if state.Size == 0 {
		return finding{}, errNothing
	}
	report, err := audit.Verify(audit.VerifyInput{
		Records: log.AuditRecords(ctx), StoredHash: log.StoredHash(ctx), Verifier: nobody{}, Keyless: true, State: &state,
	})
	if err != nil {
		return finding{}, err
	}
	for _, p := range report.Problems {
		if p.Kind != audit.NoHeads { // none were given
			return finding{}, fmt.Errorf("%s: %w", p.Text, errUnsound)
		}
	}
	return finding{entries: report.Entries, root: report.Root, grants: report.Grants}, nil
}

// nobody stands where the key of signed heads would.
type nobody struct{}

// Name implements note.Verifier.
func (nobody) Name() string { return "nobody" }

// KeyHash implements note.Verifier.
func (nobody) KeyHash() uint32 { return 0 }

// Verify implements note.Verifier.
func (nobody) Verify([]byte, []byte) bool { return false }
