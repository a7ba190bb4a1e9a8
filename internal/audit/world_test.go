package audit

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is a log with its evidence, in memory.
type world struct {
	records     []Record
	hashes      []tlog.Hash
	checkpoints []Checkpoint
	heads       [][]byte
	signer      *Signer
}

// ReadHashes implements tlog.HashReader.
func (w *world) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, idx := range indexes {
		if idx >= int64(len(w.hashes)) {
			return nil, fmt.Errorf("no hash %d", idx)
		}
		out[i] = w.hashes[idx]
	}
	return out, nil
}

func testSigner(t testing.TB) *Signer {
	t.Helper()
	s, err := OpenSigner(t.TempDir(), "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// append adds entries as a store would.
func (w *world) append(leaves ...[]byte) error {
	size := int64(len(w.records))
	hashes, _, err := Append(size, w, leaves)
	if err != nil {
		return err
	}
	w.hashes = append(w.hashes, hashes...)
	for i, data := range leaves {
		w.records = append(w.records, NewRecord(size+int64(i), data))
	}
	return nil
}

// sign signs the head as it is and puts it in both places.
func (w *world) sign() error {
	size := int64(len(w.records))
	root, err := Root(size, w)
	if err != nil {
		return err
	}
	c, err := w.signer.SignHead(size, root, epoch.Add(time.Duration(size)*time.Second))
	if err != nil {
		return err
	}
	w.heads = append(w.heads, c.SignedNote)
	w.checkpoints = append(w.checkpoints, c)
	return nil
}

// rebuild makes every hash anew from the data, as somebody would who can write
// to the database and has not the key.
func (w *world) rebuild() {
	records := w.records
	w.records, w.hashes = nil, nil
	for _, r := range records {
		if err := w.append(r.Data); err != nil {
			panic(err)
		}
	}
}

func (w *world) input() VerifyInput {
	return VerifyInput{
		Records: records(w.records),
		StoredHash: func(idx int64) (tlog.Hash, bool, error) {
			if idx >= int64(len(w.hashes)) || w.hashes[idx] == (tlog.Hash{}) {
				return tlog.Hash{}, false, nil
			}
			return w.hashes[idx], true, nil
		},
		Checkpoints: w.checkpoints,
		Heads:       w.heads,
		Verifier:    w.signer.Verifier(),
	}
}

func records(all []Record) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// newWorld makes a log of n different entries with a head after each size
// that headAt picks, and after the last entry.
func newWorld(t testing.TB, s *Signer, n int, headAt func(size int) bool) *world {
	t.Helper()
	w := &world{signer: s}
	for i := range n {
		err := w.append(fmt.Appendf(nil, `{"n":%d}`, i))
		if err == nil && (i == n-1 || headAt(i+1)) {
			err = w.sign()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}
