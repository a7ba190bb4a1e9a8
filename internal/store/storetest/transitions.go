package storetest

import (
	"errors"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

var grantTransitions = []transition{
	{name: "settle", again: grant.ErrLost, make: func(w *world) func() error {
		e := renewal(w.claim("tea", start), start)
		return func() error {
			errs, err := w.s.Settle(w.t.Context(), []grant.Effects{e})
			return errors.Join(append(errs, err)...)
		}
	}},
	{name: "claim", again: grant.ErrLeased, make: func(w *world) func() error {
		id := w.shopGrant("tea").ID
		return func() error { return second(w.s.Claim(w.t.Context(), id, request(start))) }
	}},
	{name: "claim due", make: func(w *world) func() error {
		return func() error { return second(w.s.ClaimDue(w.t.Context(), request(start))) }
	}},
	{name: "authorise", again: grant.ErrLost, make: func(w *world) func() error {
		a := *w.enter(1).Authorise
		a.From, a.Tokens = 1, tokens(grant.User, a.GrantID, 2, start)
		return func() error {
			return w.s.Authorise(w.t.Context(), grant.Effects{At: start, Authorise: &a, Audit: []audit.Entry{entry("grant.authorise")}})
		}
	}},
	{name: "revoke", make: func(w *world) func() error {
		w.renew("tea", start)
		return func() error { return w.kill("tea", start) }
	}},
	{name: "spend forced refresh", more: true, make: func(w *world) func() error {
		id := w.shopGrant("tea").ID
		return func() error { return w.s.SpendForce(w.t.Context(), id, start, "client:c", entry("grant.force")) }
	}},
	{name: "touch grants", make: func(w *world) func() error {
		id := w.shopGrant("tea").ID
		return func() error { return w.s.Touch(w.t.Context(), start.Add(time.Hour), id) }
	}},
	{name: "end a row that was put back", make: func(w *world) func() error {
		w.renew("tea", start)
		e := entry(audit.GrantTokens)
		e.Details = map[string]string{w.shopGrant("tea").ID: "7 none"}
		if err := w.s.Append(w.t.Context(), e); err != nil {
			w.t.Fatal(err)
		}
		found, err := w.s.CheckGrants(w.t.Context())
		if err != nil || len(found) != 1 { // no must: the row disagrees until it is ended
			w.t.Fatal(found, err)
		}
		return func() error { return w.s.EndPutBack(w.t.Context(), start, found...) }
	}},
}

var loginTransitions = []transition{
	{name: "use state", again: access.ErrUsed, unseen: true, make: func(w *world) func() error {
		cb := grant.Callback{App: "mp", StateHash: access.HashKey("state"), CodeHash: access.HashKey("code"), At: start}
		return func() error { return second(w.s.UseState(w.t.Context(), cb)) }
	}},
	{name: "log in", again: errAny, make: func(w *world) func() error {
		e := w.visit(1)
		return func() error { return w.s.Login(w.t.Context(), e) }
	}},
	{name: "start session", again: errAny, make: func(w *world) func() error {
		w.must(w.s.CreateAdmin(w.t.Context(), admin("a_1"), nil, entry("admin.create")))
		n := access.Session{ID: "s_1", AdminID: "a_1", TokenHash: access.HashKey("s_1"), CreatedAt: start, ExpiresAt: start.Add(time.Hour)}
		return func() error { return w.s.StartSession(w.t.Context(), n, entry("session.start")) }
	}},
	{name: "touch session", make: func(w *world) func() error {
		id := w.enter(1).Login.Session.ID
		return func() error {
			return w.s.TouchSessions(w.t.Context(), []access.SessionUse{{Session: id, At: start.Add(time.Minute)}})
		}
	}},
	{name: "end sessions", make: func(w *world) func() error {
		e := grant.Effects{At: start, Audit: []audit.Entry{entry("session.end")},
			EndSessions: []access.SessionFilter{{PersonID: w.enter(1).Login.NewPerson, Why: "logout"}}}
		return func() error { return second(w.s.EndSessions(w.t.Context(), e)) }
	}},
	{name: "link identity", make: func(w *world) func() error {
		from, to := w.enter(1), w.enter(2)
		return func() error {
			return w.s.LinkIdentity(w.t.Context(), "mp", from.Login.Identity.OpenID, to.Login.NewPerson, from.Login.Session.ID)
		}
	}},
	{name: "save profile", unseen: true, make: func(w *world) func() error {
		p := access.Profile{PersonID: w.enter(1).Login.NewPerson, Nickname: "小明", UpdatedAt: start}
		return func() error { return w.s.SaveProfile(w.t.Context(), p) }
	}},
	{name: "create invitation", again: errAny, make: func(w *world) func() error {
		return func() error {
			return w.s.CreateInvitation(w.t.Context(), invitation("i_1", "tea"), entry("invitation.create"))
		}
	}},
	{name: "confirm invitation", again: access.ErrInvitationGone, make: func(w *world) func() error {
		w.invited(1, "i_1", "tea")
		return func() error { return second(w.confirm("i_1", "1234", start)) }
	}},
	{name: "withdraw invitation", again: access.ErrInvitationGone, make: func(w *world) func() error {
		w.must(w.s.CreateInvitation(w.t.Context(), invitation("i_1", "tea"), entry("invitation.create")))
		return func() error { return w.s.WithdrawInvitation(w.t.Context(), "i_1", start, entry("invitation.withdraw")) }
	}},
}

var peopleTransitions = []transition{
	{name: "change member", again: access.ErrStale, make: func(w *world) func() error {
		m := w.member(1, "tea", access.Operator)
		to := m
		to.Role = access.Viewer
		return func() error { return w.s.ChangeMember(w.t.Context(), m, to, start, told("member.change")) }
	}},
	{name: "remove member", again: access.ErrNotFound, make: func(w *world) func() error {
		d := access.Departure{Member: w.member(1, "tea", access.Operator)}
		return func() error { return w.s.RemoveMember(w.t.Context(), d, start, told("member.remove")) }
	}},
	{name: "start transfer", again: access.ErrUsed, make: func(w *world) func() error {
		n := w.offer(w.member(1, "", access.Owner), w.member(2, "", access.Viewer))
		return func() error { return w.s.StartTransfer(w.t.Context(), n, told("transfer.offer")) }
	}},
	{name: "finish transfer", again: access.ErrTransferGone, make: func(w *world) func() error {
		n := w.offer(w.member(1, "", access.Owner), w.member(2, "", access.Viewer))
		w.must(w.s.StartTransfer(w.t.Context(), n, told("transfer.offer")))
		return func() error { return w.s.FinishTransfer(w.t.Context(), n.ID, start, told("transfer.done")) }
	}},
	{name: "stop transfer", again: access.ErrTransferGone, make: func(w *world) func() error {
		n := w.offer(w.member(1, "", access.Owner), w.member(2, "", access.Viewer))
		w.must(w.s.StartTransfer(w.t.Context(), n, told("transfer.offer")))
		return func() error { return w.s.StopTransfer(w.t.Context(), n.ID, start, told("transfer.stop")) }
	}},
	{name: "start visit", again: errAny, make: func(w *world) func() error {
		w.must(w.s.CreateAdmin(w.t.Context(), admin("a_1"), nil, entry("admin.create")))
		v := access.NewVisit("a_1", "lantian", "ticket 7", start)
		return func() error { return w.s.StartVisit(w.t.Context(), v, told("visit.start")) }
	}},
	{name: "end visits", make: func(w *world) func() error {
		w.must(w.s.CreateAdmin(w.t.Context(), admin("a_1"), nil, entry("admin.create")))
		w.must(w.s.StartVisit(w.t.Context(), access.NewVisit("a_1", "lantian", "ticket 7", start), told("visit.start")))
		return func() error {
			return second(w.s.EndVisits(w.t.Context(), "a_1", "lantian", start.Add(time.Minute), entry("visit.end")))
		}
	}},
	{name: "change staff", make: func(w *world) func() error {
		w.must(w.s.CreateAdmin(w.t.Context(), admin("a_1"), nil, entry("admin.create")))
		return func() error {
			return w.s.SetStaff(w.t.Context(), "a_1", "小李", access.StaffSupport, start, entry("admin.change"))
		}
	}},
	{name: "forget person", make: func(w *world) func() error {
		m := w.member(1, "tea", access.Operator)
		return func() error { return w.s.ForgetPerson(w.t.Context(), m.PersonID, nil, told("person.forget")) }
	}},
	{name: "move openids", make: func(w *world) func() error {
		old := w.enter(1).Login.Identity.OpenID
		return func() error {
			return second(w.s.Remap(w.t.Context(), "mp", []access.Remap{{Old: old, New: "o_demo_moved_0001"}}, told("identity.remap")))
		}
	}},
}

var setupTransitions = []transition{
	{name: "declare", again: access.ErrStale, make: func(w *world) func() error {
		d := directory()
		d.Revision = 1
		d.Shops[0].Name = "红茶"
		return func() error { return w.s.Declare(w.t.Context(), d, entry("setup.apply")) }
	}},
	{name: "create set-up link", more: true, make: func(w *world) func() error {
		return func() error {
			return w.s.CreateSetupLink(w.t.Context(), access.HashKey("zgu_link"), start, start.Add(time.Hour))
		}
	}},
	{name: "create administrator", again: access.ErrUsed, make: func(w *world) func() error {
		link := access.HashKey("zgu_link")
		w.must(w.s.CreateSetupLink(w.t.Context(), link, start, start.Add(time.Hour)))
		return func() error { return w.s.CreateAdmin(w.t.Context(), admin("a_1"), link, entry("admin.create")) }
	}},
	{name: "revoke administrator", make: func(w *world) func() error {
		w.must(w.s.CreateAdmin(w.t.Context(), admin("a_1"), nil, entry("admin.create")))
		return func() error { return w.s.RevokeAdmin(w.t.Context(), "a_1", start, entry("admin.revoke")) }
	}},
	{name: "revoke client", make: func(w *world) func() error {
		w.declareClients(1, client("erp", "tea"))
		return func() error { return w.s.RevokeClient(w.t.Context(), "erp", start, entry("client.revoke")) }
	}},
	{name: "purge", make: func(w *world) func() error {
		w.enter(1)
		return func() error { return w.s.Purge(w.t.Context(), start.Add(365*24*time.Hour)) }
	}},
	{name: "declare channel", again: access.ErrStale, unseen: true, make: func(w *world) func() error {
		return func() error { return w.makeChannel(robot("ops", "")) }
	}},
	{name: "remove channel", again: access.ErrNotFound, unseen: true, make: func(w *world) func() error {
		w.must(w.makeChannel(robot("ops", "")))
		return func() error { return w.s.RemoveChannel(w.t.Context(), "ops", start, entry("channel.remove")) }
	}},
	{name: "set condition", make: func(w *world) func() error {
		w.must(w.s.RegisterChannels(w.t.Context(), []notice.Route{{Channel: "log"}}, start, start, start))
		return func() error {
			return second(w.s.SetCondition(w.t.Context(), "clock.skew", true, notice.Notice{At: start, Kind: notice.ClockSkew}, entry("clock.skew")))
		}
	}},
}

var logTransitions = []transition{
	{name: "append", more: true, make: func(w *world) func() error {
		return func() error { return w.s.Append(w.t.Context(), entry("x")) }
	}},
	{name: "save checkpoint", unseen: true, make: func(w *world) func() error {
		size, root, err := w.s.AuditHead(w.t.Context())
		w.must(err)
		c := audit.Checkpoint{Size: size, Root: root, SignedNote: []byte("note"), At: start}
		return func() error { return w.s.SaveCheckpoint(w.t.Context(), c, c.Size-1) }
	}},
	{name: "create keyset", make: func(w *world) func() error {
		return func() error { return second(w.s.CreateKeyset(w.t.Context(), []byte("wrapped"), entry("key.create"))) }
	}},
	{name: "save keyset", again: access.ErrStale, make: func(w *world) func() error {
		w.must(second(w.s.CreateKeyset(w.t.Context(), []byte("wrapped"), entry("key.create"))))
		return func() error {
			return w.s.SaveKeyset(w.t.Context(), []byte("wrapped"), []byte("wrapped anew"), entry("key.rotate"))
		}
	}},
	{name: "create audit key", unseen: true, make: func(w *world) func() error {
		return func() error { return second(w.s.CreateAuditKey(w.t.Context(), "key")) }
	}},
	{name: "observe time", unseen: true, make: func(w *world) func() error {
		return func() error { return second(w.s.ObserveTime(w.t.Context(), start)) }
	}},
}
