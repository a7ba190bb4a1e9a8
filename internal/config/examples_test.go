package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a YAML block of a Markdown page. Its first line names the file it
// shows: "# zhanggui.yaml" for settings, "# manifest.yaml" for a manifest.
var block = regexp.MustCompile("(?ms)^```yaml\n# (zhanggui|manifest)\\.yaml.*?\n(.*?)^```")

func TestExamplesParse(t *testing.T) {
	for name, data := range inputs(t, "examples", 4) {
		kind := "zhanggui"
		if strings.HasPrefix(name, "manifest") {
			kind = "manifest"
		}
		parseExample(t, name, kind, data)
	}
	root := filepath.Join("..", "..")
	for _, dir := range []string{"docs", "deploy", "README.md", "README.zh-CN.md"} {
		if _, err := os.Stat(filepath.Join(root, dir)); err != nil {
			continue
		}
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
				return err
			}
			page, err := os.ReadFile(path)
			for _, m := range block.FindAllSubmatch(page, -1) {
				parseExample(t, path, string(m[1]), m[2])
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func parseExample(t *testing.T, name, kind string, data []byte) {
	t.Helper()
	var err error
	if kind == "manifest" {
		_, err = ParseManifest(name, data, Rules{Loopback: strings.Contains(string(data), "localhost")})
	} else {
		_, err = Load(Source{File: name, Data: data})
	}
	if err != nil {
		t.Errorf("the example of %s in %s: %v", kind, name, err)
	}
}

func TestExamplesInPagesAreFound(t *testing.T) {
	page := "text\n```yaml\n# zhanggui.yaml\nlisten: x\n```\n\n```yaml\nother: y\n```\n```yaml\n# manifest.yaml, in part\napps: []\n```\n"
	var got []string
	for _, m := range block.FindAllStringSubmatch(page, -1) {
		got = append(got, m[1]+"="+m[2])
	}
	if strings.Join(got, "|") != "zhanggui=listen: x\n|manifest=apps: []\n" {
		t.Errorf("found %q", got)
	}
}
