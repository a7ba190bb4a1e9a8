package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// writing lets the service account write to owners.
func (w *world) writing() {
	w.t.Helper()
	d := access.Declaration{At: start, Apps: directory().Apps[:1]}
	d.Apps[0].OwnerMessage = access.OwnerMessage{Template: "tpl", Kind: access.TemplateMessage, Fields: map[string]string{"thing1": "shop"}}
	w.must(w.declare(d))
	got, err := w.s.App(w.t.Context(), "mp")
	w.must(err)
	same(w.t, "how it writes", got.OwnerMessage, d.Apps[0].OwnerMessage)
}

// owe writes facts about shops that owners are owed a minute later.
func (w *world) owe(now time.Time, shops ...string) (f notice.Folding, a notice.Alert) {
	w.t.Helper()
	e := grant.Effects{At: now}
	for i, shop := range shops {
		e.Notices = append(e.Notices, notice.Notice{At: now, Kind: notice.GrantNeedsOwner, Subject: fmt.Sprintf("grant:g_%d", i), Details: map[string]string{"shop": shop}})
	}
	w.must(w.s.Revoke(w.t.Context(), e))
	f = w.folding("r_1", now)
	var facts []notice.Fact
	for _, fact := range f.Facts {
		if fact.Notice.Kind == notice.GrantNeedsOwner {
			facts = append(facts, fact)
		}
	}
	a = alertOf(facts...)
	p := notice.Plan{Alerts: []notice.Alert{a}}
	for _, fact := range f.Facts {
		x := notice.Folded{Fact: fact.ID}
		if fact.Notice.Kind == notice.GrantNeedsOwner {
			x = foldedInto(a.ID, fact)[0]
		}
		p.Folded = append(p.Folded, x)
	}
	w.must(w.s.Fold(w.t.Context(), "r_1", f.Term, now, p))
	return f, a
}

// letters claims what is owed, as "person kind shops".
func (w *world) letters(now time.Time) (all []notice.Outgoing, said []string) {
	w.t.Helper()
	all, err := w.s.ClaimLetters(w.t.Context(), now, 10)
	w.must(err)
	for _, l := range all {
		said = append(said, fmt.Sprintf("%s %s %d", l.PersonID, l.Kind, l.Shops))
	}
	return all, said
}

var letterCases = []testCase{
	{"each owner gets one letter, about their own shops", func(t *testing.T, w *world) {
		all, tea := w.member(1, "", access.Owner), w.member(2, "tea", access.Owner)
		w.member(3, "tea", access.Operator)
		w.writing()
		w.owe(start, "tea", "rice", "silk")
		_, said := w.letters(start)
		same(t, "before its time", len(said), 0)
		got, said := w.letters(start.Add(time.Minute))
		same(t, "owed", said, []string{all.PersonID + " grant.needs_owner 2", tea.PersonID + " grant.needs_owner 1"})
		for _, l := range got {
			if l.OpenID == "" || l.App != "mp" || l.State != notice.LetterSending {
				t.Errorf("claimed %+v", l)
			}
		}
		_, said = w.letters(start.Add(2 * time.Minute))
		same(t, "claimed twice", len(said), 0)
	}},
	{"a letter of a kind a day", func(t *testing.T, w *world) {
		w.member(1, "", access.Owner)
		w.writing()
		w.owe(start, "tea")
		got, _ := w.letters(start.Add(time.Minute))
		l := got[0].Letter
		l.State = notice.LetterSent
		w.must(w.s.SettleLetter(t.Context(), l, time.Time{}, entry("owner.letter")))
		w.must(w.s.SettleLetter(t.Context(), l, time.Time{}, entry("owner.letter"))) // too late
		same(t, "entries", len(w.entries("owner.letter")), 1)
		w.owe(start.Add(time.Hour), "rice")
		_, said := w.letters(start.Add(2 * time.Hour))
		same(t, "the same day", len(said), 0)
		_, said = w.letters(start.Add(time.Minute + notice.LetterEvery))
		same(t, "a day later", len(said), 1)
		kept, on, err := w.s.Letters(t.Context(), l.PersonID, 10)
		w.must(err)
		if len(kept) != 2 || !on || kept[1].State != notice.LetterSent {
			t.Errorf("kept %+v, on: %v", kept, on)
		}
	}},
	{"what did not arrive is owed still", func(t *testing.T, w *world) {
		w.member(1, "", access.Owner)
		w.writing()
		w.owe(start, "tea")
		got, _ := w.letters(start.Add(time.Minute))
		l := got[0].Letter
		l.State, l.Reason = notice.LetterDelayed, "-1"
		w.must(w.s.SettleLetter(t.Context(), l, start.Add(time.Hour)))
		_, said := w.letters(start.Add(time.Hour - time.Second))
		same(t, "too early", len(said), 0)
		_, said = w.letters(start.Add(time.Hour))
		same(t, "again", len(said), 1)
	}},
	{"what is well again is told no owner", func(t *testing.T, w *world) {
		m := w.member(1, "", access.Owner)
		w.writing()
		_, a := w.owe(start, "tea", "rice")
		f := w.folding("r_1", start)
		w.must(w.s.Fold(t.Context(), "r_1", f.Term, start, notice.Plan{Left: []notice.Membership{{Alert: a.ID, Subject: "grant:g_0"}}}))
		_, said := w.letters(start.Add(time.Hour))
		same(t, "owed", said, []string{m.PersonID + " grant.needs_owner 1"})
	}},
	{"owners may want no letters, and nobody gets any without a template", func(t *testing.T, w *world) {
		m := w.member(1, "", access.Owner)
		w.owe(start, "tea")
		_, said := w.letters(start.Add(time.Minute))
		same(t, "without a template", len(said), 0)
		w.writing()
		w.must(w.s.SetLetters(t.Context(), m.PersonID, false, entry("person.letters")))
		w.must(w.s.SetLetters(t.Context(), m.PersonID, false, entry("person.letters")))
		same(t, "entries", len(w.entries("person.letters")), 1)
		_, said = w.letters(start.Add(time.Minute))
		same(t, "turned off", len(said), 0)
		w.must(w.s.SetLetters(t.Context(), m.PersonID, true, entry("person.letters")))
		_, said = w.letters(start.Add(time.Minute))
		same(t, "turned on", len(said), 1)
		w.refused(access.ErrNotFound, func() error { return w.s.SetLetters(t.Context(), "p_nobody", true) })
	}},
}
