package storecopy

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"

	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// digest adds up the hashes of rows: it does not depend on their order, which
// databases see differently, and a row that comes twice counts twice.
type digest [4]uint64

func (d *digest) add(row []byte) {
	h := sha256.Sum256(row)
	var carry uint64
	for i := range d {
		d[i], carry = bits.Add64(d[i], binary.LittleEndian.Uint64(h[8*i:]), carry)
	}
}

func (d digest) String() string {
	b := make([]byte, 0, sha256.Size)
	for _, part := range d {
		b = binary.BigEndian.AppendUint64(b, part)
	}
	return hex.EncodeToString(b)
}

// appendValue encodes a value so that no two rows look alike: its type, its
// length, and itself.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'n'), uint64(v))
	case string:
		return append(binary.BigEndian.AppendUint64(append(b, 't'), uint64(len(v))), v...)
	case []byte:
		return append(binary.BigEndian.AppendUint64(append(b, 'b'), uint64(len(v))), v...)
	}
	return append(b, '-')
}

// digest reads the whole table.
func (t table) digest(ctx context.Context, s *sqlstore.Side) (rows int64, sum string, err error) {
	columns, _, err := t.columns(ctx, s)
	if err != nil {
		return 0, "", err
	}
	var d digest
	var b []byte
	err = t.each(ctx, s, columns, func(values []any) error {
		b = b[:0]
		for _, v := range values {
			b = appendValue(b, v)
		}
		d.add(b)
		rows++
		return nil
	})
	return rows, d.String(), err
}
