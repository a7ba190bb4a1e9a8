package audit

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func encoded(t testing.TB, p Proof, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkFile(file []byte, s *Signer) (Proved, error) {
	p, err := DecodeProof(file)
	if err != nil {
		return Proved{}, err
	}
	return p.Check(s.Verifier())
}

func TestProofsHold(t *testing.T) {
	w := newWorld(t, testSigner(t), 20, func(int) bool { return true })
	for i, old := range w.checkpoints {
		for _, head := range w.checkpoints[i:] {
			p, err := ProveConsistency(old, head, w)
			got, err := checkFile(encoded(t, p, err), w.signer)
			if err != nil || got.Old.Size != old.Size || got.Head.Size != head.Size {
				t.Fatalf("%d to %d: %+v, %v", old.Size, head.Size, got, err)
			}
		}
	}
	head := w.checkpoints[18]
	for _, r := range w.records[:19] {
		p, err := ProveInclusion(r, head, w)
		got, err := checkFile(encoded(t, p, err), w.signer)
		if err != nil || got.Seq != r.Seq || !bytes.Equal(got.Data, r.Data) {
			t.Fatalf("entry %d: %+v, %v", r.Seq, got, err)
		}
	}
	if _, err := ProveInclusion(w.records[19], head, w); err == nil {
		t.Error("an entry that no head counts yet was proved")
	}
	if _, err := ProveConsistency(head, w.checkpoints[3], w); err == nil {
		t.Error("a longer log begins a shorter one")
	}
}

// TestWrongProofsAreRefused: a proof of another size, of a rewritten log, and of
// another key.
func TestWrongProofsAreRefused(t *testing.T) {
	signer := testSigner(t)
	w := newWorld(t, signer, 20, everyThird)
	rewritten := newWorld(t, signer, 20, everyThird)
	rewritten.records[4].Data = []byte("rewritten")
	rewritten.rebuild()
	rewritten.checkpoints, rewritten.heads = nil, nil
	if err := rewritten.sign(); err != nil {
		t.Fatal(err)
	}
	other := newWorld(t, testSigner(t), 20, everyThird)
	good, err := ProveConsistency(w.checkpoints[2], w.checkpoints[5], w)
	if err != nil {
		t.Fatal(err)
	}
	inclusion, err := ProveInclusion(w.records[4], w.checkpoints[5], w)
	if err != nil {
		t.Fatal(err)
	}
	change := func(p Proof, f func(p *Proof)) Proof { f(&p); return p }
	for name, p := range map[string]Proof{
		"of another older size":  change(good, func(p *Proof) { p.Old = string(w.heads[1]) }),
		"of another newer size":  change(good, func(p *Proof) { p.Head = string(w.heads[6]) }),
		"heads exchanged":        change(good, func(p *Proof) { p.Old, p.Head = p.Head, p.Old }),
		"a hash too many":        change(good, func(p *Proof) { p.Hashes = append(slices.Clone(p.Hashes), tlog.Hash{}) }),
		"a hash too few":         change(good, func(p *Proof) { p.Hashes = p.Hashes[1:] }),
		"a rewritten log":        change(good, func(p *Proof) { p.Head = string(rewritten.heads[0]) }),
		"another key":            change(good, func(p *Proof) { p.Head = string(other.heads[5]) }),
		"another key, older":     change(good, func(p *Proof) { p.Old = string(other.heads[2]) }),
		"of an unknown kind":     change(good, func(p *Proof) { p.Kind = "hearsay" }),
		"one head for both":      change(good, func(p *Proof) { p.Old = p.Head }),
		"with words":             change(good, func(p *Proof) { p.Data = []byte("x") }),
		"of another entry":       change(inclusion, func(p *Proof) { p.Seq = &w.records[5].Seq }),
		"of other words":         change(inclusion, func(p *Proof) { p.Data = []byte("x") }),
		"of an entry beyond":     change(inclusion, func(p *Proof) { p.Seq = new(int64(99)) }),
		"of a negative entry":    change(inclusion, func(p *Proof) { p.Seq = new(int64(-1)) }),
		"of no entry":            change(inclusion, func(p *Proof) { p.Seq = nil }),
		"of an entry, other key": change(inclusion, func(p *Proof) { p.Head = string(other.heads[5]) }),
	} {
		if got, err := p.Check(signer.Verifier()); err == nil {
			t.Errorf("%s: holds as %s", name, got)
		}
	}
	if err := CheckConsistency(nil, Checkpoint{}, w.checkpoints[0]); !errors.Is(err, ErrProof) {
		t.Errorf("nothing with another root than nothing: %v", err)
	}
}

func TestAnyDamagedProofIsFound(t *testing.T) {
	w := newWorld(t, testSigner(t), 20, everyThird)
	p, err := ProveConsistency(w.checkpoints[2], w.checkpoints[5], w)
	files := [][]byte{encoded(t, p, err)}
	p, err = ProveInclusion(w.records[4], w.checkpoints[5], w)
	files = append(files, encoded(t, p, err))
	rapid.Check(t, func(rt *rapid.T) {
		file := rapid.SampledFrom(files).Draw(rt, "file")
		damaged := bytes.Clone(file)
		at := rapid.IntRange(0, len(file)-1).Draw(rt, "at")
		damaged[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		want, _ := DecodeProof(file)
		got, err := DecodeProof(damaged)
		if err != nil {
			return
		}
		if _, err := got.Check(w.signer.Verifier()); err != nil {
			return
		}
		a, _ := want.Encode()
		if b, _ := got.Encode(); !bytes.Equal(a, b) { // else white space was exchanged for other white space
			rt.Fatalf("damage at byte %d was not found:\n%s", at, damaged)
		}
	})
}

func FuzzDecodeProof(f *testing.F) {
	w := newWorld(f, testSigner(f), 9, everyThird)
	p, err := ProveConsistency(w.checkpoints[0], w.checkpoints[2], w)
	f.Add(encoded(f, p, err))
	p, err = ProveInclusion(w.records[4], w.checkpoints[2], w)
	f.Add(encoded(f, p, err))
	f.Add([]byte(`{"zhanggui_audit_proof":1,"kind":"inclusion","head":"","seq":-1,"hashes":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodeProof(b)
		if err != nil {
			return
		}
		if got, err := p.Check(w.signer.Verifier()); err == nil && got.Head.Size == 0 {
			t.Errorf("%q holds for nothing", b)
		}
	})
}
