package zhanggui_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/config"
)

// TestEveryPackageSaysWhatItIsFor wants exactly one package comment in each
// package, and a comment on each exported name of the public ones.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasSuffix(p.ImportPath, "/sqlgen") {
			continue // generated
		}
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		docs := 0
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil && strings.HasPrefix(f.Doc.Text(), docStart(p.Name)) {
				docs++
			}
			if !strings.HasSuffix(name, "_templ.go") {
				checkDocs(t, name, f)
			}
		}
		if docs != 1 && p.Name != "zhanggui_test" {
			t.Errorf("%s has %d package comments, want one", p.ImportPath, docs)
		}
	}
}

func docStart(name string) string {
	if name == "main" {
		return "Command "
	}
	return "Package " + name
}

// checkDocs wants a comment on every exported top-level name.
func checkDocs(t *testing.T, file string, f *ast.File) {
	t.Helper()
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d)) {
				t.Errorf("%s: %s has no comment", file, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
					t.Errorf("%s: type %s has no comment", file, ts.Name.Name)
				}
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// TestTheTreeSpeaksOfItselfOnly keeps out paths of machines and marks of
// unfinished work.
func TestTheTreeSpeaksOfItselfOnly(t *testing.T) {
	banned := regexp.MustCompile(`(?i)\b(todo|fixme|xxx|not implemented)\b|/root/|/home/[a-z]`)
	out, err := exec.CommandContext(t.Context(), "git", "ls-files").Output()
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if !regexp.MustCompile(`\.(go|md|sh|sql|templ|yaml|js)$|^Makefile$`).MatchString(name) || name == "repo_test.go" {
			continue
		}
		b, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // deleted and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		read++
		if m := banned.Find(b); m != nil {
			t.Errorf("%s says %q", name, m)
		}
	}
	if read < 50 {
		t.Fatalf("only %d files were read", read)
	}
}

// TestReadmesAgree: what the English README shows to run, the Chinese one shows
// too.
func TestReadmesAgree(t *testing.T) {
	commands := func(name string) []string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
			for line := range strings.Lines(block[1]) {
				command, _, _ := strings.Cut(line, " #")
				all = append(all, strings.TrimSpace(command))
			}
		}
		return all
	}
	en, zh := commands("README.md"), commands("README.zh-CN.md")
	if len(en) < 8 || strings.Join(en, "\n") != strings.Join(zh, "\n") {
		t.Errorf("commands differ:\n%s\n---\n%s", strings.Join(en, "\n"), strings.Join(zh, "\n"))
	}
}

// TestReadmeSettingsLoad: the settings that a README shows are right ones.
func TestReadmeSettingsLoad(t *testing.T) {
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)   ```yaml\n(.*?)   ```").FindAllStringSubmatch(string(b), -1)
		if len(blocks) == 0 {
			t.Fatalf("%s shows no settings", name)
		}
		for _, block := range blocks {
			if _, err := config.Load(config.Source{File: name, Data: []byte(strings.ReplaceAll(block[1], "   ", ""))}); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSettingsPage: the guide's table of settings is the one that the program
// prints.
func TestSettingsPage(t *testing.T) {
	b, err := os.ReadFile("docs/guide/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(b)) != strings.TrimSpace(config.Reference()) {
		t.Error("docs/guide/settings.md is old; write it anew with: zhanggui config reference > docs/guide/settings.md")
	}
}

// TestDesignNamesTests: a page that says which test would fail names one that is
// there, and a page that links to a file links to one that is there.
func TestDesignNamesTests(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "grep", "-hoE", "^func (Test|Fuzz|Benchmark)[A-Za-z0-9_]+", "--", "*_test.go").Output()
	if err != nil {
		t.Fatalf("git grep: %v", err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		known[strings.TrimSpace(strings.TrimPrefix(line, "func "))] = true
	}
	pages, err := filepath.Glob("docs/*/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range append(pages, "README.md", "README.zh-CN.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]+)").FindAllStringSubmatch(string(text), -1) {
			if !known[name[1]] {
				t.Errorf("%s names %s, which is no test", page, name[1])
			}
		}
		for _, link := range regexp.MustCompile(`\]\(([a-zA-Z0-9_./-]+\.(?:md|yaml|svg|go|json))[)#]`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, link[1], err)
			}
		}
	}
}
