package audit

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

func TestHeadFileKeepsWhatItTook(t *testing.T) {
	w := newWorld(t, testSigner(t), 9, everyThird)
	path := filepath.Join(t.TempDir(), HeadsFile)
	for _, c := range w.checkpoints { // opened anew each time, as after restarts
		appendHead(t, path, c)
	}
	notes, err := ReadHeadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(notes, w.heads, bytes.Equal) {
		t.Errorf("read back %d notes that differ from the %d written", len(notes), len(w.heads))
	}
}

// TestHeadFileTorn cuts the file at every byte: whole records before the cut
// are read, and the next head is appended in place of the torn one.
func TestHeadFileTorn(t *testing.T) {
	w := newWorld(t, testSigner(t), 6, everyThird)
	dir := t.TempDir()
	path := filepath.Join(dir, HeadsFile)
	appendHead(t, path, w.checkpoints[0])
	first := len(mustRead(t, path))
	appendHead(t, path, w.checkpoints[1])
	whole := mustRead(t, path)
	for cut := range len(whole) {
		if err := os.WriteFile(path, []byte(whole[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		want := w.heads[:0]
		if cut >= first {
			want = w.heads[:1]
		}
		if got, err := ReadHeadFile(path); err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("cut at %d: %d notes, %v; want %d", cut, len(got), err, len(want))
		}
		appendHead(t, path, w.checkpoints[1])
		got, err := ReadHeadFile(path)
		if err != nil || len(got) != len(want)+1 || !bytes.Equal(got[len(want)], w.heads[1]) {
			t.Fatalf("cut at %d, appended: %d notes, %v", cut, len(got), err)
		}
	}
}

func TestReadHeadFileAbsent(t *testing.T) {
	if notes, err := ReadHeadFile(filepath.Join(t.TempDir(), HeadsFile)); err != nil || notes != nil {
		t.Errorf("absent file: %v, %v", notes, err)
	}
}

func TestHeadFileRefusesAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), HeadsFile)
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a head\n"), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenHeadFile(path); err == nil {
		t.Error("a file of something else was opened, and would have been cut")
	}
	if _, err := ReadHeadFile(path); err == nil {
		t.Error("a file of something else was read")
	}
	if got := mustRead(t, path); len(got) != 110_000 {
		t.Errorf("the file was changed to %d bytes", len(got))
	}
}

// flakyFile fails its next write after some bytes, or its next sync.
type flakyFile struct {
	data      []byte
	failWrite bool
	failSync  bool
}

var errFull = errors.New("no space left")

func (f *flakyFile) WriteAt(b []byte, off int64) (int, error) {
	if f.failWrite {
		b = b[:len(b)/2]
	}
	f.data = append(f.data[:off], b...)
	if f.failWrite {
		return len(b), errFull
	}
	return len(b), nil
}

func (f *flakyFile) Truncate(size int64) error { f.data = f.data[:size]; return nil }
func (f *flakyFile) Close() error              { return nil }
func (f *flakyFile) Sync() error {
	if f.failSync {
		return errFull
	}
	return nil
}

// A write that failed, halfway or after it landed, leaves no trace behind the
// next one.
func TestHeadFileAfterAFailedWrite(t *testing.T) {
	w := newWorld(t, testSigner(t), 9, everyThird)
	for _, fail := range []func(f *flakyFile, on bool){
		func(f *flakyFile, on bool) { f.failWrite = on },
		func(f *flakyFile, on bool) { f.failSync = on },
	} {
		disk := &flakyFile{}
		h := &HeadFile{file: disk}
		if err := h.Append(w.checkpoints[0]); err != nil {
			t.Fatal(err)
		}
		fail(disk, true)
		if err := h.Append(w.checkpoints[1]); !errors.Is(err, errFull) || !strings.Contains(err.Error(), "disk") {
			t.Fatalf("error = %v", err)
		}
		fail(disk, false)
		if err := h.Append(w.checkpoints[2]); err != nil {
			t.Fatal(err)
		}
		notes, end, err := ReadHeads(bytes.NewReader(disk.data))
		want := [][]byte{w.heads[0], w.heads[2]}
		if err != nil || end != int64(len(disk.data)) || !slices.EqualFunc(notes, want, bytes.Equal) {
			t.Errorf("%d notes to byte %d of %d, %v", len(notes), end, len(disk.data), err)
		}
	}
}

