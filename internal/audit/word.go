package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// grantID is the id of a grant, with zeros after it: "g_" and 26 characters.
type grantID [28]byte

// keyOf gives the fixed form of an id, false for what is no id of a grant.
func keyOf(id string) (key grantID, ok bool) {
	if !strings.HasPrefix(id, "g_") || len(id) > len(key) || strings.Contains(id, "\x00") {
		return key, false
	}
	copy(key[:], id)
	return key, true
}

func (k grantID) String() string { return strings.TrimRight(string(k[:]), "\x00") }

// word is what the entries up to here say of one grant. It holds no pointers: a
// million of them are one allocation, which the garbage collector need not look
// through.
type word struct {
	id         grantID
	flags      wordFlags
	digest     [16]byte // of the kept tokens, in the form that the flags say
	generation int64
	// seq is the newest entry that names the grant. With wordAgain it is the
	// first entry that gave tokens to a generation that was over by then.
	seq int64
}

type wordFlags uint8

const (
	wordRevoked wordFlags = 1 << iota
	wordRemoved           // its row is deleted, for ever
	wordAgain
	wordChecked // its row was looked at; not kept in a summary

	// The form of the digest: nothing, 16 bytes, a short text, or the beginning
	// of the SHA-256 of a long one. Entries of ours have the first two.
	digestBytes = 1 << 4
	digestText  = 2 << 4
	digestLong  = digestBytes | digestText
	digestForm  = digestLong
)

func (w *word) is(f wordFlags) bool { return w.flags&f != 0 }

// tokens takes "generation digest". Generations count up: one that comes again
// with something else was renewed from an old row.
func (w *word) tokens(seq int64, text, reason string) bool {
	number, digest, found := strings.Cut(text, " ")
	generation, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !found {
		return false
	}
	w.judge(seq, generation <= w.generation && !(generation == w.generation && w.digestIs(digest)), reason)
	form, packed := packDigest(digest)
	w.generation, w.digest = generation, packed
	w.flags = w.flags&^(digestForm|wordRevoked|wordRemoved) | form
	switch reason {
	case GrantRemoved:
		w.flags |= wordRevoked | wordRemoved
	case GrantRevoked, GrantRowPutBack:
		w.flags |= wordRevoked
	}
	return true
}

// judge marks a generation that comes again, until the server has ended the
// grant for it or its row is deleted.
func (w *word) judge(seq int64, again bool, reason string) {
	if reason == GrantRowPutBack || reason == GrantRemoved {
		w.flags &^= wordAgain
		again = false
	}
	w.tell(seq)
	if again {
		w.flags |= wordAgain
	}
}

// tell notes which entry names the grant.
func (w *word) tell(seq int64) {
	if !w.is(wordAgain) {
		w.seq = seq
	}
}

// packDigest gives a digest in 16 bytes, and the form that it has there.
func packDigest(text string) (form wordFlags, packed [16]byte) {
	if text == NoTokens {
		return 0, packed
	}
	if len(text) == 2*len(packed) && text == strings.ToLower(text) {
		if _, err := hex.Decode(packed[:], []byte(text)); err == nil {
			return digestBytes, packed
		}
	}
	if len(text) <= len(packed) && !strings.Contains(text, "\x00") {
		packed = [16]byte{}
		copy(packed[:], text)
		return digestText, packed
	}
	sum := sha256.Sum256([]byte(text))
	return digestLong, [16]byte(sum[:])
}

func (w *word) digestIs(text string) bool {
	form, packed := packDigest(text)
	return form == w.flags&digestForm && packed == w.digest
}

// kept gives what the log says in words. A long digest is its hash.
func (w *word) kept() Kept {
	k := Kept{Grant: w.id.String(), Generation: w.generation, Digest: NoTokens, Revoked: w.is(wordRevoked)}
	switch w.flags & digestForm {
	case digestBytes, digestLong:
		k.Digest = hex.EncodeToString(w.digest[:])
	case digestText:
		k.Digest = strings.TrimRight(string(w.digest[:]), "\x00")
	}
	return k
}
