package standby_test

import (
	"errors"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
)

// TestSecondKey: while the database is gone a client is let in by either of its keys,
// and by a key that has ended by neither.
func TestSecondKey(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	client, err := w.main.Client(ctx, "erp")
	must(t, err)
	keys := access.ClientKeys{Client: "erp", Hash: client.KeyHash, Hint: client.KeyHint, CreatedAt: w.now,
		Next: access.NextKey{Hash: access.HashKey("second-key"), Hint: "zgc_cd", MadeAt: w.now}}
	w.declare(access.Declaration{At: w.now, Keys: []access.ClientKeys{keys}}, done("rotation.begin", "client:erp"))
	w.begin(100)
	w.follow()
	w.shut.cut(errGone)
	for _, key := range []string{"erp-key", "second-key"} {
		if c, err := w.reads.ClientByKey(ctx, access.HashKey(key)); err != nil || c.ID != "erp" {
			t.Errorf("by %s: %+v, %v", key, c, err)
		}
	}
	w.shut.cut(nil)
	keys.Hash, keys.Hint, keys.Next = keys.Next.Hash, keys.Next.Hint, access.NextKey{}
	w.declare(access.Declaration{At: w.now, Keys: []access.ClientKeys{keys}}, done("rotation.finish", "client:erp"))
	w.follow()
	w.shut.cut(errGone)
	if c, err := w.reads.ClientByKey(ctx, access.HashKey("second-key")); err != nil || c.ID != "erp" || len(c.Next.Hash) > 0 {
		t.Errorf("by the key that stays: %+v, %v", c, err)
	}
	if _, err := w.reads.ClientByKey(ctx, access.HashKey("erp-key")); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("by the key that ended: %v", err)
	}
}
