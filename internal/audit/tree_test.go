package audit

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// TestAppendAgreesWithTlog compares our arithmetic with that of package tlog,
// for every size and several batch lengths.
func TestAppendAgreesWithTlog(t *testing.T) {
	for _, batch := range []int{1, 2, 3, 7, 64} {
		var w world
		var want []tlog.Hash
		reader := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
			out := make([]tlog.Hash, len(idx))
			for i, x := range idx {
				out[i] = want[x]
			}
			return out, nil
		})
		for n := int64(0); n < 130; {
			var leaves [][]byte
			for range batch {
				data := fmt.Appendf(nil, "leaf %d", n)
				leaves = append(leaves, data)
				hashes, err := tlog.StoredHashes(n, data, reader)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, hashes...)
				n++
			}
			if err := w.append(leaves...); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(w.hashes, want) {
				t.Fatalf("batch %d, size %d: stored hashes differ", batch, n)
			}
			wantRoot, err := tlog.TreeHash(n, reader)
			if err != nil {
				t.Fatal(err)
			}
			if root, err := Root(n, &w); err != nil || root != wantRoot {
				t.Fatalf("batch %d, size %d: root %v, %v; want %v", batch, n, root, err, wantRoot)
			}
		}
	}
}

func TestAppendNothing(t *testing.T) {
	w := newWorld(t, testSigner(t), 5, everyThird)
	hashes, root, err := Append(5, w, nil)
	if err != nil || len(hashes) != 0 || root != w.checkpoints[len(w.checkpoints)-1].Root {
		t.Errorf("Append of nothing = %v, %v, %v", hashes, root, err)
	}
}

func TestAppendReadsOnce(t *testing.T) {
	w := newWorld(t, testSigner(t), 7, everyThird)
	reads := 0
	reader := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		reads++
		return w.ReadHashes(idx)
	})
	if _, _, err := Append(7, reader, [][]byte{[]byte("a"), []byte("b"), []byte("c")}); err != nil || reads != 1 {
		t.Errorf("%d reads, %v", reads, err)
	}
}

func TestAppendErrors(t *testing.T) {
	broken := errors.New("no disk")
	fail := tlog.HashReaderFunc(func([]int64) ([]tlog.Hash, error) { return nil, broken })
	short := tlog.HashReaderFunc(func([]int64) ([]tlog.Hash, error) { return nil, nil })
	if _, _, err := Append(3, fail, nil); !errors.Is(err, broken) {
		t.Errorf("failing reader: %v", err)
	}
	if _, _, err := Append(3, short, nil); err == nil {
		t.Error("a reader that gives too few hashes was believed")
	}
	if _, _, err := Append(-1, short, nil); err == nil {
		t.Error("a negative size was accepted")
	}
	if _, err := Root(3, fail); !errors.Is(err, broken) {
		t.Errorf("Root with failing reader: %v", err)
	}
}
