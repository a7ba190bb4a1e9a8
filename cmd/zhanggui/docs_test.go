package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// TestDocsNameCommands: every command that a page or a notice tells somebody to run is
// there, with its subcommand and its flags.
func TestDocsNameCommands(t *testing.T) {
	t.Parallel()
	root := commandTable(t)
	texts := map[string]string{}
	for _, k := range notice.Kinds() {
		w := k.Words()
		texts["words of "+string(k)] = w.What.EN + "\n" + w.What.ZH + "\n" + w.Next.EN + "\n" + w.Next.ZH
	}
	for _, path := range pages(t) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(b)
	}
	seen := 0
	for where, text := range texts {
		for _, m := range spanned.FindAllStringSubmatch(text, -1) {
			seen++
			if problem := lookUp(root, strings.Fields(m[1])); problem != "" {
				t.Errorf("%s: `zhanggui %s`: %s", where, m[1], problem)
			}
		}
	}
	if seen < 100 {
		t.Errorf("%d commands were found: the test looks at too little", seen)
	}
}

// spanned is a command between backticks, or alone on a line of a code block.
var spanned = regexp.MustCompile("(?m)(?:`|^(?:\\$ )?)zhanggui ([^`\n]+?)(?:`|$)")

func commandTable(t *testing.T) *kong.Node {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.Name("zhanggui"))
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Node
}

func pages(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir("../../docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") && !d.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	readmes, err := filepath.Glob("../../README*.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(all, readmes...)
}

// lookUp follows the words of a command line as far as they name commands, and then
// looks for its flags. It gives what is wrong.
func lookUp(at *kong.Node, words []string) string {
	for i, w := range words {
		switch next := child(at, w); {
		case strings.HasPrefix(w, "#"), w == "|", w == ">", w == "&&":
			return ""
		case strings.HasPrefix(w, "--"):
			name, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
			if !flagged(at, strings.TrimRight(name, "],.;)")) {
				return "there is no flag " + w
			}
		case next != nil:
			at = next
		case i == 0 || chooses(at) && word.MatchString(w) && !strings.HasPrefix(words[i-1], "--"):
			return "there is no command " + w
		}
	}
	return ""
}

// chooses tells whether the next word must be one of the node's commands: it has some,
// and none of them takes the word as its own.
func chooses(n *kong.Node) bool {
	return !n.Leaf() && (n.DefaultCmd == nil || len(n.DefaultCmd.Positional) == 0)
}

var word = regexp.MustCompile(`^[a-z][a-z-]*$`)

func child(n *kong.Node, name string) *kong.Node {
	i := slices.IndexFunc(n.Children, func(c *kong.Node) bool {
		return c.Type == kong.CommandNode && (c.Name == name || slices.Contains(c.Aliases, name))
	})
	if i < 0 {
		return nil
	}
	return n.Children[i]
}

func flagged(n *kong.Node, name string) bool {
	all := slices.Clone(n.Flags)
	if n.DefaultCmd != nil {
		all = append(all, n.DefaultCmd.Flags...)
	}
	for at := n.Parent; at != nil; at = at.Parent {
		all = append(all, at.Flags...)
	}
	return slices.ContainsFunc(all, func(f *kong.Flag) bool {
		return f.Name == name || f.Tag != nil && f.Tag.Negatable != "" && "no-"+f.Name == name
	})
}

// TestLookUp: the test above finds what is not there.
func TestLookUp(t *testing.T) {
	t.Parallel()
	root := commandTable(t)
	for line, ok := range map[string]bool{
		"doctor": true, "doctor SHOP": true, "doctor --explain 40164": true, "audit list": true, "serve --data DIR # comment": true,
		"audit show X": true, "doktor": false, "audit frobnicate": false, "doctor --explane 1": false, "grant frobnicate g_1": false,
	} {
		if got := lookUp(root, strings.Fields(line)); (got == "") != ok {
			t.Errorf("%q: %q", line, got)
		}
	}
}
