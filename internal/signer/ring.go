package signer

import (
	"slices"
	"time"
)

// The life of a key; see the package comment.
const (
	lead       = 24 * time.Hour
	signsFor   = 30 * 24 * time.Hour
	keptBeyond = 2 * MaxLife
)

// ring is the keys that one reading of the rows gave, those that sign earlier
// first. It is never changed.
type ring struct {
	keys   []*key
	newest map[string]string // by algorithm, the id of the last row, whether it opened or not
}

// signs gives the key of an algorithm that signs at now: the last one whose time
// came. One whose time does not come yet is better than none, and so is one whose
// time is over while it stays published for as long as what it signs lives.
func (r *ring) signs(alg string, now time.Time) *key {
	var found *key
	for _, k := range r.keys {
		if k.Alg != alg || now.Add(MaxLife).After(k.PublishedUntil) {
			continue
		}
		if found == nil || !k.SignsFrom.After(now) {
			found = k
		}
	}
	return found
}

// published gives the key with an id, or nil if it is not published at now.
func (r *ring) published(id string, now time.Time) *key {
	for _, k := range r.keys {
		if k.ID == id && now.Before(k.PublishedUntil) {
			return k
		}
	}
	return nil
}

// algorithms gives those in use.
func (r *ring) algorithms() []string {
	var all []string
	for _, k := range r.keys {
		if !slices.Contains(all, k.Alg) {
			all = append(all, k.Alg)
		}
	}
	return all
}

// next tells from when the next key of an algorithm signs, and whether it is to be
// made at now.
func (r *ring) next(alg string, now time.Time) (from time.Time, due bool) {
	for _, k := range r.keys {
		if k.Alg == alg && now.Before(k.PublishedUntil) && k.SignsUntil.After(from) {
			from = k.SignsUntil
		}
	}
	if !from.After(now) {
		return now, true // the first, or nobody ran for a long time
	}
	return from, !now.Before(from.Add(-lead))
}
