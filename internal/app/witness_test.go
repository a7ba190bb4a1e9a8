package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// TestHeadsReachOtherPlaces: a file and a witness, which here is the server itself;
// what an inspector is given verifies with the public key alone.
func TestHeadsReachOtherPlaces(t *testing.T) {
	t.Parallel()
	r := newStoppedRig(t)
	r.public = freeAddress(t)
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	signer, err := audit.OpenSigner(r.dir, "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	worm := filepath.Join(t.TempDir(), "audit.heads")
	r.file = fmt.Sprintf(`
audit:
  checkpoints:
    - {file: %s, every: 10s}
    - {witness: "http://%s/v1/witness/self", allow_private: true, every: 10s}
  witness_for:
    - {name: self, pub: %q}
`, worm, r.public, signer.PublicKey())
	r.start(nil)
	r.declare()
	if err := r.app.SignHead(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.app.SendHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	var seen struct{ Items []adminapi.SeenView }
	r.ask("GET", "/v1/audit/witnessed/self", nil, &seen)
	var places struct{ Items []adminapi.SentView }
	r.ask("GET", "/v1/audit/places", nil, &places)
	if len(seen.Items) == 0 || seen.Items[0].Forked || len(places.Items) != 2 {
		t.Errorf("seen %+v, sent %+v", seen, places)
	}
	r.proofs(signer)
	r.inspect(worm)
}

// proofs asks the REST interface.
func (r *rig) proofs(signer *audit.Signer) {
	r.t.Helper()
	var heads struct{ Items []adminapi.CheckpointView }
	r.ask("GET", "/v1/audit/checkpoints", nil, &heads)
	if len(heads.Items) == 0 {
		r.t.Fatal("no signed head")
	}
	for query, want := range map[string]int{"": http.StatusUnprocessableEntity, "old=999999": http.StatusNotFound, "old=-1": http.StatusUnprocessableEntity, "entry=999999": http.StatusNotFound} {
		if status, body := r.say("GET", "/v1/audit/proof?"+query, nil); status != want || !strings.Contains(string(body), `"next_zh"`) {
			r.t.Errorf("%s: %d %s", query, status, body)
		}
	}
	for _, query := range []string{"entry=0", fmt.Sprint("old=", heads.Items[0].Size)} {
		var p audit.Proof
		r.ask("GET", "/v1/audit/proof?"+query, nil, &p)
		if _, err := p.Check(signer.Verifier()); err != nil {
			r.t.Errorf("%s: %v", query, err)
		}
	}
}

// inspect does what an inspector does with files.
func (r *rig) inspect(worm string) {
	r.t.Helper()
	files := app.AuditFiles{Data: r.dir}
	pub := filepath.Join(r.dir, audit.PubFile)
	for name, x := range map[string]app.AuditExport{
		"range":  {},
		"chosen": {Subject: "grants", Chosen: func(x audit.Record) bool { return bytes.Contains(x.Data, []byte(`"action":"grant.`)) }},
	} {
		path := filepath.Join(r.t.TempDir(), name)
		f, err := os.Create(path)
		if err != nil {
			r.t.Fatal(err)
		}
		done, err := app.ExportAudit(r.t.Context(), files, x, f)
		if err != nil || done.Entries == 0 || f.Close() != nil {
			r.t.Fatalf("%s: %+v, %v", name, done, err)
		}
		report, err := app.CheckAuditExport(path, pub)
		if err != nil || !report.OK() || report.SHA256 != done.SHA256 || report.Entries != done.Entries {
			r.t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	var table strings.Builder
	if done, err := app.ExportAudit(r.t.Context(), files, app.AuditExport{Table: true}, &table); err != nil || int64(strings.Count(table.String(), "\n")) != done.Entries+1 {
		r.t.Errorf("table: %+v, %v", done, err)
	}
	files.Heads = worm
	if report, err := app.VerifyAudit(r.t.Context(), files); err != nil || report.Heads == 0 {
		r.t.Errorf("with the heads of the other place: %+v, %v", report, err)
	}
}
