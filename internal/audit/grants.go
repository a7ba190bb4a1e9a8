package audit

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The actions of entries that say what a grant keeps. Their details lead from
// the grant's id to "generation digest", to "generation none" when it keeps no
// tokens, and to "due" for a grant that begins or begins anew.
const (
	GrantSettle = "grant.settle" // a batch of routine refreshes
	GrantTokens = "grant.tokens" // everything else that writes or deletes tokens
	GrantStart  = "grant.start"  // a declaration made it due
)

// The reasons of a [GrantTokens] entry that mean more than its details.
const (
	GrantRevoked    = "revoked"      // nobody may use the grant until a later entry of it
	GrantRemoved    = "removed"      // its row is deleted, for ever
	GrantRowPutBack = "row_put_back" // its row disagreed with the log; it was revoked for that
)

// NoTokens stands in the place of a digest.
const NoTokens = "none"

// Kept is what a grant's row keeps.
type Kept struct {
	Grant      string
	Generation int64
	Digest     string // of the tokens as they are in the row; NoTokens if there are none
	Revoked    bool
}

// String gives "generation digest", as entries do, and whether it is revoked.
func (k Kept) String() string {
	s := fmt.Sprintf("%d %s", k.Generation, k.Digest)
	if k.Revoked {
		s += " (revoked)"
	}
	return s
}

// Disagreement is a grant whose row is not what the log says.
type Disagreement struct {
	Kind  Kind  // GrantDisagrees, GrantUnknown or GrantGone
	Said  Kept  // by the newest entry that names the grant
	Row   *Kept // nil: there is none
	Seq   int64 // the entry that the row disagrees with, -1 when no entry names the grant
	Again bool  // Seq gives tokens to a generation that earlier entries had passed
}

// Grant is the id of the grant.
func (d Disagreement) Grant() string { return d.Said.Grant }

// String says what is wrong.
func (d Disagreement) String() string {
	switch {
	case d.Kind == GrantUnknown:
		return fmt.Sprintf("grant %s keeps %q, and no entry names it", d.Grant(), d.Row)
	case d.Kind == GrantGone:
		return fmt.Sprintf("grant %s is gone: entry %d says that it keeps %q, and there is no row", d.Grant(), d.Seq, d.Said)
	case d.Again:
		return fmt.Sprintf("grant %s: entry %d renews tokens of a generation that was over by then, so an old row had been put back", d.Grant(), d.Seq)
	}
	return fmt.Sprintf("grant %s keeps %q, entry %d says %q: an old row was put back, or the row was changed by hand", d.Grant(), d.Row, d.Seq, d.Said)
}

// Grants learns from the log what each grant keeps. The zero value is ready for
// use, by one goroutine.
type Grants struct {
	said map[string]*word
}

// word is what the entries up to here say of one grant.
type word struct {
	Kept
	seq     int64 // the newest entry that names it
	removed bool
	again   int64 // the first entry whose generation was over by then, plus one
}

// Read takes the next entry. Entries must come in their order, from the first
// on. What is no entry about grants is passed over.
func (l *Grants) Read(r Record) {
	if !bytes.Contains(r.Data, []byte(`"action":"grant.`)) {
		return // most entries; decoding them costs more than reading them
	}
	e, err := Decode(r.Data)
	if err != nil || e.Action != GrantSettle && e.Action != GrantTokens && e.Action != GrantStart {
		return
	}
	for id, text := range e.Details {
		if strings.HasPrefix(id, "g_") {
			l.read(r.Seq, id, text, e)
		}
	}
}

func (l *Grants) read(seq int64, id, text string, e Entry) {
	w, known := l.said[id]
	if !known {
		w = &word{Kept: Kept{Grant: id, Digest: NoTokens}}
	}
	if e.Action == GrantStart {
		w.Revoked = false
	} else if !w.tokens(seq, text, e.Reason) {
		return
	}
	w.seq = seq
	if !known {
		if l.said == nil {
			l.said = make(map[string]*word)
		}
		l.said[id] = w
	}
}

// tokens takes "generation digest". Generations count up: one that comes again
// with something else was renewed from an old row.
func (w *word) tokens(seq int64, text, reason string) bool {
	number, digest, found := strings.Cut(text, " ")
	generation, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !found {
		return false
	}
	same := generation == w.Generation && digest == w.Digest
	if generation <= w.Generation && !same && w.again == 0 {
		w.again = seq + 1
	}
	if reason == GrantRowPutBack {
		w.again = 0
	}
	w.Generation, w.Digest = generation, digest
	w.Revoked = reason == GrantRevoked || reason == GrantRowPutBack || reason == GrantRemoved
	w.removed = reason == GrantRemoved
	return true
}

// Compare gives the grants whose rows are not what the log says, by their ids.
// State, due time and lease of a grant are not in the log, except that it was
// revoked: a row that differs in those alone agrees.
func (l *Grants) Compare(rows []Kept) []Disagreement {
	var out []Disagreement
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		seen[row.Grant] = true
		if d, ok := l.compare(row); !ok {
			out = append(out, d)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(l.said)) {
		if w := l.said[id]; !seen[id] && !w.removed {
			out = append(out, Disagreement{Kind: GrantGone, Said: w.Kept, Seq: w.seq})
		}
	}
	slices.SortStableFunc(out, func(a, b Disagreement) int { return cmp.Compare(a.Grant(), b.Grant()) })
	return out
}

func (l *Grants) compare(row Kept) (Disagreement, bool) {
	w, known := l.said[row.Grant]
	switch {
	case !known:
		return Disagreement{Kind: GrantUnknown, Said: Kept{Grant: row.Grant, Digest: NoTokens}, Row: &row, Seq: -1}, false
	case w.removed, row.Generation != w.Generation, row.Digest != w.Digest, w.Revoked && !row.Revoked:
		return Disagreement{Kind: GrantDisagrees, Said: w.Kept, Row: &row, Seq: w.seq}, false
	case w.again > 0:
		return Disagreement{Kind: GrantDisagrees, Said: w.Kept, Row: &row, Seq: w.again - 1, Again: true}, false
	}
	return Disagreement{}, true
}
