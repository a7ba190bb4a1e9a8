package audit

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Record is an entry as it is stored.
type Record struct {
	Seq  int64     // from 0, without gaps; it is also the leaf's index
	Data []byte    // what Entry.Encode wrote
	Leaf tlog.Hash // tlog.RecordHash(Data)
}

// NewRecord makes the record that stands at seq.
func NewRecord(seq int64, data []byte) Record {
	return Record{Seq: seq, Data: data, Leaf: tlog.RecordHash(data)}
}

// Append computes what a log of size entries needs when leaves are added to
// it: the hashes to store, in order, beginning at index
// tlog.StoredHashIndex(0, size), and the root of the log after that.
//
// It calls read once at most, for no more than 63 hashes, and changes nothing
// by itself: the caller writes entries and hashes in one transaction, and
// keeps others from appending until it commits.
func Append(size int64, read tlog.HashReader, leaves [][]byte) ([]tlog.Hash, tlog.Hash, error) {
	f, err := readFrontier(size, read)
	if err != nil {
		return nil, tlog.Hash{}, err
	}
	hashes := make([]tlog.Hash, 0, 2*len(leaves)+1)
	for _, data := range leaves {
		hashes = f.push(tlog.RecordHash(data), hashes)
	}
	return hashes, f.root(), nil
}

// Root gives the root of a log of size entries from its stored hashes.
func Root(size int64, read tlog.HashReader) (tlog.Hash, error) {
	f, err := readFrontier(size, read)
	if err != nil {
		return tlog.Hash{}, err
	}
	return f.root(), nil
}

// frontier is the right edge of the tree: the roots of its full subtrees, the
// largest first. There is one for each bit that is set in size, so that its
// memory grows with the logarithm of the log.
type frontier struct {
	size  int64
	nodes []tlog.Hash
}

// readFrontier reads the right edge of a stored log.
func readFrontier(size int64, read tlog.HashReader) (*frontier, error) {
	if size < 0 {
		return nil, fmt.Errorf("audit: a log cannot have %d entries", size)
	}
	f := &frontier{size: size}
	if size == 0 {
		return f, nil
	}
	indexes := frontierIndexes(size)
	nodes, err := read.ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("audit: read the edge of a log of %d entries: %w", size, err)
	}
	if len(nodes) != len(indexes) {
		return nil, fmt.Errorf("audit: the edge of a log of %d entries has %d hashes, %d were read; run zhanggui audit verify",
			size, len(indexes), len(nodes))
	}
	f.nodes = append(f.nodes, nodes...)
	return f, nil
}

// frontierIndexes gives the stored-hash indexes of the full subtrees of a log,
// in increasing order.
func frontierIndexes(size int64) []int64 {
	var indexes []int64
	start := int64(0)
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if size&(1<<level) != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, start>>level))
			start += 1 << level
		}
	}
	return indexes
}

// push adds a leaf and appends to out the hashes that it completes, in
// stored-hash order: the leaf itself, then every subtree that is now full.
func (f *frontier) push(leaf tlog.Hash, out []tlog.Hash) []tlog.Hash {
	h := leaf
	out = append(out, h)
	for range bits.TrailingZeros64(uint64(f.size + 1)) {
		last := len(f.nodes) - 1
		h = tlog.NodeHash(f.nodes[last], h)
		f.nodes = f.nodes[:last]
		out = append(out, h)
	}
	f.nodes = append(f.nodes, h)
	f.size++
	return out
}

// root folds the edge into the root of the tree.
func (f *frontier) root() tlog.Hash {
	if len(f.nodes) == 0 {
		empty, _ := tlog.TreeHash(0, nil) // reads nothing, cannot fail
		return empty
	}
	last := len(f.nodes) - 1
	h := f.nodes[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(f.nodes[i], h)
	}
	return h
}
