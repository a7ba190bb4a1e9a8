package audit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed head: at a moment, the log had this size and root.
type Checkpoint struct {
	Size       int64
	Root       tlog.Hash
	SignedNote []byte    // the whole signed note; the other fields stand in it
	At         time.Time // milliseconds, UTC
}

// The text of a signed head is a checkpoint in C2SP's form
// (c2sp.org/tlog-checkpoint) with one extension line:
//
//	zhanggui-audit                                   origin, the key's name
//	1234                                             entries, decimal
//	mCQqwTIjqpFyKqcuuNQ4pHQnXHoICBm1dqbNrXvcVBs=     root, base64
//	time 2026-01-02T03:04:05.678Z                    when, UTC, milliseconds
//
//	— zhanggui-audit Zm9v…                           signature line
const (
	headTimePrefix = "time "
	headTimeLayout = "2006-01-02T15:04:05.000Z"
)

// formatHead gives the text that is signed.
func formatHead(origin string, size int64, root tlog.Hash, at time.Time) string {
	return fmt.Sprintf("%s\n%d\n%s\n%s%s\n", origin, size, root, headTimePrefix, at.UTC().Format(headTimeLayout))
}

// OpenCheckpoint checks the signature of a signed note and gives what it says.
// It refuses a note that was signed by another key, names another origin, or is
// written in another form.
func OpenCheckpoint(signed []byte, v note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: signed head: %w", err)
	}
	c, err := parseHead(n.Text, v.Name())
	if err != nil {
		return Checkpoint{}, err
	}
	c.SignedNote = signed
	return c, nil
}

// maxSize bounds the logs that are believed in. Near the end of 64 bits the arithmetic of
// trees does not come to an end, and the key of another server may sign anything.
const maxSize = 1 << 52

var errHeadForm = errors.New("audit: a head is four lines: origin, size, root, time")

// parseHead reads what formatHead wrote, and nothing else: a text that it
// accepts is the text that it would write.
func parseHead(text, origin string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[0] != origin {
		return Checkpoint{}, errHeadForm
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size >= maxSize {
		return Checkpoint{}, errHeadForm
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, errHeadForm
	}
	stamp, _ := strings.CutPrefix(lines[3], headTimePrefix)
	at, err := time.Parse(headTimeLayout, stamp)
	if err != nil || formatHead(origin, size, root, at) != text {
		return Checkpoint{}, errHeadForm
	}
	return Checkpoint{Size: size, Root: root, At: at}, nil
}
