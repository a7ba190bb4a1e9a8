package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// LogPrune is the action of entries that say which older entries were moved out
// of the database. Their detail "statement" holds the signed note of a [Pruning].
const LogPrune = "log.prune"

// pruneStatement is the detail of a [LogPrune] entry that holds the note.
const pruneStatement = "statement"

// Pruning states that the entries From to To-1 were moved into an archive file,
// except for some that stay. Their hashes stay in the database, so that every
// head and proof still verifies. It is signed with the key of the heads, which is
// kept outside the database: whoever can only write to the database cannot pass
// off a cut as a pruning.
type Pruning struct {
	From, To   int64     // the first entry, and the one after the last
	Root       tlog.Hash // of the first To entries
	Kept       int64     // how many of them stay in the database
	KeptSum    [32]byte  // see [SeqSum]
	Archive    [32]byte  // SHA-256 of the archive file
	At         time.Time // milliseconds, UTC
	SignedNote []byte    // the whole signed note; the other fields stand in it
}

// The text of a pruning. No head reads like it: its second line is no number.
//
//	zhanggui-audit                  origin, the key's name
//	pruned 0 20000                  From and To
//	mCQqwTIjqpFyKq…=                root of the first To entries
//	kept 12 9f86d081884c7d65…       how many stay, and the digest of their numbers
//	archive 60303ae22b998861…       SHA-256 of the archive
//	time 2026-01-02T03:04:05.678Z
func (p Pruning) text(origin string) string {
	return fmt.Sprintf("%s\npruned %d %d\n%s\nkept %d %x\narchive %x\n%s%s\n",
		origin, p.From, p.To, p.Root, p.Kept, p.KeptSum, p.Archive, headTimePrefix, p.At.UTC().Format(headTimeLayout))
}

// SignPruning signs p and gives it with its note.
func (s *Signer) SignPruning(p Pruning) (Pruning, error) {
	p.At = p.At.UTC().Truncate(time.Millisecond)
	signed, err := note.Sign(&note.Note{Text: p.text(s.signer.Name())}, s.signer)
	if err != nil {
		return Pruning{}, fmt.Errorf("audit: sign the pruning of %s: %w", span(p.From, p.To-1), err)
	}
	p.SignedNote = signed
	return p, nil
}

// OpenPruning checks the signature of a note and gives what it says.
func OpenPruning(signed []byte, v note.Verifier) (Pruning, error) {
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Pruning{}, fmt.Errorf("audit: signed pruning: %w", err)
	}
	return parsePruning(n.Text, v.Name(), signed)
}

var errPruneForm = errors.New("audit: a pruning is six lines: origin, entries, root, what is kept, archive, time")

// parsePruning reads what Pruning.text wrote, and nothing else.
func parsePruning(text, origin string, signed []byte) (Pruning, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 7 {
		return Pruning{}, errPruneForm
	}
	p := Pruning{SignedNote: signed}
	var err [5]error
	if _, e := fmt.Sscanf(lines[1], "pruned %d %d", &p.From, &p.To); e != nil || p.From < 0 || p.To <= p.From {
		return Pruning{}, errPruneForm
	}
	p.Root, err[0] = tlog.ParseHash(lines[2])
	kept := strings.Split(lines[3], " ")
	if len(kept) != 3 {
		return Pruning{}, errPruneForm
	}
	p.Kept, err[1] = strconv.ParseInt(kept[1], 10, 64)
	p.KeptSum, err[2] = parseSum(kept[2])
	p.Archive, err[3] = parseSum(strings.TrimPrefix(lines[4], "archive "))
	p.At, err[4] = time.Parse(headTimeLayout, strings.TrimPrefix(lines[5], headTimePrefix))
	if errors.Join(err[:]...) != nil || p.text(origin) != text {
		return Pruning{}, errPruneForm
	}
	return p, nil
}

func parseSum(text string) (sum [32]byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(sum) {
		return sum, errPruneForm
	}
	return [32]byte(b), nil
}