func appendHead(t *testing.T, path string, c Checkpoint) {
	t.Helper()
	h, err := OpenHeadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Append(c); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzReadHeads(f *testing.F) {
	w := newWorld(f, testSigner(f), 6, everyThird)
	whole := append(append(bytes.Clone(w.heads[0]), '\n'), append(w.heads[1], '\n')...)
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add([]byte("\n\n\n\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, file := range [][]byte{b, append(bytes.Repeat(append(bytes.Clone(w.heads[0]), '\n'), 900), b...)} {
			if got, err := FindHead(bytes.NewReader(file), int64(len(file)), 6); err == nil && got != nil && !bytes.Contains(file, got) {
				t.Fatalf("found %q, which is not there", got)
			}
		}
		notes, end, err := ReadHeads(bytes.NewReader(b))
		if end < 0 || end > int64(len(b)) {
			t.Fatalf("whole records end at %d of %d", end, len(b))
		}
		if err != nil {
			return
		}
		var again []byte
		for _, n := range notes {
			again = append(append(again, n...), '\n')
		}
		if !bytes.Equal(again, b[:end]) {
			t.Errorf("the notes do not make up the file again")
		}
	})
}

// TestLongHeadFileIsOpenedFromItsEnd: whatever the end looks like, a long file is
// cut where a short one would be.
func TestLongHeadFileIsOpenedFromItsEnd(t *testing.T) {
	w := newWorld(t, testSigner(t), 6, everyThird)
	path := filepath.Join(t.TempDir(), HeadsFile)
	appendHead(t, path, w.checkpoints[0])
	one := mustRead(t, path)
	appendHead(t, path, w.checkpoints[1])
	two := mustRead(t, path)[len(one):]
	long := strings.Repeat(one, 5*maxHead/len(one))
	for cut := range len(two) + 1 {
		if err := os.WriteFile(path, []byte(long+two[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := OpenHeadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		newest, want := w.heads[0], len(long)
		if cut == len(two) {
			newest, want = w.heads[1], len(long)+len(two)
		}
		if got := len(mustRead(t, path)); got != want || !bytes.Equal(h.Newest(), newest) {
			t.Errorf("cut at %d: %d bytes are left, want %d; newest note %q", cut, got, want, h.Newest())
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 5*maxHead), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenHeadFile(path); err == nil {
		t.Error("a long file of something else was opened")
	}
}

// TestFindHead: in a long file as in a short one each head is found, and what is not
// there is not.
func TestFindHead(t *testing.T) {
	s := testSigner(t)
	for _, heads := range []int{0, 1, 3, 3000} {
		var file bytes.Buffer
		for i := range heads {
			c, err := s.SignHead(int64(10*i+10), tlog.Hash{byte(i)}, time.Date(2026, 1, 2, 3, i, 0, 0, time.UTC))
			if err != nil {
				t.Fatal(err)
			}
			file.Write(append(c.SignedNote, '\n'))
			if i%7 == 0 { // signed again, as after a crash
				file.Write(append(c.SignedNote, '\n'))
			}
		}
		file.WriteString("zhanggui-audit\n99999") // torn
		r, length := bytes.NewReader(file.Bytes()), int64(file.Len())
		for i := range heads + 2 {
			for _, off := range []int64{0, 5} {
				size := int64(10*i) + off
				got, err := FindHead(r, length, size)
				if err != nil || (got != nil) != (off == 0 && i > 0 && i <= heads) {
					t.Fatalf("of %d heads, one of %d entries: %q, %v", heads, size, got, err)
				}
				if got == nil {
					continue
				}
				if c, err := OpenCheckpoint(got, s.Verifier()); err != nil || c.Size != size {
					t.Fatalf("found the head of %d entries in place of %d: %v", c.Size, size, err)
				}
			}
		}
	}
	if _, err := FindHead(strings.NewReader(strings.Repeat("x", 20*maxHead)), 20*maxHead, 7); err == nil {
		t.Error("something was found in another file")
	}
}
