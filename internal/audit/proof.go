package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ProofKind says what a [Proof] proves.
type ProofKind string

// The kinds of proof.
const (
	// Consistency: the log of the old head is the beginning of that of the new one.
	Consistency ProofKind = "consistency"
	// Inclusion: an entry stands at its number in the log of a head.
	Inclusion ProofKind = "inclusion"
)

// proofVersion stands in a proof, so that a later form is not misread.
const proofVersion = 1

// Proof is a small file that is checked with nothing but the public key. Its
// hashes are those of RFC 6962, in the order of golang.org/x/mod/sumdb/tlog.
type Proof struct {
	Version int         `json:"zhanggui_audit_proof" doc:"Version of this form"`
	Kind    ProofKind   `json:"kind" doc:"consistency or inclusion"`
	Old     string      `json:"old,omitempty" doc:"Signed note of the older head"`
	Head    string      `json:"head" doc:"Signed note of the newer head, or of the only one"`
	Seq     *int64      `json:"seq,omitempty" doc:"Number of the entry"`
	Data    []byte      `json:"data,omitempty" doc:"The entry, byte for byte as it is stored"`
	Hashes  []tlog.Hash `json:"hashes" doc:"What leads from the one to the other"`
}

// ProveConsistency makes the proof that the log of old is the beginning of that of
// head. stored reads the log's hashes.
func ProveConsistency(old, head Checkpoint, stored tlog.HashReader) (Proof, error) {
	p := Proof{Version: proofVersion, Kind: Consistency, Old: string(old.SignedNote), Head: string(head.SignedNote)}
	var err error
	p.Hashes, err = consistency(old.Size, head.Size, stored)
	return p, err
}

// consistency gives the hashes that lead from a log of old entries to one of size.
// Everything begins with nothing, which takes none.
func consistency(old, size int64, stored tlog.HashReader) ([]tlog.Hash, error) {
	if old > size || old < 0 {
		return nil, fmt.Errorf("audit: a log of %d entries does not begin with %d; name the older head first", size, old)
	}
	if old == 0 || old == size {
		return []tlog.Hash{}, nil
	}
	hashes, err := tlog.ProveTree(size, old, stored)
	if err != nil {
		return nil, fmt.Errorf("audit: prove that %d entries begin a log of %d: %w", old, size, err)
	}
	return hashes, nil
}

// ErrProof says that a proof does not lead to the head that it is for.
var ErrProof = errors.New("audit: the proof does not fit: one of the two heads is of another log, or the log was rewritten between them")

// CheckConsistency checks hashes against the sizes and roots of two heads.
func CheckConsistency(hashes []tlog.Hash, old, head Checkpoint) error {
	empty, _ := tlog.TreeHash(0, nil) // reads nothing, cannot fail
	switch {
	case old.Size < 0 || old.Size > head.Size:
		return fmt.Errorf("%w (the older head has %d entries, the newer one %d)", ErrProof, old.Size, head.Size)
	case old.Size == 0 && old.Root == empty && len(hashes) == 0:
		return nil
	case old.Size == head.Size && old.Root == head.Root && len(hashes) == 0:
		return nil
	case old.Size == 0 || old.Size == head.Size || tlog.CheckTree(hashes, head.Size, head.Root, old.Size, old.Root) != nil:
		return ErrProof
	}
	return nil
}

// ProveInclusion makes the proof that an entry stands in the log of head.
func ProveInclusion(r Record, head Checkpoint, stored tlog.HashReader) (Proof, error) {
	p := Proof{Version: proofVersion, Kind: Inclusion, Head: string(head.SignedNote), Seq: &r.Seq, Data: r.Data}
	if r.Seq < 0 || r.Seq >= head.Size {
		return p, fmt.Errorf("audit: entry %d is newer than the head of %d entries; wait for the next one, ten seconds at most", r.Seq, head.Size)
	}
	hashes, err := tlog.ProveRecord(head.Size, r.Seq, stored)
	if err != nil {
		return p, fmt.Errorf("audit: prove entry %d: %w", r.Seq, err)
	}
	p.Hashes = hashes
	return p, nil
}

// Proved is what a proof says, after it was checked.
type Proved struct {
	Kind ProofKind   `json:"kind"`
	Old  *Checkpoint `json:"-"`
	Head Checkpoint  `json:"-"`
	Seq  int64       `json:"seq,omitempty"`
	Data []byte      `json:"-"` // the entry
}

// String says it in a sentence.
func (p Proved) String() string {
	if p.Kind == Inclusion {
		return fmt.Sprintf("entry %d stands in the log of %d entries that was signed %s", p.Seq, p.Head.Size, stamp(p.Head.At))
	}
	return fmt.Sprintf("the log of %d entries that was signed %s is the beginning of the log of %d entries that was signed %s",
		p.Old.Size, stamp(p.Old.At), p.Head.Size, stamp(p.Head.At))
}

// Encode gives the file.
func (p Proof) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("audit: encode a proof: %w", err)
	}
	return append(b, '\n'), nil
}

// DecodeProof reads what [Proof.Encode] wrote, and the same with other white space.
func DecodeProof(file []byte) (Proof, error) {
	var p Proof
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Proof{}, fmt.Errorf("audit: this is no proof: %w; make it with zhanggui audit prove", err)
	}
	if p.Version != proofVersion {
		return Proof{}, fmt.Errorf("audit: a proof of version %d; use a program that knows it", p.Version)
	}
	// However it is indented, it says what it says in one way only.
	var plain bytes.Buffer
	again, err := json.Marshal(p)
	if err != nil || json.Compact(&plain, file) != nil || !bytes.Equal(again, plain.Bytes()) {
		return Proof{}, errors.New("audit: the proof is not as it was written; ask for the file again")
	}
	return p, nil
}

// Check checks the proof with the public key alone.
func (p Proof) Check(v note.Verifier) (Proved, error) {
	head, err := OpenCheckpoint([]byte(p.Head), v)
	if err != nil {
		return Proved{}, err
	}
	out := Proved{Kind: p.Kind, Head: head, Data: p.Data}
	switch p.Kind {
	case Consistency:
		old, err := OpenCheckpoint([]byte(p.Old), v)
		if err != nil {
			return Proved{}, fmt.Errorf("the older head: %w", err)
		}
		if p.Seq != nil || p.Data != nil {
			return Proved{}, ErrProof
		}
		out.Old = &old
		return out, CheckConsistency(p.Hashes, old, head)
	case Inclusion:
		if p.Seq == nil || p.Old != "" {
			return Proved{}, ErrProof
		}
		out.Seq = *p.Seq
		return out, checkInclusion(p.Hashes, head, *p.Seq, tlog.RecordHash(p.Data))
	}
	return Proved{}, fmt.Errorf("audit: nobody knows proofs of the kind %q", p.Kind)
}

func checkInclusion(hashes []tlog.Hash, head Checkpoint, seq int64, leaf tlog.Hash) error {
	if seq < 0 || seq >= head.Size || tlog.CheckRecord(hashes, head.Size, head.Root, seq, leaf) != nil {
		return fmt.Errorf("%w: entry %d is not in the log of %d entries as it stands here", ErrProof, seq, head.Size)
	}
	return nil
}
