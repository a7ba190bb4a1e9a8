package adminapi_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// Bundle implements adminapi.Support.
func (r *rig) Bundle(_ context.Context, by audit.Actor, w io.Writer) error {
	r.tested = append(r.tested, by)
	_, err := w.Write([]byte("\x1f\x8barchive"))
	return err
}

func TestSupportBundle(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rec := r.say("POST", "/v1/support-bundle", nil)
	if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "application/gzip" || rec.Body.String() != "\x1f\x8barchive" {
		t.Errorf("%d %v %q", rec.Code, rec.Header(), rec.Body)
	}
	if !slices.Contains(r.tested, audit.Actor{Kind: audit.ActorOperator}) {
		t.Errorf("asked by %v", r.tested)
	}
}
