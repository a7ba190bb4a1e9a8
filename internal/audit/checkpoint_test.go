package audit

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A key pair of no importance, so that the form of a signed head is frozen.
const (
	goldenKey  = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
	goldenHead = "PeterNeumann\n1234\nAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ntime 2026-01-02T03:04:05.678Z\n"
)

func TestSignedHeadForm(t *testing.T) {
	s, _, err := parseSigner(goldenKey)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 11, 4, 5, 678_901_234, time.FixedZone("CST", 8*3600))
	c, err := s.SignHead(1234, tlog.Hash{1}, at)
	if err != nil {
		t.Fatal(err)
	}
	text, sig, _ := strings.Cut(string(c.SignedNote), "\n\n")
	if text+"\n" != goldenHead {
		t.Errorf("text = %q, want %q", text+"\n", goldenHead)
	}
	if !strings.HasPrefix(sig, "— PeterNeumann ") || strings.Count(sig, "\n") != 1 {
		t.Errorf("signature line = %q", sig)
	}
	got, err := OpenCheckpoint(c.SignedNote, s.Verifier())
	if err != nil || !got.At.Equal(c.At) || got.Size != c.Size || got.Root != c.Root {
		t.Errorf("opened %+v, %v; signed %+v", got, err, c)
	}
}

// Even with a good signature, a text of another form says nothing.
func TestOpenCheckpointRefusesOtherTexts(t *testing.T) {
	s, _, err := parseSigner(goldenKey)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"another origin":   strings.Replace(goldenHead, "PeterNeumann", "somebody", 1),
		"leading zero":     strings.Replace(goldenHead, "1234", "01234", 1),
		"plus sign":        strings.Replace(goldenHead, "1234", "+1234", 1),
		"negative size":    strings.Replace(goldenHead, "1234", "-1", 1),
		"no number":        strings.Replace(goldenHead, "1234", "many", 1),
		"huge size":        strings.Replace(goldenHead, "1234", "99999999999999999999", 1),
		"endless size":     strings.Replace(goldenHead, "1234", "9223372036854775807", 1),
		"short root":       strings.Replace(goldenHead, "AQAA", "AQ==", 1),
		"no time":          strings.Replace(goldenHead, "time ", "date ", 1),
		"time with offset": strings.Replace(goldenHead, "678Z", "678+08:00", 1),
		"no milliseconds":  strings.Replace(goldenHead, ".678Z", "Z", 1),
		"further line":     goldenHead + "more\n",
		"missing line":     "PeterNeumann\n1234\n",
	}
	for name, text := range tests {
		signed, err := note.Sign(&note.Note{Text: text}, s.signer)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := OpenCheckpoint(signed, s.Verifier()); err == nil {
			t.Errorf("%s: accepted as %+v", name, c)
		}
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add(goldenHead)
	f.Add(strings.Replace(goldenHead, "1234", "0", 1))
	f.Add("PeterNeumann\n\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseHead(text, "PeterNeumann")
		if err != nil {
			return
		}
		if again := formatHead("PeterNeumann", c.Size, c.Root, c.At); again != text {
			t.Errorf("%q was read as %q", text, again)
		}
	})
}
