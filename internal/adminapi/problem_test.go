package adminapi_test

import (
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/audit"
)

var update = flag.Bool("update", false, "write testdata/openapi.json")

// operation is one of the document.
type operation struct {
	ID      string `json:"operationId"`
	Summary string
	Tags    []string
}

// parameter is a place in a path that something is named in.
var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// operations are the document's, with {id} filled in.
func operations(t *testing.T, r *rig) map[string]map[string]operation {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]operation
	}
	rec := r.say("GET", "/v1/openapi.json", nil)
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil || rec.Code != http.StatusOK {
		t.Fatalf("openapi.json: %d %v", rec.Code, err)
	}
	if len(doc.Paths) < 20 {
		t.Fatalf("the document knows %d paths: the test looks at nothing", len(doc.Paths))
	}
	for _, methods := range doc.Paths { // what other rooms answer
		maps.DeleteFunc(methods, func(_ string, op operation) bool { return op.Tags[0] == "for-clients" })
	}
	return doc.Paths
}

// TestOpenAPI holds the document that programs are made from. Run with -update
// after a change that is meant.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ids := map[string]bool{}
	for path, methods := range operations(t, r) {
		for method, op := range methods {
			if op.ID == "" || op.Summary == "" || ids[op.ID] {
				t.Errorf("%s %s: id %q, summary %q: both are needed, and the id once", method, path, op.ID, op.Summary)
			}
			ids[op.ID] = true
		}
	}
	var indented any
	if err := json.Unmarshal(r.say("GET", "/v1/openapi.json", nil).Body.Bytes(), &indented); err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(indented, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("the OpenAPI document changed; if that is meant, run go test ./internal/adminapi -run TestOpenAPI -update")
	}
}

// TestNobodyIsRefused: no operation works without an actor, whatever is sent.
func TestNobodyIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	before := len(r.entries())
	for path, methods := range operations(t, r) {
		for method := range methods {
			rec := r.raw(audit.Actor{}, strings.ToUpper(method), parameter.ReplaceAllString(path, "erp"), "application/json", `{}`)
			if rec.Code != http.StatusUnauthorized || rec.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s without an actor: %d %s", method, path, rec.Code, rec.Header().Get("Content-Type"))
			}
		}
	}
	if after := len(r.entries()); after != before {
		t.Errorf("%d entries were written for nobody", after-before)
	}
}

// TestProblemsRepeatNothing puts a secret wherever an input can be wrong, in
// every operation, and looks for it in the answer.
func TestProblemsRepeatNothing(t *testing.T) {
	t.Parallel()
	const canary = "CANARY-sandbox-secret-000000000001"
	quoted := `"` + canary + `"`
	bodies := []string{
		quoted, `{` + quoted, `{` + quoted + `:1}`, `{"name":` + quoted + `,"days":` + quoted + `}`, `{"unknown":` + quoted + `}`, `[` + quoted + `]`,
		canary, `{"code":` + quoted + `}`, `{"cause":` + quoted + `}`, `{"role":` + quoted + `,"tenant":` + quoted + `,"shop":` + quoted + `}`,
		`{"id":` + quoted + `,"mode":` + quoted + `,"shops":` + quoted + `}`, `{"id":"x","shops":["lantian"],"mode":"read","expires":` + quoted + `}`,
		`{"id":` + quoted + `,"shops":[` + quoted + `],"mode":"read"}`,
		`{"apps":[{"id":` + quoted + `,"kind":` + quoted + `,"appid":` + quoted + `,"secret":` + quoted + `,"callback_host":` + quoted + `}]}`,
		`{"apps":[{"id":"a","kind":"website","appid":` + quoted + `,"secret":` + quoted + `,"callback_host":` + quoted + `,"verify_name":` + quoted + `,"verify_body":` + quoted + `,"scope":` + quoted + `,"egress":` + quoted + `,"api_hosts":[` + quoted + `]}]}`,
		`{"shops":[{"id":"a","tenant":` + quoted + `,"name":"x","appid":` + quoted + `,"secret":` + quoted + `,"egress":` + quoted + `,"api_hosts":[` + quoted + `]}]}`,
		`{"members":[{"person":` + quoted + `,"tenant":` + quoted + `,"role":"owner","until":` + quoted + `}]}`,
		`{"tenants":[{"id":` + quoted + `,"name":` + quoted + `}]}`, `{"a":123456789012345678901234567890}`, `{"days":123456789012345678901234567890}`,
	}
	r := newRig(t)
	r.declare()
	check := func(what string, code int, contentType, body string) {
		t.Helper()
		if code < 300 {
			return // accepted: what was made is an id or a name now
		}
		if strings.Contains(body, "CANARY") || strings.Contains(body, "1234567890") {
			t.Errorf("%s: the answer repeats the input: %d %s", what, code, body)
		}
		if contentType != "application/problem+json" || code >= 500 {
			t.Errorf("%s: %d %s", what, code, contentType)
		}
	}
	for path, methods := range operations(t, r) {
		for method := range methods {
			method, path := strings.ToUpper(method), parameter.ReplaceAllString(path, canary)
			for _, body := range bodies {
				rec := r.raw(operator, method, path, "application/json", body)
				check(method+" "+path+" "+body, rec.Code, rec.Header().Get("Content-Type"), rec.Body.String())
			}
			for _, query := range []string{"?limit=" + canary, "?after=" + canary, "?prune=" + canary + "&dry_run=" + canary, "?" + canary + "=1", "?kind=" + canary + "&state=" + canary} {
				rec := r.raw(operator, method, path+query, "application/json", `{}`)
				check(method+" "+path+query, rec.Code, rec.Header().Get("Content-Type"), rec.Body.String())
			}
			rec := r.raw(operator, method, path, "text/"+canary, `{"name":"x"}`)
			check(method+" "+path+" as another type", rec.Code, rec.Header().Get("Content-Type"), rec.Body.String())
		}
	}
	for _, e := range r.entries() {
		if strings.Contains(e.Subject, "CANARY") && !strings.HasPrefix(e.Action, "tenant.") {
			t.Errorf("the audit log keeps a pasted secret: %s %s", e.Action, e.Subject)
		}
	}
}

// TestProblemForm: what a program reads.
func TestProblemForm(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rec := r.say("POST", "/v1/admins", map[string]any{"days": -1, "nmae": "x"})
	var p struct {
		Title    string
		Status   int
		Detail   string
		Problems []string
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if rec.Code != http.StatusUnprocessableEntity || p.Status != rec.Code || p.Title == "" || len(p.Problems) != 3 {
		t.Errorf("three mistakes at once are told as %d: %s", rec.Code, rec.Body)
	}
	for _, place := range []string{"body.days", "body.nmae", "name"} {
		if !strings.Contains(strings.Join(p.Problems, "\n"), place) {
			t.Errorf("no problem names %s: %q", place, p.Problems)
		}
	}
}