// Entry gives the entry that records the pruning.
func (p Pruning) Entry(by Actor) Entry {
	return Entry{At: p.At, Actor: by, Action: LogPrune, Subject: "audit", Outcome: Done, Count: p.To - p.From - p.Kept, Details: map[string]string{
		"from": strconv.FormatInt(p.From, 10), "to": strconv.FormatInt(p.To, 10), "kept": strconv.FormatInt(p.Kept, 10),
		"archive": hex.EncodeToString(p.Archive[:]), pruneStatement: string(p.SignedNote),
	}}
}

// pruneMark is in the bytes of every entry of a pruning.
var pruneMark = []byte(`"action":"` + LogPrune + `"`)

// prunedBy gives the note of an entry about a pruning; ok is false for every
// other entry.
func prunedBy(data []byte) (signed []byte, ok bool) {
	if !bytes.Contains(data, pruneMark) {
		return nil, false
	}
	e, err := Decode(data)
	if err != nil || e.Action != LogPrune {
		return nil, false
	}
	return []byte(e.Details[pruneStatement]), true
}

// SeqSum computes the digest of entries' numbers, given in increasing order. The
// zero value is ready for use.
type SeqSum struct {
	sum hash.Hash
	n   int64
}

// Add takes the next number.
func (s *SeqSum) Add(seq int64) {
	if s.sum == nil {
		s.sum = sha256.New()
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(seq))
	s.sum.Write(b[:])
	s.n++
}

// Sum gives how many numbers there were, and their digest.
func (s *SeqSum) Sum() (n int64, sum [32]byte) {
	if s.sum == nil {
		return 0, sha256.Sum256(nil)
	}
	return s.n, [32]byte(s.sum.Sum(nil))
}

// gap is a run of entries that are not in the database.
type gap struct{ from, to int64 }

// pruned holds gaps against the prunings that the log has.
type pruned struct {
	gaps     []gap
	prunings []Pruning // in the order of the log
}

// judge adds what is wrong in a log of so many rows. Prunings follow one another
// from the first entry on.
func (p *pruned) judge(r *Report, rows int64) {
	end := int64(0)
	gaps := p.gaps
	for _, x := range p.prunings {
		if x.To > rows {
			r.add(PruneDisagrees, -1, "a pruning of entries up to %d is in a log of %d", x.To-1, rows)
			continue
		}
		if x.From != end {
			r.add(PruneDisagrees, x.From, "a pruning begins with entry %d, and the one before it ended with entry %d", x.From, end-1)
		}
		end = max(end, x.To)
		var n int64
		var sum [32]byte
		n, sum, gaps = keptIn(x, gaps)
		if n != x.Kept || sum != x.KeptSum {
			r.add(PruneDisagrees, x.From, "the pruning of %s kept %d of them in the database; there are %d, or others", span(x.From, x.To-1), x.Kept, n)
		}
		r.Pruned = append(r.Pruned, PrunedSpan{From: x.From, To: x.To, Kept: x.Kept, Archive: hex.EncodeToString(x.Archive[:]), At: x.At})
	}
	for _, g := range p.gaps {
		if g.to > end {
			from := max(g.from, end)
			r.add(EntryMissing, from, "gap in the log before entry %d: %s missing, and no signed pruning covers them", g.to, span(from, g.to-1))
			continue
		}
		r.Archived += g.to - g.from
	}
}

// keptIn digests the entries of a pruning that are there, and gives the gaps that
// reach beyond it.
func keptIn(x Pruning, gaps []gap) (n int64, sum [32]byte, rest []gap) {
	var s SeqSum
	at := x.From
	for len(gaps) > 0 && gaps[0].from < x.To {
		for ; at < gaps[0].from; at++ {
			s.Add(at)
		}
		at = max(at, min(gaps[0].to, x.To))
		if gaps[0].to > x.To {
			break
		}
		gaps = gaps[1:]
	}
	for ; at < x.To; at++ {
		s.Add(at)
	}
	n, sum = s.Sum()
	return n, sum, gaps
}
