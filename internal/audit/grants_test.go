package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// speak encodes an entry about grants.
func speak(t testing.TB, action, reason string, details map[string]string) []byte {
	t.Helper()
	b, err := Entry{At: epoch, Actor: Actor{Kind: ActorSystem}, Action: action, Reason: reason, Outcome: Done, Details: details}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func about(id, text string) map[string]string { return map[string]string{id: text} }

// story is a log in which one grant renews, one is revoked, one is revoked and
// starts again, and one is removed; and the rows that fit it.
func story(t testing.TB) (log [][]byte, rows []Kept) {
	return [][]byte{
			speak(t, GrantStart, "", map[string]string{"g_new": "due", "g_a": "due"}),
			speak(t, GrantSettle, "", map[string]string{"g_a": "1 aa", "g_b": "1 ab", "g_c": "1 ac", "g_d": "1 ad"}),
			speak(t, GrantSettle, "", map[string]string{"g_a": "2 ba", "g_b": "1 ab"}),
			speak(t, GrantTokens, GrantRevoked, about("g_b", "2 none")),
			speak(t, GrantTokens, GrantRevoked, about("g_c", "2 none")),
			speak(t, GrantStart, "", about("g_c", "due")),
			speak(t, GrantTokens, GrantRevoked, about("g_d", "2 none")),
			speak(t, GrantTokens, GrantRemoved, about("g_d", "2 none")),
			speak(t, "grant.revoke", "", map[string]string{"g_a": "9 no", "shop": "g_shop"}),
			speak(t, GrantTokens, "", map[string]string{"g_a": "what is this", "shop": "1 no"}),
			[]byte(`{"action":"grant.`),
		}, []Kept{
			{Grant: "g_a", Generation: 2, Digest: "ba"},
			{Grant: "g_b", Generation: 2, Digest: NoTokens, Revoked: true},
			{Grant: "g_c", Generation: 2, Digest: NoTokens},
			{Grant: "g_new", Digest: NoTokens},
		}
}

func listen(log [][]byte) *Grants {
	var l Grants
	for i, b := range log {
		l.Read(NewRecord(int64(i), b))
	}
	return &l
}

func TestGrantsThatAgree(t *testing.T) {
	log, rows := story(t)
	if got := listen(log).Compare(rows); len(got) != 0 {
		t.Errorf("disagreements of a sound database: %v", got)
	}
	if got := new(Grants).Compare(nil); len(got) != 0 {
		t.Errorf("disagreements of nothing: %v", got)
	}
}

func TestGrantsThatDisagree(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(rows []Kept) []Kept
		kind   Kind
		grant  string
		seq    int64
	}{
		{"older row put back", func(r []Kept) []Kept { r[0] = Kept{Grant: "g_a", Generation: 1, Digest: "aa"}; return r }, GrantDisagrees, "g_a", 2},
		{"revoked row put back", func(r []Kept) []Kept { r[1] = Kept{Grant: "g_b", Generation: 1, Digest: "ab"}; return r }, GrantDisagrees, "g_b", 3},
		{"row from the beginning put back", func(r []Kept) []Kept { r[1] = Kept{Grant: "g_b", Digest: NoTokens}; return r }, GrantDisagrees, "g_b", 3},
		{"revoked state edited", func(r []Kept) []Kept { r[1].Revoked = false; return r }, GrantDisagrees, "g_b", 3},
		{"tokens edited", func(r []Kept) []Kept { r[0].Digest = "bb"; return r }, GrantDisagrees, "g_a", 2},
		{"row of a later time", func(r []Kept) []Kept { r[0].Generation++; return r }, GrantDisagrees, "g_a", 2},
		{"row that no entry names", func(r []Kept) []Kept { return append(r, Kept{Grant: "g_x", Digest: "xx"}) }, GrantUnknown, "g_x", -1},
		{"removed row put back", func(r []Kept) []Kept {
			return append(r, Kept{Grant: "g_d", Generation: 2, Digest: NoTokens, Revoked: true})
		}, GrantDisagrees, "g_d", 7},
		{"row deleted", func(r []Kept) []Kept { return r[1:] }, GrantGone, "g_a", 2},
		{"revoked row deleted", func(r []Kept) []Kept { return slices.Delete(r, 1, 2) }, GrantGone, "g_b", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, rows := story(t)
			got := listen(log).Compare(c.change(rows))
			if len(got) != 1 || got[0].Kind != c.kind || got[0].Grant() != c.grant || got[0].Seq != c.seq || got[0].Again {
				t.Fatalf("got %v, want %s of %s at %d", got, c.kind, c.grant, c.seq)
			}
			if text := got[0].String(); !strings.Contains(text, c.grant) || c.seq >= 0 && !strings.Contains(text, fmt.Sprintf("entry %d ", c.seq)) {
				t.Errorf("words name neither grant nor entry: %s", text)
			}
		})
	}
}

