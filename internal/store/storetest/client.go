package storetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

func client(id string, shops ...string) access.Client {
	return access.Client{
		ID: id, Name: "ERP " + id, KeyHash: access.HashKey("key-" + id), KeyHint: "zgc_ab", Mode: access.Read, Shops: shops,
		Rights: access.Rights{Groups: []string{"order"}, Paths: []access.PathRight{{Path: "/channels/ec/funds/submitwithdraw", Daily: 3}}, PerSecond: 2.5,
			From: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
		CreatedAt: start, ExpiresAt: start.Add(365 * 24 * time.Hour),
	}
}

func (w *world) declareClients(revision int64, clients ...access.Client) {
	w.t.Helper()
	w.must(w.s.Declare(w.t.Context(), access.Declaration{Revision: revision, At: start, Clients: clients}, entry("setup.apply")))
}

func admin(id string) access.Administrator {
	return access.Administrator{ID: id, Name: id, KeyHash: access.HashKey("key-" + id), CreatedAt: start}
}

var clientCases = []testCase{
	{"a client is found by its key, with its shops", func(t *testing.T, w *world) {
		w.declareClients(1, client("erp", "rice", "tea"), client("bi"))
		want := client("erp", "rice", "tea")
		got, err := w.s.ClientByKey(t.Context(), want.KeyHash)
		w.must(err)
		same(t, "by key", got, want)
		got, err = w.s.Client(t.Context(), "erp")
		w.must(err)
		same(t, "by id", got, want)
		all, err := w.s.Clients(t.Context())
		w.must(err)
		same(t, "all", all, []access.Client{client("bi"), want})
		w.refused(access.ErrNotFound, func() error { return second(w.s.ClientByKey(t.Context(), []byte("?"))) })
		w.refused(access.ErrNotFound, func() error { return second(w.s.Client(t.Context(), "unknown")) })
	}},
	{"a revoked client stays revoked until it gets another key", func(t *testing.T, w *world) {
		w.declareClients(1, client("erp", "tea"))
		w.must(w.s.RevokeClient(t.Context(), "erp", start, entry("client.revoke")))
		w.must(w.s.RevokeClient(t.Context(), "erp", start.Add(time.Hour), entry("client.revoke")))
		same(t, "entries", len(w.entries("client.revoke")), 1)
		live := func(want bool) {
			t.Helper()
			c, err := w.s.Client(t.Context(), "erp")
			w.must(err)
			same(t, "live", c.Live(start.Add(time.Minute)), want)
		}
		live(false)
		unchanged := client("erp", "tea", "rice")
		unchanged.KeyHash = nil
		w.declareClients(2, unchanged)
		live(false)
		w.declareClients(3, client("erp", "tea"))
		live(false)
		renewed := client("erp", "tea")
		renewed.KeyHash = access.HashKey("key-erp-2")
		w.declareClients(4, renewed)
		live(true)
		w.refused(access.ErrNotFound, func() error { return w.s.RevokeClient(t.Context(), "unknown", start, entry("x")) })
	}},
	{"the first administrator uses up the link", func(t *testing.T, w *world) {
		old, link := access.HashKey("zgu_old"), access.HashKey("zgu_link")
		w.must(w.s.CreateSetupLink(t.Context(), old, start, start.Add(time.Hour)))
		w.must(w.s.CreateSetupLink(t.Context(), link, start, start.Add(time.Hour)))
		w.refused(access.ErrNotFound, func() error { return w.s.CreateAdmin(t.Context(), admin("a_1"), old, entry("admin.create")) })
		late := admin("a_1")
		late.CreatedAt = start.Add(time.Hour)
		w.refused(access.ErrNotFound, func() error { return w.s.CreateAdmin(t.Context(), late, link, entry("admin.create")) })
		w.must(w.s.CreateAdmin(t.Context(), admin("a_1"), link, entry("admin.create")))
		w.refused(access.ErrUsed, func() error { return w.s.CreateAdmin(t.Context(), admin("a_2"), link, entry("admin.create")) })
		w.refused(access.ErrUsed, func() error {
			return w.s.CreateSetupLink(t.Context(), access.HashKey("zgu_more"), start, start.Add(time.Hour))
		})
		got, err := w.s.AdminByKey(t.Context(), admin("a_1").KeyHash)
		w.must(err)
		same(t, "administrator", got, admin("a_1"))
	}},
	{"a link is worth nothing once an administrator lives", func(t *testing.T, w *world) {
		link := access.HashKey("zgu_link")
		w.must(w.s.CreateSetupLink(t.Context(), link, start, start.Add(time.Hour)))
		w.must(w.s.CreateAdmin(t.Context(), admin("a_1"), nil, entry("admin.create")))
		w.refused(access.ErrUsed, func() error { return w.s.CreateAdmin(t.Context(), admin("a_2"), link, entry("x")) })
	}},
	{"revoking an administrator ends their sessions", func(t *testing.T, w *world) {
		w.must(w.s.CreateAdmin(t.Context(), admin("a_1"), nil, entry("admin.create")))
		n := access.Session{ID: "s_admin", TokenHash: []byte{1}, AdminID: "a_1", Door: access.DoorKey, CreatedAt: start, SeenAt: start,
			ExpiresAt: start.Add(time.Hour), IdleLimit: time.Hour}
		w.must(w.s.StartSession(t.Context(), n, entry("session.start")))
		w.must(w.s.RevokeAdmin(t.Context(), "a_1", start, entry("admin.revoke")))
		w.must(w.s.RevokeAdmin(t.Context(), "a_1", start, entry("admin.revoke")))
		got, err := w.s.Sessions(t.Context(), access.SessionFilter{AdminID: "a_1"})
		w.must(err)
		if len(got) != 1 || got[0].EndedAt.IsZero() {
			t.Errorf("sessions %+v", got)
		}
		admins, err := w.s.Admins(t.Context())
		w.must(err)
		if len(admins) != 1 || admins[0].Live(start) {
			t.Errorf("administrators %+v", admins)
		}
		w.refused(access.ErrNotFound, func() error { return w.s.RevokeAdmin(t.Context(), "a_unknown", start, entry("x")) })
		w.must(w.s.CreateSetupLink(t.Context(), access.HashKey("zgu_more"), start, start.Add(time.Hour)))
		n2, err := w.s.EndSessions(t.Context(), grant.Effects{At: start, EndSessions: []access.SessionFilter{{AdminID: "a_1"}}})
		w.must(err)
		same(t, "live sessions left", n2, 0)
	}},
}
