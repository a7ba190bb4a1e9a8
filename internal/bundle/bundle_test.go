package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/bundle"
)

var made = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func contents() bundle.Contents {
	return bundle.Contents{
		Made:     made,
		Program:  bundle.Program{Version: "v1", Database: "sqlite", Schema: 30},
		Settings: []bundle.Setting{{Name: "quota", Value: "on", Set: true}, {Name: "database", Set: true}},
		Counts:   bundle.Counts{Grants: []bundle.GrantCount{{Kind: "self", State: "active", N: 3}}},
		Findings: []bundle.Finding{{Check: "address", Subject: "shop:lantian", Verdict: "wrong", ErrCode: 40164}},
		Metrics:  []byte("zhanggui_alerts 0\n"), Goroutines: []byte("goroutine profile: total 3\n"),
	}
}

// open reads the files of a bundle.
func open(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	files, first := map[string]string{}, ""
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode != 0o600 || !h.ModTime.Equal(made) {
			t.Errorf("%s has mode %o and is of %v", h.Name, h.Mode, h.ModTime)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(h.Name, "zhanggui-support/")
		if first == "" {
			first = name
		}
		files[name] = string(body)
	}
	if first != bundle.ManifestFile {
		t.Errorf("the first file is %s", first)
	}
	return files
}

// TestWrite: the manifest lists each file with its reason, and names what is not there.
func TestWrite(t *testing.T) {
	t.Parallel()
	c := contents()
	c.Missing = map[string]bundle.Word{"audit.json": "the store did not answer"}
	var b bytes.Buffer
	m, err := c.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	files := open(t, b.Bytes())
	if len(files) != len(m.Files)+1 || files["audit.json"] != "" || len(m.Files) != 8 {
		t.Errorf("%d files are written, %d are listed", len(files), len(m.Files))
	}
	for _, f := range m.Files {
		if f.Why == "" || len(files[f.Name]) != f.Bytes || f.Bytes == 0 {
			t.Errorf("%s is listed as %+v, and has %d bytes", f.Name, f, len(files[f.Name]))
		}
	}
	var read bundle.Manifest
	if err := json.Unmarshal([]byte(files[bundle.ManifestFile]), &read); err != nil || read.Missing["audit.json"] == "" || read.Never == "" {
		t.Errorf("the manifest says %+v, %v", read, err)
	}
	if files["metrics.txt"] != "zhanggui_alerts 0\n" || !strings.Contains(files["doctor.json"], "40164") {
		t.Errorf("files say otherwise than the contents: %q", files)
	}
}

// TestWords: what does not look like a word of ours is withheld.
func TestWords(t *testing.T) {
	t.Parallel()
	for word, want := range map[bundle.Word]string{
		"": "", "grant.needs_owner": "grant.needs_owner", "shop:lantian": "shop:lantian", "refresh-token": "refresh-token",
		"zgc_AAAABBBBCCCCDDDDEEEEFFFF22":        "(withheld)",
		"https://example.com":                   "(withheld)",
		"掌柜":                                    "(withheld)",
		"a\nb":                                  "(withheld)",
		bundle.Word(strings.Repeat("a", 81)):    "(withheld)",
		bundle.Word(strings.Repeat("token", 5)): strings.Repeat("token", 5),
	} {
		if got, err := word.MarshalText(); err != nil || string(got) != want {
			t.Errorf("%q becomes %q, %v, want %q", word, got, err, want)
		}
	}
}

// texts are the fields that hold sentences; each is written by this program alone.
// A new one needs a reason to be here.
var texts = map[string]bool{
	"Program.Version": true, "Program.Go": true, "Program.System": true, // of the build
	"Setting.Name": true, "Setting.Value": true, // cut down by the settings
	"Readiness.Degraded": true,                                           // sentences of ours
	"Finding.Cause":      true, "Finding.Next": true, "Fact.Value": true, // the doctor's
	"Contents.Metrics": true, "Contents.Goroutines": true,
}

// TestContentsHoldNoText: every field is a number, a time, a word, or one of the few
// that were looked at. No field takes whatever it is given.
func TestContentsHoldNoText(t *testing.T) {
	t.Parallel()
	seen := 0
	var look func(where string, x reflect.Type)
	look = func(where string, x reflect.Type) {
		switch {
		case x == reflect.TypeFor[time.Time]() || x == reflect.TypeFor[bundle.Word]():
		case x.Kind() == reflect.Struct:
			for f := range x.Fields() {
				look(x.Name()+"."+f.Name, f.Type)
			}
		case x.Kind() == reflect.Slice && x.Elem().Kind() != reflect.Uint8:
			look(where, x.Elem())
		case where == "Contents.Missing":
		case x.Kind() == reflect.Bool || x.Kind() == reflect.Int || x.Kind() == reflect.Int64:
		default:
			seen++
			if !texts[where] {
				t.Errorf("%s is a %s; make it a Word, or say here who writes it", where, x)
			}
		}
	}
	look("", reflect.TypeFor[bundle.Contents]())
	if seen != len(texts) {
		t.Errorf("%d fields hold text, and %d are named", seen, len(texts))
	}
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	c := contents()
	c.Goroutines = bytes.Repeat([]byte("x\n"), 1<<20)
	for _, after := range []int{0, 200} {
		if _, err := c.Write(&full{after}); !errors.Is(err, errFull) {
			t.Errorf("a writer that is full after %d bytes: %v", after, err)
		}
	}
}

var errFull = errors.New("full")

type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}
