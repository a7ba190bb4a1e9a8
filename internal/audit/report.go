package audit

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Kind names a category of problem.
type Kind string

// The categories of problems.
const (
	EntryEdited    Kind = "entry_edited"     // data and leaf hash of one row do not fit
	EntryMissing   Kind = "entry_missing"    // a number is left out
	EntryOrder     Kind = "entry_order"      // a number comes twice, or too late
	HashChanged    Kind = "hash_changed"     // a stored hash is not the one that the entries give
	HashMissing    Kind = "hash_missing"     // a stored hash is not there
	HashExtra      Kind = "hash_extra"       // there are stored hashes for entries that are not there
	LogTruncated   Kind = "log_truncated"    // fewer entries than a signed head counts
	RootDisagrees  Kind = "root_disagrees"   // the entries do not give the root of a signed head
	HeadForged     Kind = "head_forged"      // a head whose signature does not fit
	HeadEdited     Kind = "head_edited"      // a checkpoint row says something else than its signed note
	HeadsFileShort Kind = "heads_file_short" // the database has a checkpoint that the file lacks
	NoHeads        Kind = "no_heads"         // entries, and not one signed head
	TipDisagrees   Kind = "tip_disagrees"    // the head row is not that of the entries
	GrantDisagrees Kind = "grant_disagrees"  // a grant's row is not what the newest entry about it says
	GrantUnknown   Kind = "grant_unknown"    // a grant that no entry names
	GrantGone      Kind = "grant_gone"       // a grant that the log has and the database lacks
	PruneForged    Kind = "prune_forged"     // a pruning whose signature does not fit
	PruneDisagrees Kind = "prune_disagrees"  // other entries are there than a pruning left
	FileUnreadable Kind = "file_unreadable"  // a line of a file is not what it should be
	FileCut        Kind = "file_cut"         // a file ends too early, or is not the whole of it
	ProofWrong     Kind = "proof_wrong"      // a proof does not lead to the signed head
)

// Problem is what is wrong in one category. The first one found stands for the
// others of its kind.
type Problem struct {
	Kind   Kind   `json:"kind"`
	Seq    int64  `json:"seq"`    // first bad entry, or -1 when no entry is bad
	Count  int64  `json:"count"`  // how many of this kind were found
	Text   string `json:"text"`   // what is wrong, about the first
	Remedy string `json:"remedy"` // what to do now
}

// String gives text and remedy in one line.
func (p Problem) String() string {
	if p.Count > 1 {
		return fmt.Sprintf("%s (%d of this kind); %s", p.Text, p.Count, p.Remedy)
	}
	return p.Text + "; " + p.Remedy
}

// Report is what [Verify] found. Without problems, everything up to entry
// Signed-1 is as it was when it was signed, and the grants keep what the log
// says.
type Report struct {
	Entries     int64     `json:"entries"`     // rows read
	Hashes      int64     `json:"hashes"`      // stored hashes that agree
	Checkpoints int       `json:"checkpoints"` // of the database, signature and root agree
	Heads       int       `json:"heads"`       // of the file, signature and root agree
	Elsewhere   int       `json:"elsewhere"`   // from other places, signature and root agree
	Root        tlog.Hash `json:"root"`        // of all entries, as computed
	Grants      int       `json:"grants"`      // rows compared with the log
	Signed      int64     `json:"signed"`      // entries under the newest head that agrees
	SignedAt    time.Time `json:"signed_at"`   // when that head was signed
	// Archived counts entries that signed prunings moved out of the database, and
	// Pruned says where they are. Their hashes were verified, their words were not.
	Archived int64        `json:"archived,omitempty"`
	Pruned   []PrunedSpan `json:"pruned,omitempty"`
	Problems []Problem    `json:"problems"` // first of each kind, in the order in which they were found
}

// PrunedSpan is what one signed pruning moved into an archive file.
type PrunedSpan struct {
	From    int64     `json:"from"`
	To      int64     `json:"to"`   // the first entry after it
	Kept    int64     `json:"kept"` // how many of them stay in the database too
	Archive string    `json:"archive"`
	At      time.Time `json:"at"`
	Given   bool      `json:"given"` // the archive was given and verifies
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// Unsigned counts the entries after the newest head that agrees. They are
// compared with their stored hashes only.
func (r Report) Unsigned() int64 { return max(r.Entries-r.Signed, 0) }

// First gives the problem with the first bad entry; problems without an entry
// come last. ok is false if there are none.
func (r Report) First() (p Problem, ok bool) {
	for _, q := range r.Problems {
		if !ok || p.Seq < 0 && q.Seq >= 0 || q.Seq >= 0 && q.Seq < p.Seq {
			p, ok = q, true
		}
	}
	return p, ok
}

// putBack is the remedy of a row that somebody wrote.
const putBack = "find out who can write to the database; start the server, which revokes the grant and says so, then run zhanggui grant start, or have the person log in again"

var remedies = map[Kind]string{
	EntryEdited:    "compare it with a backup; somebody wrote to the database by hand",
	EntryMissing:   "restore the database from a backup that has it, and find out who could delete rows",
	EntryOrder:     "restore the database from a backup, and find out who could renumber rows",
	HashChanged:    "compare entry and hash with a backup; somebody wrote to the database by hand",
	HashMissing:    "restore the table of hashes from a backup",
	HashExtra:      "entries were cut off at the end: restore them from a backup",
	LogTruncated:   "restore the entries from a backup; if an older backup was restored on purpose, keep the old signed heads with the incident's papers",
	RootDisagrees:  "compare these entries with a backup from before that head; the log was rewritten after it was signed",
	HeadForged:     "check that the public key is this server's; if it is, somebody wrote the head without the signing key",
	HeadEdited:     "the signed note is what counts: restore the row from the file of signed heads",
	HeadsFileShort: "look for the whole " + HeadsFile + " in backups and on the machine that wrote it; the file was cut or replaced",
	TipDisagrees:   "the server cannot start or write with it: restore the database from a backup, and find out who wrote to it by hand",
	GrantDisagrees: putBack,
	GrantUnknown:   putBack,
	GrantGone:      "restore the row from a backup, or start the server, which records that it is gone; a shop's next apply makes a new grant, a person logs in again",
	PruneForged:    "somebody wrote to the database by hand and called it a pruning: restore the entries from a backup",
	PruneDisagrees: "restore the entries that a pruning left from a backup or its archive, and find out who could delete rows",
	FileUnreadable: "ask for the file again, and compare it with the digest that its maker tells",
	FileCut:        "ask for the whole file again",
	ProofWrong:     "ask for the file again from whoever made it; if it stays wrong, the log was rewritten",
	NoHeads:        "let the server run until it has signed one; if it had, look for " + HeadsFile + " in backups",
}

// add records a problem: the first of its kind is kept, the others are counted.
func (r *Report) add(kind Kind, seq int64, format string, args ...any) {
	for i := range r.Problems {
		if r.Problems[i].Kind == kind {
			r.Problems[i].Count++
			return
		}
	}
	r.Problems = append(r.Problems, Problem{
		Kind: kind, Seq: seq, Count: 1, Text: fmt.Sprintf(format, args...), Remedy: remedies[kind],
	})
}
