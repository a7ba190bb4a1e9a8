package adminapi_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// TestProofOfAThinnedHead: a head that the database keeps no more is proved as long as
// it is known elsewhere.
func TestProofOfAThinnedHead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	signer, err := audit.OpenSigner(t.TempDir(), "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	r.older = map[int64]audit.Checkpoint{}
	var sizes []int64
	for range 3 {
		if err := r.store.Append(t.Context(), audit.Entry{At: r.at, Action: "test", Outcome: audit.Done}); err != nil {
			t.Fatal(err)
		}
		size, root, err := r.store.AuditHead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := signer.SignHead(size, root, r.at)
		if err == nil {
			err = r.store.SaveCheckpoint(t.Context(), c, size-1)
		}
		if err != nil {
			t.Fatal(err)
		}
		r.older[size], sizes = c, append(sizes, size)
	}
	if err := r.store.ThinCheckpoints(t.Context(), 0, sizes[1], []audit.Checkpoint{r.older[sizes[0]], r.older[sizes[1]]}); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{fmt.Sprintf("old=%d", sizes[0]), fmt.Sprintf("old=%d&new=%d", sizes[0], sizes[1])} {
		var p audit.Proof
		r.ask("GET", "/v1/audit/proof?"+q, nil, &p)
		if proved, err := p.Check(signer.Verifier()); err != nil || proved.Old.Size != sizes[0] {
			t.Errorf("%s: %v, %v", q, proved, err)
		}
	}
	delete(r.older, sizes[0])
	if rec := r.say("GET", fmt.Sprintf("/v1/audit/proof?old=%d", sizes[0]), nil); rec.Code != http.StatusNotFound {
		t.Errorf("a head that is nowhere: %d %s", rec.Code, rec.Body)
	}
}
