package storetest

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// odd are texts that strangers can send and some databases refuse.
var odd = []string{"", "\x00", "tea\x00", "\xff", "tea\xc3", "茶\xe8\x8c", "'; DROP TABLE grants; --", "\\", "%", "\u2028", "\U0010ffff"}

var textCases = []testCase{
	{"what nobody wrote is not found, whatever it is", func(t *testing.T, w *world) {
		for _, s := range odd {
			for name, err := range map[string]error{
				"shop":        second(w.s.Shop(t.Context(), s)),
				"app":         second(w.s.App(t.Context(), s)),
				"shop grant":  second(w.s.ShopGrant(t.Context(), s)),
				"grant":       second(w.s.Grant(t.Context(), s)),
				"user grant":  second(w.s.UserGrant(t.Context(), "mp", s, s)),
				"claim":       second(w.s.Claim(t.Context(), s, request(start))),
				"client":      second(w.s.Client(t.Context(), s)),
				"invitation":  second(w.s.Invitation(t.Context(), s)),
				"person":      second(w.s.Person(t.Context(), s)),
				"session":     w.s.RotateSession(t.Context(), access.SessionRotation{Session: s, At: start}),
				"revoke":      w.s.RevokeClient(t.Context(), s, start),
				"start of it": w.s.StartSession(t.Context(), access.Session{ID: "s", PersonID: "p" + s, TokenHash: []byte{1}}),
			} {
				if !isAny(err, grant.ErrNotFound, access.ErrNotFound) {
					t.Errorf("%s %q: got %v, want not found", name, s, err)
				}
			}
		}
	}},
	{"a name of any bytes is kept", func(t *testing.T, w *world) {
		w.must(w.s.CreateAdmin(t.Context(), admin("a_1"), nil, entry("admin.create")))
		for i, s := range odd {
			n := access.Session{ID: "s_" + string(rune('a'+i)), AdminID: "a_1", TokenHash: []byte{byte(i)}, Device: "Mozilla " + s,
				CreatedAt: start, ExpiresAt: start.Add(time.Hour)}
			w.must(w.s.StartSession(t.Context(), n))
			if got, err := w.s.SessionByToken(t.Context(), n.TokenHash); err != nil || len(got.Device) < len("Mozilla ") {
				t.Errorf("device %q came back as %q, %v", n.Device, got.Device, err)
			}
		}
	}},
}
