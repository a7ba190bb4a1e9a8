package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

// approved is the yes of somebody who logged in on a phone.
func approved(by grant.Effects) access.Scan {
	return access.Scan{
		ID: access.HashKey("what the code says"), State: access.ScanApproved,
		PersonID: by.Login.NewPerson, SessionID: by.Login.Session.ID, At: start, Until: start.Add(2 * time.Minute),
	}
}

func answer(s *sqlstore.Store, w *world, n access.Scan) func() error {
	return func() error {
		return s.AnswerScan(w.t.Context(), n, grant.Effects{At: n.At, Audit: []audit.Entry{entry("scan.answer")}})
	}
}

// taking gives the PC of a scan its session.
func taking(s *sqlstore.Store, w *world, n access.Scan, now time.Time) func() error {
	return func() error {
		return s.TakeScan(w.t.Context(), n.ID, now, grant.Effects{
			At: now, Login: &grant.Login{Session: session("s_pc", n.PersonID)}, Audit: []audit.Entry{entry("scan.take")},
		})
	}
}

var scanCases = []testCase{
	{"an approval is worth one session", func(t *testing.T, w *world) {
		n := approved(w.enter(1))
		_, err := w.s.Scan(t.Context(), n.ID)
		same(t, "before the answer", err != nil, true)
		w.refused(access.ErrUsed, taking(w.s, w, n, start))
		w.must(answer(w.s, w, n)())
		got, err := w.s.Scan(t.Context(), n.ID)
		w.must(err)
		same(t, "scan", got, n)
		w.must(taking(w.s, w, n, start.Add(time.Minute))())
		got, err = w.s.Scan(t.Context(), n.ID)
		w.must(err)
		same(t, "state", got.State, access.ScanTaken)
		_, err = w.s.SessionByToken(t.Context(), access.HashKey("token-s_pc"))
		w.must(err)
		same(t, "entries", len(w.entries("scan.take")), 1)
		w.refused(access.ErrUsed, taking(w.s, w, n, start.Add(time.Minute)))
	}},
	{"a code is answered once", func(t *testing.T, w *world) {
		n := approved(w.enter(1))
		no := n
		no.State = access.ScanRefused
		w.must(answer(w.s, w, no)())
		w.refused(access.ErrUsed, answer(w.s, w, n))
		w.refused(access.ErrUsed, taking(w.s, w, n, start))
	}},
	{"an approval that is too old is worth nothing", func(t *testing.T, w *world) {
		n := approved(w.enter(1))
		w.must(answer(w.s, w, n)())
		w.refused(access.ErrUsed, taking(w.s, w, n, n.Until))
		w.must(taking(w.s, w, n, n.Until.Add(-time.Millisecond))())
	}},
	{"an approval ends with the session that gave it", func(t *testing.T, w *world) {
		n := approved(w.enter(1))
		w.must(answer(w.s, w, n)())
		_, err := w.s.EndSessions(t.Context(), grant.Effects{At: start, EndSessions: []access.SessionFilter{{ID: n.SessionID}}})
		w.must(err)
		w.refused(access.ErrUsed, taking(w.s, w, n, start.Add(time.Second)))
	}},
	{"of answers and of PCs at once one counts", func(t *testing.T, w *world) {
		n := approved(w.enter(1))
		same(t, "answers", together(t, 12, access.ErrUsed, func(i int) error { return answer(w.replica(i), w, n)() }), 1)
		same(t, "sessions", together(t, 12, access.ErrUsed, func(i int) error { return taking(w.replica(i), w, n, start)() }), 1)
	}},
	{"scans are purged after a day", func(t *testing.T, w *world) {
		n := approved(w.enter(1))
		w.must(answer(w.s, w, n)())
		w.must(w.s.Purge(t.Context(), start.Add(23*time.Hour)))
		_, err := w.s.Scan(t.Context(), n.ID)
		w.must(err)
		w.must(w.s.Purge(t.Context(), start.Add(25*time.Hour)))
		_, err = w.s.Scan(t.Context(), n.ID)
		same(t, "gone", errors.Is(err, access.ErrNotFound), true)
	}},
}

var scanTransitions = []transition{
	{name: "answer scan", again: access.ErrUsed, make: func(w *world) func() error {
		return answer(w.s, w, approved(w.enter(1)))
	}},
	{name: "take scan", again: access.ErrUsed, make: func(w *world) func() error {
		n := approved(w.enter(1))
		w.must(answer(w.s, w, n)())
		return taking(w.s, w, n, start)
	}},
}
