package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

const month = 30 * 24 * time.Hour

// signingKey is the n-th key that signs in a row of them.
func signingKey(alg string, n int) access.SigningKey {
	from := start.Add(time.Duration(n) * month)
	return access.SigningKey{ID: fmt.Sprint(alg, "-", n), Alg: alg, Private: []byte("sealed"), MadeAt: from.Add(-time.Hour),
		SignsFrom: from, SignsUntil: from.Add(month), PublishedUntil: from.Add(month + time.Hour)}
}

func (w *world) addKey(k access.SigningKey, before string) func() error {
	return func() error { return w.s.AddSigningKey(w.t.Context(), k, before, entry("signing.create")) }
}

func (w *world) signingKeys() []access.SigningKey {
	w.t.Helper()
	keys, err := w.s.SigningKeys(w.t.Context())
	w.must(err)
	return keys
}

var signingCases = []testCase{
	{"a key follows the one that was seen", func(t *testing.T, w *world) {
		a, b, r := signingKey("ES256", 0), signingKey("ES256", 1), signingKey("RS256", 0)
		w.must(w.addKey(a, "")())
		w.refused(access.ErrStale, w.addKey(b, ""))
		w.refused(access.ErrStale, w.addKey(b, "another"))
		w.must(w.addKey(r, "")())
		w.must(w.addKey(b, a.ID)())
		same(t, "keys", w.signingKeys(), []access.SigningKey{a, b, r})
		same(t, "entries", len(w.entries("signing.create")), 3)
	}},
	{"keys that others may have are published no more", func(t *testing.T, w *world) {
		a, b, r := signingKey("ES256", 0), signingKey("ES256", 1), signingKey("RS256", 0)
		w.must(w.addKey(a, "")())
		w.must(w.addKey(r, "")())
		replace := func(before string) func() error {
			return func() error { return w.s.ReplaceSigningKeys(t.Context(), b, before, start, entry("signing.replace")) }
		}
		w.refused(access.ErrStale, replace("another"))
		w.must(replace(a.ID)())
		a.PublishedUntil = start
		same(t, "keys", w.signingKeys(), []access.SigningKey{a, b, r})
		w.must(w.s.Purge(t.Context(), start))
		same(t, "keys that are left", w.signingKeys(), []access.SigningKey{b, r})
	}},
	{"of keys made at once one is kept", func(t *testing.T, w *world) {
		n := together(t, 20, access.ErrStale, func(i int) error {
			return w.replica(i).AddSigningKey(t.Context(), signingKey("ES256", i), "", entry("signing.create"))
		})
		same(t, "kept", n, 1)
		same(t, "keys", len(w.signingKeys()), 1)
	}},
}

var signingTransitions = []transition{
	{name: "add signing key", again: access.ErrStale, make: func(w *world) func() error {
		return w.addKey(signingKey("ES256", 0), "")
	}},
	{name: "replace signing keys", again: access.ErrStale, make: func(w *world) func() error {
		w.must(w.addKey(signingKey("ES256", 0), "")())
		return func() error {
			return w.s.ReplaceSigningKeys(w.t.Context(), signingKey("ES256", 1), "ES256-0", start, entry("signing.replace"))
		}
	}},
}
