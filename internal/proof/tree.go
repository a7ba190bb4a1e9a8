package proof

import (
	"bytes"
	"crypto/sha256"
)

// tree computes the root of an RFC 6962 tree and the hashes that the database
// keeps of it: each leaf, followed by every full subtree that it completes.
type tree struct {
	size   int64
	edge   [][]byte // roots of full subtrees, the largest first
	stored [][]byte
	roots  [][]byte // by size, from 0
}

func newTree(leaves [][]byte) *tree {
	empty := sha256.Sum256(nil)
	t := &tree{roots: [][]byte{empty[:]}}
	for _, leaf := range leaves {
		t.add(leaf)
	}
	return t
}

// leafHash is SHA-256 over 0x00 and the entry.
func leafHash(data []byte) []byte {
	h := sha256.Sum256(append([]byte{0}, data...))
	return h[:]
}

// nodeHash is SHA-256 over 0x01 and both children.
func nodeHash(left, right []byte) []byte {
	h := sha256.Sum256(bytes.Join([][]byte{{1}, left, right}, nil))
	return h[:]
}

func (t *tree) add(leaf []byte) {
	h := leaf
	t.stored = append(t.stored, h)
	for n := t.size; n&1 == 1; n >>= 1 {
		h = nodeHash(t.edge[len(t.edge)-1], h)
		t.edge = t.edge[:len(t.edge)-1]
		t.stored = append(t.stored, h)
	}
	t.edge = append(t.edge, h)
	t.size++
	root := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		root = nodeHash(t.edge[i], root)
	}
	t.roots = append(t.roots, root)
}
