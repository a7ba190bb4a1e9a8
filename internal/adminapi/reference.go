package adminapi

import (
	"bytes"
	"cmp"
	"crypto/rand"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed reference.html
var referenceHTML string

var referencePage = template.Must(template.New("reference").Parse(referenceHTML))

// referenceWords are the page's own words; those of the operations are the
// document's.
type referenceWords struct {
	Intro, Families, Parameters, Body, Answer string
	Other, OtherName                          string
}

var referenceIn = map[string]referenceWords{
	"en": {Intro: "Every operation of this server for programs, made from its OpenAPI document. * marks what is required.", Families: "Families", Parameters: "Parameters", Body: "Body", Answer: "Answer",
		Other: "zh-CN", OtherName: "中文"},
	"zh-CN": {Intro: "本服务器供程序调用的全部接口，由 OpenAPI 文档生成。* 表示必填；接口说明为英文。", Families: "分类", Parameters: "参数", Body: "请求", Answer: "应答",
		Other: "en", OtherName: "English"},
}

type (
	referenceFamily struct {
		Name       string
		Operations []referenceOperation
	}
	referenceOperation struct {
		ID, Method, Path, Text string
		Tables                 []referenceTable
	}
	referenceTable struct {
		Title string
		Rows  []referenceRow
	}
	referenceRow struct {
		Name, Type, Text string
		Required         bool
	}
)

// mountReference serves the document as a page that people read. It has no script
// and loads nothing. It is made when somebody first reads it: most servers are never
// asked, and every start would wait for it.
func mountReference(mux *http.ServeMux, doc *huma.OpenAPI) {
	pages := sync.OnceValue(func() map[string][]referenceFamily {
		all := map[string][]referenceFamily{}
		for lang, words := range referenceIn {
			all[lang] = reference(doc, words)
		}
		return all
	})
	mux.HandleFunc("GET /v1/reference", func(w http.ResponseWriter, r *http.Request) {
		lang := languageOf(r)
		nonce := rand.Text()
		var page bytes.Buffer
		err := referencePage.Execute(&page, map[string]any{"Lang": lang, "Nonce": nonce, "Words": referenceIn[lang], "Families": pages()[lang]})
		if err != nil {
			writeProblem(w, err)
			return
		}
		for name, value := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Content-Language": lang, "Vary": "Accept-Language", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; style-src 'nonce-" + nonce + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		} {
			w.Header().Set(name, value)
		}
		_, _ = w.Write(page.Bytes()) // an error means that the caller is gone
	})
}

// languageOf is what the reader asks for, or their browser.
func languageOf(r *http.Request) string {
	if asked := r.URL.Query().Get("lang"); referenceIn[asked].Intro != "" {
		return asked
	}
	if strings.HasPrefix(r.Header.Get("Accept-Language"), "zh") {
		return "zh-CN"
	}
	return "en"
}

// reference turns the document into what the page shows.
func reference(doc *huma.OpenAPI, words referenceWords) (all []referenceFamily) {
	for _, name := range families(doc) {
		f := referenceFamily{Name: name}
		for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
			ops := operationsOf(doc.Paths[path])
			for _, method := range slices.Sorted(maps.Keys(ops)) {
				if o := ops[method]; o.Tags[0] == name {
					f.Operations = append(f.Operations, referenceOperation{ID: o.OperationID, Method: method, Path: path, Text: o.Description, Tables: tables(doc, o, words)})
				}
			}
		}
		all = append(all, f)
	}
	return all
}

// tables are the parameters, the body and the answer of an operation.
func tables(doc *huma.OpenAPI, o *huma.Operation, words referenceWords) (all []referenceTable) {
	params := referenceTable{Title: words.Parameters}
	for _, p := range o.Parameters {
		params.Rows = append(params.Rows, referenceRow{Name: p.Name, Type: p.In, Text: p.Description, Required: p.Required})
	}
	in, out := referenceTable{Title: words.Body}, referenceTable{Title: words.Answer}
	if o.RequestBody != nil {
		in.Rows = rows(doc, o.RequestBody.Content)
	}
	if r := cmp.Or(o.Responses["200"], o.Responses["201"]); r != nil {
		out.Rows = rows(doc, r.Content)
	}
	for _, t := range []referenceTable{params, in, out} {
		if len(t.Rows) > 0 {
			all = append(all, t)
		}
	}
	return all
}

// rows are the fields of a body. Of a list they are those of its items.
func rows(doc *huma.OpenAPI, content map[string]*huma.MediaType) (all []referenceRow) {
	m := content["application/json"]
	if m == nil {
		return nil
	}
	s := resolve(doc, m.Schema)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		all = append(all, referenceRow{Name: name, Type: typeOf(p), Text: p.Description, Required: slices.Contains(s.Required, name)})
		if inner := resolve(doc, cmp.Or(p.Items, p)); name == "items" && inner != s {
			for _, field := range slices.Sorted(maps.Keys(inner.Properties)) {
				f := inner.Properties[field]
				all = append(all, referenceRow{Name: "items[]." + field, Type: typeOf(f), Text: f.Description})
			}
		}
	}
	return all
}

func resolve(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s.Ref == "" {
		return s
	}
	return doc.Components.Schemas.SchemaFromRef(s.Ref)
}

// typeOf names a field's type: that of JSON, or the schema's name.
func typeOf(s *huma.Schema) string {
	switch {
	case s.Ref != "":
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	case s.Items != nil:
		return "[]" + typeOf(s.Items)
	case s.Format != "":
		return s.Format
	case len(s.Enum) > 0:
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Enum), " ", " | "), "[]")
	}
	return s.Type
}
