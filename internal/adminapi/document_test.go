package adminapi_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// schema is one of the document's, as far as the test looks.
type schema struct {
	Ref         string `json:"$ref"`
	Description string
	Properties  map[string]schema
	WriteOnly   bool `json:"writeOnly"`
}

type media map[string]struct{ Schema schema }

// described is an operation of the document with all that stands around it.
type described struct {
	ID, Summary, Description string
	OperationID              string `json:"operationId"`
	Tags                     []string
	Security                 []map[string][]string
	Parameters               []struct{ Name, In, Description string }
	Responses                map[string]struct {
		Headers map[string]any
		Content media
	}
}

func (d described) takes(in, name string) bool {
	return slices.ContainsFunc(d.Parameters, func(p struct{ Name, In, Description string }) bool { return p.In == in && p.Name == name })
}

// mayHold are the fields that a secret is in: what the sender hands over, and what
// one answer shows once.
var mayHold = map[string][]string{
	"Manifest": {}, "ManifestOIDCClient": {"secret"}, "ManifestChannel": {"secret"}, "ManifestApp": {"secret", "push_token", "push_aes_key"}, "ManifestShop": {"secret", "push_token", "push_aes_key"},
	"AppChange": {"secret", "push_token", "push_aes_key"}, "ShopChange": {"secret", "push_token", "push_aes_key"},
	"AdminView": {"key"}, "Applied": {"keys"}, "SubscriptionView": {"secret"}, "RotatedView": {"secret"}, "AccountBody": {"refresh_token"},
	"Proof": {"hashes"}, // of public entries
}

var secretive = regexp.MustCompile(`secret|token|^keys?$|password|aes|cookie|hash|openid|unionid`)

// TestEveryOperation walks the document: the promises of the interface hold for
// each of its operations.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]described
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(r.say("GET", "/v1/openapi.json", nil).Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("the document is OpenAPI %s", doc.OpenAPI)
	}
	var listed, made, single, clients int
	for path, methods := range doc.Paths {
		for method, op := range methods {
			where := strings.ToUpper(method) + " " + path
			if op.Summary == "" || op.Description == "" || len(op.Tags) != 1 || len(op.Security) == 0 {
				t.Errorf("%s: summary %q, description %q, tags %v, security %v", where, op.Summary, op.Description, op.Tags, op.Security)
			}
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s: %s says nothing of itself", where, p.Name)
				}
			}
			if op.Responses["default"].Content["application/problem+json"].Schema.Ref != "#/components/schemas/Problem" {
				t.Errorf("%s: errors are %+v", where, op.Responses["default"])
			}
			if op.Tags[0] == "for-clients" {
				clients++
				continue
			}
			answer := strings.TrimPrefix(op.Responses["200"].Content["application/json"].Schema.Ref, "#/components/schemas/")
			_, isList := doc.Components.Schemas[answer].Properties["items"]
			switch {
			case method == "get" && isList:
				listed++
				if _, ok := doc.Components.Schemas[answer].Properties["next"]; !ok || !op.takes("query", "after") || !op.takes("query", "limit") || !strings.HasPrefix(op.OperationID, "list-") {
					t.Errorf("%s: a list without after, limit, next or its name", where)
				}
				fallthrough
			case method == "get":
				single++
				if _, ok := op.Responses["200"].Headers["ETag"]; !ok || !op.takes("header", "If-None-Match") {
					t.Errorf("%s: a read without an ETag", where)
				}
			case !op.takes("header", "If-Match"):
				t.Errorf("%s: a change without If-Match", where)
			}
			if method == "post" && op.OperationID != "export-accounts" {
				made++
				if !op.takes("header", "Idempotency-Key") {
					t.Errorf("%s: takes no Idempotency-Key", where)
				}
			}
		}
	}
	if listed < 15 || made < 20 || single < 30 || clients < 5 {
		t.Errorf("%d lists, %d posts, %d reads, %d of clients: the test looks at too little", listed, made, single, clients)
	}
	for name, s := range doc.Components.Schemas {
		for field, p := range s.Properties {
			if p.Description == "" && p.Ref == "" {
				t.Errorf("%s.%s says nothing of itself", name, field)
			}
			if secretive.MatchString(field) && !slices.Contains(mayHold[name], field) {
				t.Errorf("%s.%s may hold a secret", name, field)
			}
		}
	}
	for name, fields := range mayHold {
		for _, f := range fields {
			if _, ok := doc.Components.Schemas[name].Properties[f]; !ok {
				t.Errorf("%s.%s is excused, and is not there", name, f)
			}
		}
	}
}

// TestReference: the page shows every operation, in both languages, and loads
// nothing.
func TestReference(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for lang, words := range map[string]string{"en": "made from its OpenAPI document", "zh-CN": "由 OpenAPI 文档生成"} {
		rec := r.headed(operator, "GET", "/v1/reference", "Accept-Language", lang+";q=1", "")
		page := rec.Body.String()
		if rec.Code != http.StatusOK || !strings.Contains(page, words) || !strings.Contains(page, `<html lang="`+lang+`">`) {
			t.Errorf("%s: %d %.200s", lang, rec.Code, page)
		}
		for path, methods := range operations(t, r) {
			for _, op := range methods {
				if !strings.Contains(page, `id="`+op.ID+`"`) || !strings.Contains(page, path) {
					t.Errorf("%s: %s is not on the page", lang, op.ID)
				}
			}
		}
		policy := rec.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'nonce-") || strings.Contains(page, "<script") || strings.Contains(page, "src=") || strings.Contains(page, "//") {
			t.Errorf("%s: the page loads something, or may: %s", lang, policy)
		}
		if again := r.headed(operator, "GET", "/v1/reference", "Accept-Language", lang, ""); again.Header().Get("Content-Security-Policy") == policy {
			t.Errorf("%s: the nonce is the same twice", lang)
		}
	}
	if rec := r.say("GET", "/v1/reference?lang=zh-CN", nil); rec.Header().Get("Content-Language") != "zh-CN" {
		t.Error("the reader's choice of language does not count")
	}
}
