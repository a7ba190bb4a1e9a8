package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

var summaryKey = []byte("a key that the database does not have")

func summary(t testing.TB, l *Grants, root tlog.Hash) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := l.WriteSummary(&b, root, summaryKey); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(b, key []byte) (*Grants, tlog.Hash, error) {
	return ReadSummary(bytes.NewReader(b), int64(len(b)), key)
}

// A reader that goes on from a summary finds what one finds that read all.
func TestSummaryStandsForTheEntriesBeforeIt(t *testing.T) {
	log, rows := story(t)
	log = append(log, speak(t, GrantSettle, "", about("g_b", "2 cb")), speak(t, GrantSettle, "", map[string]string{"g_b": "3 db", "g_new": "1 aa"}))
	damaged := append(rows[1:3:3], Kept{Grant: "g_x", Digest: "xx"})
	for cut := range len(log) + 1 {
		half, root, err := read(summary(t, listen(log[:cut]), tlog.RecordHash(log[0])), summaryKey)
		if err != nil || root != tlog.RecordHash(log[0]) || half.Size() != int64(cut) {
			t.Fatalf("after %d entries: %d, root %v, %v", cut, half.Size(), root, err)
		}
		for i, b := range log[cut:] {
			half.Read(NewRecord(int64(cut+i), b))
		}
		for _, rows := range [][]Kept{rows, damaged, nil} {
			if diff := cmp.Diff(listen(log).Compare(rows), half.Compare(rows)); diff != "" {
				t.Errorf("after %d entries (-whole +summary):\n%s", cut, diff)
			}
		}
	}
}

// However many grants come in whatever order, each is found again.
func TestGrantsAreFoundAgain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var l Grants
		want := map[string]Kept{}
		for seq := range rapid.IntRange(1, 3).Draw(rt, "entries") {
			details := map[string]string{}
			for range rapid.IntRange(1, 6000).Draw(rt, "grants") {
				n := rapid.Uint16().Draw(rt, "id")
				k := Kept{Grant: fmt.Sprintf("g_%05d", n), Generation: int64(seq) + 1, Digest: fmt.Sprintf("%032x", n)}
				details[k.Grant] = fmt.Sprintf("%d %s", k.Generation, k.Digest)
				want[k.Grant] = k
			}
			l.Read(NewRecord(int64(seq), speak(t, GrantSettle, "", details)))
		}
		if l.Len() != len(want) {
			rt.Fatalf("%d grants, want %d", l.Len(), len(want))
		}
		back, _, err := read(summary(t, &l, tlog.Hash{}), summaryKey)
		if err != nil {
			rt.Fatal(err)
		}
		for _, l := range []*Grants{&l, back} {
			l.Begin()
			for _, k := range want {
				if d, ok := l.Check(k); !ok {
					rt.Fatal(d)
				}
			}
			if missed := l.Missed(); len(missed) > 0 {
				rt.Fatal(missed)
			}
		}
	})
}

func TestBadSummaryIsRefused(t *testing.T) {
	log, _ := story(t)
	good := summary(t, listen(log), tlog.Hash{1})
	changed := func(i int) []byte { b := bytes.Clone(good); b[i] ^= 1; return b }
	for name, b := range map[string][]byte{
		"nothing":            nil,
		"another file":       bytes.Repeat([]byte("not a summary"), 20),
		"another version":    changed(len(summaryMagic) - 2),
		"size changed":       changed(len(summaryMagic) + 7),
		"root changed":       changed(len(summaryMagic) + 8),
		"count changed":      changed(summaryHeader - 1),
		"grant changed":      changed(summaryHeader + 40),
		"MAC changed":        changed(len(good) - 1),
		"end cut off":        good[:len(good)-1],
		"last grant cut off": good[:len(good)-summaryRecord],
		"more at the end":    append(bytes.Clone(good), 0),
	} {
		if _, _, err := read(b, summaryKey); !errors.Is(err, ErrSummary) {
			t.Errorf("%s: %v, want %v", name, err, ErrSummary)
		}
	}
	if _, _, err := read(good, []byte("another key")); !errors.Is(err, ErrSummary) {
		t.Errorf("with another key: %v", err)
	}
	huge := listen([][]byte{speak(t, GrantSettle, "", about("g_a", "9223372036854775807 aa"))})
	if err := huge.WriteSummary(&bytes.Buffer{}, tlog.Hash{}, summaryKey); !errors.Is(err, ErrSummary) {
		t.Errorf("a generation without room: %v", err)
	}
}

func FuzzReadSummary(f *testing.F) {
	log, rows := story(f)
	good := summary(f, listen(log), tlog.Hash{1})
	f.Add(good, false)
	f.Add(good[:len(good)-sha256.Size], true)
	f.Add(append(good[:summaryHeader:summaryHeader], 1, 2, 3), true)
	f.Add([]byte(nil), true)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal {
			b = sealed(b)
		}
		l, root, err := read(b, summaryKey)
		if err != nil {
			if !errors.Is(err, ErrSummary) {
				t.Error(err)
			}
			return
		}
		l.Compare(rows)
		var again bytes.Buffer
		if err := l.WriteSummary(&again, root, summaryKey); err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkSummary tells how long a million grants take to read and to write,
// and how large they are.
func BenchmarkSummary(b *testing.B) {
	const grants = 1_000_000
	var l Grants
	for seq := range grants / 100 {
		details := make(map[string]string, 100)
		for i := range 100 {
			n := (seq*100 + i) * 7919 % grants
			details[fmt.Sprintf("g_%026d", n)] = fmt.Sprintf("1 %032x", n)
		}
		l.Read(NewRecord(int64(seq), speak(b, GrantSettle, "", details)))
	}
	data := summary(b, &l, tlog.Hash{})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := read(data, summaryKey); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(data))/grants, "B/grant")
	})
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			summary(b, &l, tlog.Hash{})
		}
	})
}

// BenchmarkGrants tells what one renewal costs in an entry of a hundred, and in
// one of its own.
func BenchmarkGrants(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			details := make(map[string]string, batch)
			for i := range batch {
				details[fmt.Sprintf("g_%026d", i)] = fmt.Sprintf("1 %032x", i)
			}
			data := speak(b, GrantSettle, "", details)
			r := NewRecord(0, data)
			var l Grants
			n := 0
			for b.Loop() {
				l.Read(r)
				n += batch
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/renewal")
		})
	}
}

// sealed adds the MAC that belongs to b, so that what is behind it is tested too.
func sealed(b []byte) []byte {
	mac := hmac.New(sha256.New, summaryKey)
	mac.Write(b)
	return mac.Sum(bytes.Clone(b))
}
