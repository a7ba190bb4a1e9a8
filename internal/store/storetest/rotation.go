package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

// rotation is one of a client's key, that began n hours in.
func rotation(id string, n int, state access.RotationState) access.Rotation {
	at := start.Add(time.Duration(n) * time.Hour)
	return access.Rotation{ID: id, Kind: access.RotateClient, Subject: "erp", State: state, By: "operator", BegunAt: at, ChangedAt: at,
		DueAt: at.Add(time.Hour), Version: 2, Next: []byte("next"), Previous: []byte("previous"), Why: "time_over"}
}

func (w *world) rotates(revision int64, d access.Declaration) error {
	d.Revision, d.At = revision, start
	return w.s.Declare(w.t.Context(), d, entry("rotation.begin"))
}

// nextKeys gives a client a second key.
func nextKeys(c access.Client) access.ClientKeys {
	return access.ClientKeys{Client: c.ID, Hash: c.KeyHash, Hint: c.KeyHint, CreatedAt: c.CreatedAt, MadeBy: "operator",
		Next: access.NextKey{Hash: access.HashKey("second-" + c.ID), Hint: "zgc_cd", MadeAt: start}}
}

var rotationCases = []testCase{
	{"rotations are listed, and the live ones apart", func(t *testing.T, w *world) {
		first, middle, third := rotation("rot_1", 0, access.RotationDone), rotation("rot_2", 1, access.RotationWaits), rotation("rot_3", 2, access.RotationOverlap)
		w.must(w.rotates(1, access.Declaration{Rotations: []access.Rotation{first, middle, third}}))
		live, err := w.s.LiveRotations(t.Context())
		w.must(err)
		same(t, "live", live, []access.Rotation{middle, third})
		page, err := w.s.Rotations(t.Context(), access.Mark{}, 2)
		w.must(err)
		same(t, "first page", page, []access.Rotation{third, middle})
		page, err = w.s.Rotations(t.Context(), access.Mark{At: middle.BegunAt, ID: middle.ID}, 2)
		w.must(err)
		same(t, "second page", page, []access.Rotation{first})
		w.refused(access.ErrNotFound, func() error { return second(w.s.Rotation(t.Context(), "rot_9")) })
		w.refused(access.ErrStale, func() error {
			return w.rotates(1, access.Declaration{Rotations: []access.Rotation{rotation("rot_4", 3, access.RotationWaits)}})
		})

		later := third.BegunAt.Add(time.Hour)
		w.must(w.s.SeeRotation(t.Context(), "rot_3", later, later.Add(time.Hour)))
		w.must(w.s.SeeRotation(t.Context(), "rot_3", third.BegunAt, time.Time{}))
		w.must(w.s.SeeRotation(t.Context(), "rot_1", later, later))
		third.NewSeen, third.OldSeen = later, later.Add(time.Hour)
		got, err := w.s.Rotation(t.Context(), "rot_3")
		w.must(err)
		same(t, "seen", got, third)
		got, err = w.s.Rotation(t.Context(), "rot_1")
		w.must(err)
		same(t, "ended and not seen", got, first)
		third.State, third.Next, third.Previous, third.DueAt = access.RotationBack, nil, nil, time.Time{}
		w.must(w.rotates(2, access.Declaration{Rotations: []access.Rotation{third}}))
		got, err = w.s.Rotation(t.Context(), "rot_3")
		w.must(err)
		same(t, "ended", got, third)
	}},
	{"a replaced secret is found by its digest, of its app alone", func(t *testing.T, w *world) {
		var all []access.Rotation
		for i, app := range []string{"mp", "mp", "app-tea", "mp"} {
			r := rotation(fmt.Sprintf("rot_%d", i), i, access.RotationDone)
			r.Kind, r.Subject, r.Next, r.Previous = access.RotateAppSecret, app, nil, nil
			if i < 3 {
				r.Replaced = []byte("digest")
			}
			all = append(all, r)
		}
		w.must(w.rotates(1, access.Declaration{Rotations: all}))
		got, err := w.s.RotationThatReplaced(t.Context(), "mp", []byte("digest"))
		w.must(err)
		same(t, "found", got, all[1])
		for _, digest := range [][]byte{[]byte("other"), {}, nil} {
			w.refused(access.ErrNotFound, func() error { return second(w.s.RotationThatReplaced(t.Context(), "mp", digest)) })
		}
		all[1].Replaced = nil // it came back
		w.must(w.rotates(2, access.Declaration{Rotations: all[1:2]}))
		got, err = w.s.RotationThatReplaced(t.Context(), "mp", []byte("digest"))
		w.must(err)
		same(t, "found then", got, all[0])
	}},
	{"a client is found by either key, until one of them ends", func(t *testing.T, w *world) {
		c := client("erp", "tea")
		w.declareClients(1, c)
		keys := nextKeys(c)
		w.must(w.rotates(2, access.Declaration{Keys: []access.ClientKeys{keys}}))
		c.Next, c.MadeBy = keys.Next, "operator"
		find := func(want access.Client, hashes ...[]byte) {
			t.Helper()
			for _, h := range hashes {
				got, err := w.s.ClientByKey(t.Context(), h)
				w.must(err)
				same(t, "by key", got, want)
			}
		}
		find(c, keys.Hash, keys.Next.Hash)
		same(t, "hints", []string{c.Used(keys.Hash), c.Used(keys.Next.Hash)}, []string{c.KeyHint, "zgc_cd"})
		used := start.Add(time.Minute)
		w.must(w.s.TouchKeys(t.Context(), map[string]time.Time{string(keys.Hash): used, string(keys.Next.Hash): used.Add(time.Minute), "nobody's": used}))
		w.must(w.s.TouchKeys(t.Context(), map[string]time.Time{string(keys.Hash): start}))
		c.UsedAt, c.Next.UsedAt = used, used.Add(time.Minute)
		find(c, keys.Hash)

		unchanged := client("erp", "tea", "rice")
		unchanged.KeyHash = nil
		w.declareClients(3, unchanged)
		c.Shops = []string{"rice", "tea"}
		find(c, keys.Hash, keys.Next.Hash)
		one := access.ClientKeys{Client: "erp", Hash: keys.Next.Hash, Hint: "zgc_cd", CreatedAt: start.Add(time.Hour), MadeBy: "operator"}
		w.must(w.rotates(4, access.Declaration{Keys: []access.ClientKeys{one}}))
		c.KeyHash, c.KeyHint, c.CreatedAt, c.UsedAt, c.Next = one.Hash, one.Hint, one.CreatedAt, time.Time{}, access.NextKey{}
		find(c, one.Hash)
		w.refused(access.ErrNotFound, func() error { return second(w.s.ClientByKey(t.Context(), keys.Hash)) })
		w.refused(access.ErrNotFound, func() error {
			return w.rotates(5, access.Declaration{Keys: []access.ClientKeys{{Client: "nobody", Hash: []byte("x")}}})
		})
	}},
	{"the end of a client, and another key of it, end its second key", func(t *testing.T, w *world) {
		c := client("erp", "tea")
		w.declareClients(1, c)
		keys := nextKeys(c)
		w.must(w.rotates(2, access.Declaration{Keys: []access.ClientKeys{keys}}))
		w.must(w.s.RevokeClient(t.Context(), "erp", start, entry("client.revoke")))
		got, err := w.s.ClientByKey(t.Context(), keys.Next.Hash)
		w.must(err)
		same(t, "live", got.Live(start), false)
		renewed := client("erp", "tea")
		renewed.KeyHash = access.HashKey("key-erp-2")
		w.declareClients(3, renewed)
		w.refused(access.ErrNotFound, func() error { return second(w.s.ClientByKey(t.Context(), keys.Next.Hash)) })
	}},
}
