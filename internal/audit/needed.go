package audit

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Needed finds the entries of a stretch that must stay in the database when the
// others are moved to an archive: what the log says last of each grant, which the
// grants' rows are compared with, and the prunings themselves. The zero value is
// ready for use, by one goroutine.
//
// Call Read with every entry of the stretch, then Later with as many of those that
// follow as the caller cares to look at. The more it looks at, the fewer entries
// stay; none that is needed goes.
type Needed struct {
	tokens map[grantID]int64 // the newest entry that says what a grant keeps
	starts map[grantID]int64 // the newest one after that, that starts it anew
	always []int64
}

// Read takes an entry of the stretch.
func (n *Needed) Read(r Record) {
	if _, ok := prunedBy(r.Data); ok {
		n.always = append(n.always, r.Seq)
	}
	e, ok := speaks(r.Data)
	if !ok {
		return
	}
	if n.tokens == nil {
		n.tokens, n.starts = map[grantID]int64{}, map[grantID]int64{}
	}
	for id := range e.Details {
		key, ok := keyOf(id)
		switch {
		case !ok:
		case e.Action == GrantStart:
			n.starts[key] = r.Seq
		default:
			n.tokens[key] = r.Seq
			delete(n.starts, key)
		}
	}
}

// Later takes an entry after the stretch.
func (n *Needed) Later(r Record) {
	e, ok := speaks(r.Data)
	if !ok || e.Action == GrantStart {
		return
	}
	for id := range e.Details {
		if key, ok := keyOf(id); ok {
			delete(n.tokens, key)
			delete(n.starts, key)
		}
	}
}

// Open counts the grants of which a later entry may still speak.
func (n *Needed) Open() int { return len(n.tokens) + len(n.starts) }

// Seqs gives the numbers of the entries that must stay, in increasing order.
func (n *Needed) Seqs() []int64 {
	out := slices.Clone(n.always)
	for _, m := range []map[grantID]int64{n.tokens, n.starts} {
		for _, seq := range m {
			out = append(out, seq)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// speaks decodes an entry that says what grants keep; ok is false for every other.
func speaks(data []byte) (e spoken, ok bool) {
	if !bytes.Contains(data, []byte(`"action":"grant.`)) {
		return e, false // most entries; decoding them costs more than reading them
	}
	ok = json.Unmarshal(data, &e) == nil && (e.Action == GrantSettle || e.Action == GrantTokens || e.Action == GrantStart)
	return e, ok
}