// A row that was put back while the server ran and was then renewed agrees with
// the newest entry. The generation that came twice tells, until the server has
// revoked it.
func TestGrantRenewedFromAnOldRow(t *testing.T) {
	log, rows := story(t)
	log = append(log, speak(t, GrantSettle, "", about("g_b", "2 cb")), speak(t, GrantSettle, "", about("g_b", "3 db")))
	rows[1] = Kept{Grant: "g_b", Generation: 3, Digest: "db"}
	got := listen(log).Compare(rows)
	if len(got) != 1 || got[0].Grant() != "g_b" || got[0].Seq != 11 || !got[0].Again || !strings.Contains(got[0].String(), "entry 11 ") {
		t.Fatalf("got %v, want g_b from entry 11 on", got)
	}
	log = append(log, speak(t, GrantTokens, GrantRowPutBack, about("g_b", "4 none")))
	rows[1] = Kept{Grant: "g_b", Generation: 4, Digest: NoTokens, Revoked: true}
	if got := listen(log).Compare(rows); len(got) != 0 {
		t.Errorf("after its end: %v", got)
	}
	rows[1].Revoked = false
	if got := listen(log).Compare(rows); len(got) != 1 {
		t.Errorf("un-revoked after its end: %v", got)
	}
}

// Whatever a grant went through: its row as it was before any change of tokens
// or revocation disagrees.
func TestAnyOlderRowDisagrees(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		row := Kept{Grant: "g_a", Digest: NoTokens}
		log := [][]byte{speak(t, GrantStart, "", about(row.Grant, "due"))}
		past := []Kept{row}
		for i := range rapid.IntRange(1, 20).Draw(rt, "steps") {
			reason, action := "", GrantTokens
			switch step := rapid.SampledFrom([]string{"renew", "fail", "revoke", "start"}).Draw(rt, "step"); {
			case step == "start" && row.Revoked:
				row.Revoked = false
			case row.Revoked || step == "start":
				continue
			case step == "renew":
				row.Generation, row.Digest, action = row.Generation+1, fmt.Sprintf("%032x", i), GrantSettle
			case step == "revoke":
				row = Kept{Grant: row.Grant, Generation: row.Generation + 1, Digest: NoTokens, Revoked: true}
				reason = GrantRevoked
			}
			log = append(log, speak(t, action, reason, about(row.Grant, fmt.Sprintf("%d %s", row.Generation, row.Digest))))
			past = append(past, row)
		}
		l := listen(log)
		for _, old := range past {
			// A revoked row in the place of one that was started fails closed.
			want := old.Generation != row.Generation || row.Revoked && !old.Revoked
			if got := l.Compare([]Kept{old}); (len(got) > 0) != want {
				rt.Fatalf("%s in the place of %s: %v", old, row, got)
			}
		}
	})
}

func TestVerifyComparesState(t *testing.T) {
	signer := testSigner(t)
	for _, c := range []struct {
		name   string
		damage func(w *world, s *State)
		kind   Kind
		seq    int64
	}{
		{"sound", func(*world, *State) {}, "", 0},
		{"head row too small", func(_ *world, s *State) { s.Size = 1 }, TipDisagrees, 1},
		{"head row too large", func(_ *world, s *State) { s.Size = 99 }, TipDisagrees, 11},
		{"head row negative", func(_ *world, s *State) { s.Size = -1 }, TipDisagrees, 0},
		{"head row with another root", func(_ *world, s *State) { s.Root[0] ^= 1 }, TipDisagrees, -1},
		{"head row without root", func(_ *world, s *State) { s.Root = nil }, TipDisagrees, -1},
		{"row put back", func(_ *world, s *State) { s.Grants[1] = Kept{Grant: "g_b", Generation: 1, Digest: "ab"} }, GrantDisagrees, 3},
		{"every grant deleted", func(_ *world, s *State) { s.Grants = nil }, GrantGone, 2},
		{"grant added", func(_ *world, s *State) { s.Grants = append(s.Grants, Kept{Grant: "g_x"}) }, GrantUnknown, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, rows := story(t)
			w := &world{signer: signer}
			if err := w.append(log...); err != nil {
				t.Fatal(err)
			}
			if err := w.sign(); err != nil {
				t.Fatal(err)
			}
			root := w.checkpoints[0].Root
			s := State{Size: int64(len(log)), Root: root[:], Grants: rows}
			c.damage(w, &s)
			in := w.input()
			in.State = &s
			report, err := Verify(in)
			if err != nil {
				t.Fatal(err)
			}
			if report.Grants != len(s.Grants) {
				t.Errorf("%d grants compared, want %d", report.Grants, len(s.Grants))
			}
			var kinds []Kind
			for _, p := range report.Problems {
				kinds = append(kinds, p.Kind)
				if p.Seq != c.seq || p.Remedy == "" {
					t.Errorf("problem at %d, want %d: %s", p.Seq, c.seq, p)
				}
			}
			var want []Kind
			if c.kind != "" {
				want = []Kind{c.kind}
			}
			if diff := cmp.Diff(want, kinds); diff != "" {
				t.Errorf("problems (-want +got):\n%s\n%v", diff, report.Problems)
			}
		})
	}
}

func FuzzGrants(f *testing.F) {
	log, _ := story(f)
	for _, b := range log {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var l Grants
		l.Read(NewRecord(7, data))
		for _, d := range l.Compare(nil) {
			if d.Kind != GrantGone || d.Seq != 7 || !strings.HasPrefix(d.Grant(), "g_") {
				t.Errorf("%q gives %v", data, d)
			}
		}
	})
}
