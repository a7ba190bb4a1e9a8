package vault

import (
	"encoding/binary"
	"fmt"
)

// Cell is the place of a sealed value: a ciphertext opens in the cell it was
// sealed for and nowhere else. Make cells with the functions of this package,
// so that every place of the program is listed in one file.
type Cell struct {
	Table      string
	Column     string
	Row        string // the row's id, ours
	Kind       string // what sort of secret it is
	Generation int64  // which of the row's successive secrets
}

// cellVersion is the first byte of an encoded cell.
const cellVersion = 1

// encode gives the associated data:
//
//	0x01 │ len │ table │ len │ column │ len │ row │ len │ kind │ generation
//	 1   │ 4   │       │ 4   │        │ 4   │     │ 4   │      │ 8 bytes
//
// Numbers are big-endian. Lengths come first, so that two different cells never
// have one encoding.
func (c Cell) encode() []byte {
	b := make([]byte, 0, 1+4*4+len(c.Table)+len(c.Column)+len(c.Row)+len(c.Kind)+8)
	b = append(b, cellVersion)
	for _, s := range []string{c.Table, c.Column, c.Row, c.Kind} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return binary.BigEndian.AppendUint64(b, uint64(c.Generation))
}

// String names the cell in messages. It holds ids of ours only.
func (c Cell) String() string {
	return fmt.Sprintf("%s.%s of %q, generation %d", c.Table, c.Column, c.Row, c.Generation)
}
