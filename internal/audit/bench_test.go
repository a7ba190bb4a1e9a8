package audit

import (
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// BenchmarkAppend adds one entry of 300 bytes to a log of a million.
func BenchmarkAppend(b *testing.B) {
	const size = 1_000_000
	read := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) { return make([]tlog.Hash, len(idx)), nil })
	leaves := [][]byte{make([]byte, 300)}
	for b.Loop() {
		if _, _, err := Append(size, read, leaves); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify tells the time for one entry of 300 bytes, with a head
// after every 1,000.
func BenchmarkVerify(b *testing.B) {
	const size = 100_000
	w := &world{signer: testSigner(b)}
	for i := range size {
		data := make([]byte, 300)
		data[0] = byte(i)
		if err := w.append(data); err != nil {
			b.Fatal(err)
		}
		if (i+1)%1000 == 0 {
			if err := w.sign(); err != nil {
				b.Fatal(err)
			}
		}
	}
	entries := 0
	for b.Loop() {
		r, err := Verify(w.input())
		if err != nil || !r.OK() {
			b.Fatalf("%v, %v", r.Problems, err)
		}
		entries += size
	}
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
}
