package audit

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// The actions of entries that say what a grant keeps. Their details lead from
// the grant's id to "generation digest", to "generation none" when it keeps no
// tokens, and to "due" for a grant that begins or begins anew.
const (
	GrantSettle = "grant.settle" // a batch of routine refreshes
	GrantTokens = "grant.tokens" // everything else that writes or deletes tokens
	GrantStart  = "grant.start"  // a declaration made it due
)

// The actions of entries that say who renews grants from now on. Their details
// lead from the grant's id to its state.
const (
	GrantHold   = "grant.hold"   // another system
	GrantFollow = "grant.follow" // another system, whose tokens are used here
	GrantLead   = "grant.lead"   // we
)

// ShopOpen is the action of entries that say which shops opened without anybody
// declaring them. Their details lead from the shop's id to its appid.
const ShopOpen = "shop.open"

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

// Grants learns from the log what each grant keeps, in about 64 bytes a grant.
// The zero value is ready for use, by one goroutine.
type Grants struct {
	size  int64            // entries read
	words []word           // by id
	fresh map[grantID]word // grants that are new since words was sorted
}

// Size is how many entries of the log were read: the next one stands there.
func (l *Grants) Size() int64 { return l.size }

// Len is how many grants the log names, those that were removed among them.
func (l *Grants) Len() int { return len(l.words) + len(l.fresh) }

// Read takes the next entry. Entries must come in their order, from the first
// on. What is no entry about grants is passed over.
func (l *Grants) Read(r Record) {
	l.size = max(l.size, r.Seq+1)
	e, ok := speaks(r.Data)
	if !ok {
		return
	}
	for id, text := range e.Details {
		if key, ok := keyOf(id); ok {
			l.read(r.Seq, key, text, e)
		}
	}
}

// spoken is the part of an [Entry] that speaks of grants.
type spoken struct {
	Action  string            `json:"action"`
	Reason  string            `json:"reason"`
	Details map[string]string `json:"details"`
}

func (l *Grants) read(seq int64, id grantID, text string, e spoken) {
	i, known := l.find(id)
	w := word{id: id}
	if known {
		w = l.at(i, id)
	}
	if e.Action == GrantStart {
		w.flags &^= wordRevoked
		w.tell(seq)
	} else if !w.tokens(seq, text, e.Reason) {
		return
	}
	l.put(i, w)
}

// find tells where in words a grant is, -1 when it is among the fresh, and
// whether anything was said of it.
func (l *Grants) find(id grantID) (int, bool) {
	if i, ok := slices.BinarySearchFunc(l.words, id, func(w word, id grantID) int { return bytes.Compare(w.id[:], id[:]) }); ok {
		return i, true
	}
	_, ok := l.fresh[id]
	return -1, ok
}

func (l *Grants) at(i int, id grantID) word {
	if i >= 0 {
		return l.words[i]
	}
	return l.fresh[id]
}

func (l *Grants) put(i int, w word) {
	if i >= 0 {
		l.words[i] = w
		return
	}
	if l.fresh == nil {
		l.fresh = make(map[grantID]word)
	}
	l.fresh[w.id] = w
	if len(l.fresh) > 4096+len(l.words)/16 {
		l.sort()
	}
}

// sort moves the fresh ones to where they belong, from the end on, so that
// nothing is copied twice.
func (l *Grants) sort() {
	more := make([]word, 0, len(l.fresh))
	for _, w := range l.fresh {
		more = append(more, w)
	}
	slices.SortFunc(more, byID)
	i := len(l.words) - 1
	l.words = append(l.words, more...)
	for j, to := len(more)-1, len(l.words)-1; j >= 0; to-- {
		if i >= 0 && byID(l.words[i], more[j]) > 0 {
			l.words[to], i = l.words[i], i-1
		} else {
			l.words[to], j = more[j], j-1
		}
	}
	l.fresh = nil
}

func byID(a, b word) int { return bytes.Compare(a.id[:], b.id[:]) }

// Compare gives the grants whose rows are not what the log says, by their ids.
// State, due time and lease of a grant are not in the log, except that it was
// revoked: a row that differs in those alone agrees.
func (l *Grants) Compare(rows []Kept) []Disagreement {
	l.Begin()
	var out []Disagreement
	for _, row := range rows {
		if d, ok := l.Check(row); !ok {
			out = append(out, d)
		}
	}
	out = append(out, l.Missed()...)
	slices.SortStableFunc(out, func(a, b Disagreement) int { return cmp.Compare(a.Grant(), b.Grant()) })
	return out
}

// Begin forgets which grants were checked, for a comparison that goes row by
// row: [Grants.Check] for each, then [Grants.Missed].
func (l *Grants) Begin() {
	l.sort()
	for i := range l.words {
		l.words[i].flags &^= wordChecked
	}
}

// Check compares one row with what was read up to here.
func (l *Grants) Check(row Kept) (Disagreement, bool) {
	id, ok := keyOf(row.Grant)
	i, known := 0, false
	if ok {
		i, known = l.find(id)
	}
	if !known {
		return Disagreement{Kind: GrantUnknown, Said: Kept{Grant: row.Grant, Digest: NoTokens}, Row: &row, Seq: -1}, false
	}
	w := l.at(i, id)
	w.flags |= wordChecked
	l.put(i, w)
	agrees := !w.is(wordRemoved) && row.Generation == w.generation && w.digestIs(row.Digest) && (row.Revoked || !w.is(wordRevoked))
	if agrees && !w.is(wordAgain) {
		return Disagreement{}, true
	}
	return Disagreement{Kind: GrantDisagrees, Said: w.kept(), Row: &row, Seq: w.seq, Again: w.is(wordAgain)}, false
}

// Missed gives the grants that should have a row and were not checked since
// [Grants.Begin], by their ids.
func (l *Grants) Missed() []Disagreement {
	l.sort()
	var out []Disagreement
	for _, w := range l.words {
		if !w.is(wordChecked) && !w.is(wordRemoved) {
			out = append(out, Disagreement{Kind: GrantGone, Said: w.kept(), Seq: w.seq})
		}
	}
	return out
}

// CompareOnly is [Grants.Compare] for the grants with these ids; rows are theirs.
func (l *Grants) CompareOnly(ids []string, rows []Kept) []Disagreement {
	var out []Disagreement
	there := make(map[string]bool, len(rows))
	for _, row := range rows {
		there[row.Grant] = true
		if d, ok := l.Check(row); !ok {
			out = append(out, d)
		}
	}
	for _, id := range ids {
		if key, ok := keyOf(id); ok && !there[id] {
			i, known := l.find(key)
			if w := l.at(i, key); known && !w.is(wordRemoved) {
				out = append(out, Disagreement{Kind: GrantGone, Said: w.kept(), Seq: w.seq})
			}
		}
	}
	return out
}
