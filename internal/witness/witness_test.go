package witness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// testLog is a log in memory.
type testLog struct {
	t      testing.TB
	signer *audit.Signer
	leaves [][]byte
	hashes []tlog.Hash
	heads  []audit.Checkpoint
}

func newLog(t testing.TB, s *audit.Signer, n int) *testLog {
	l := &testLog{t: t, signer: s}
	for i := range n {
		l.append(fmt.Sprint("entry ", i))
	}
	return l
}

func newSigner(t testing.TB) *audit.Signer {
	t.Helper()
	s, err := audit.OpenSigner(t.TempDir(), "zhanggui-audit")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// append adds an entry and signs the head.
func (l *testLog) append(words string) {
	l.t.Helper()
	size := int64(len(l.leaves))
	more, root, err := audit.Append(size, l.AuditHashes(l.t.Context()), [][]byte{[]byte(words)})
	if err != nil {
		l.t.Fatal(err)
	}
	l.leaves, l.hashes = append(l.leaves, []byte(words)), append(l.hashes, more...)
	c, err := l.signer.SignHead(size+1, root, start.Add(time.Duration(size)*time.Second))
	if err != nil {
		l.t.Fatal(err)
	}
	l.heads = append(l.heads, c)
}

func (l *testLog) NewestCheckpoint(context.Context) (audit.Checkpoint, bool, error) {
	if len(l.heads) == 0 {
		return audit.Checkpoint{}, false, nil
	}
	return l.heads[len(l.heads)-1], true, nil
}

func (l *testLog) RootAt(ctx context.Context, size int64) (tlog.Hash, error) {
	if size > int64(len(l.leaves)) {
		return tlog.Hash{}, errors.New("shorter")
	}
	return audit.Root(size, l.AuditHashes(ctx))
}

func (l *testLog) AuditHashes(context.Context) tlog.HashReader {
	return tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(idx))
		for i, x := range idx {
			out[i] = l.hashes[x]
		}
		return out, nil
	})
}

// memory is a store of both ends.
type memory struct {
	mu      sync.Mutex
	sent    map[string]audit.Sent
	turns   map[string]time.Time
	wrong   map[string]bool
	seen    []audit.Seen
	notices []notice.Notice
	entries []audit.Entry
	fails   error // of asking for what is wrong
}

func newMemory() *memory {
	return &memory{sent: map[string]audit.Sent{}, turns: map[string]time.Time{}, wrong: map[string]bool{}}
}

func (m *memory) SentTo(_ context.Context, place string) (audit.Sent, error) {
	return m.sent[place], nil
}

func (m *memory) SaveSent(_ context.Context, s audit.Sent) error {
	m.sent[s.Place] = s
	return nil
}

func (m *memory) Turn(_ context.Context, name string, now, next time.Time) (bool, error) {
	if m.turns[name].After(now) {
		return false, nil
	}
	m.turns[name] = next
	return true, nil
}

func (m *memory) SetCondition(_ context.Context, name string, wrong bool, n notice.Notice, _ ...audit.Entry) (bool, error) {
	if m.wrong[name] == wrong {
		return false, nil
	}
	m.wrong[name] = wrong
	m.notices = append(m.notices, n)
	return true, nil
}

func (m *memory) OpenConditions(_ context.Context, prefix string) (open []string, err error) {
	for name, wrong := range m.wrong {
		if wrong && strings.HasPrefix(name, prefix) {
			open = append(open, name)
		}
	}
	return open, m.fails
}

func (m *memory) Witnessed(_ context.Context, log string) (newest audit.Seen, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.seen {
		if s.Log == log && !s.Forked && s.Size > newest.Size {
			newest, ok = s, true
		}
	}
	return newest, ok, nil
}

func (m *memory) WitnessedAt(_ context.Context, log string, size int64) (out []audit.Seen, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.seen {
		if s.Log == log && s.Size == size {
			out = append(out, s)
		}
	}
	return out, nil
}

func (m *memory) SaveWitnessed(ctx context.Context, s audit.Seen, after int64, e ...audit.Entry) error {
	newest, _, _ := m.Witnessed(ctx, s.Log)
	if newest.Size != after {
		return access.ErrStale
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen, m.entries = append(m.seen, s), append(m.entries, e...)
	return nil
}

func (m *memory) SaveForked(_ context.Context, s audit.Seen, n notice.Notice, e ...audit.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.seen, func(o audit.Seen) bool { return o.Size == s.Size && o.Root == s.Root }) {
		return nil
	}
	m.seen, m.entries, m.notices = append(m.seen, s), append(m.entries, e...), append(m.notices, n)
	return nil
}

func newWitness(m *memory, s *audit.Signer) *Witness {
	return New(m, map[string]note.Verifier{"main": s.Verifier()}, func() time.Time { return start })
}

// hand hands the head of size entries to w, with the proof from the head of old.
func hand(t *testing.T, w *Witness, l *testLog, old, size int64) (Answer, error) {
	t.Helper()
	m, err := message(t.Context(), l, old, l.heads[size-1])
	if err != nil {
		t.Fatal(err)
	}
	return w.Take(t.Context(), "main", m)
}

func TestWitnessTakesWhatContinues(t *testing.T) {
	m, s := newMemory(), newSigner(t)
	w, l := newWitness(m, s), newLog(t, s, 20)
	for _, step := range []struct {
		old, size int64
		want      State
		holds     int64
	}{
		{0, 3, Taken, 3},
		{3, 3, Known, 3},
		{0, 7, Behind, 3}, // says where the proof must begin
		{3, 7, Taken, 7},
		{0, 3, Known, 7},  // a replayed old head is an old head
		{3, 5, Behind, 7}, // an old head that was never seen
		{7, 20, Taken, 20},
	} {
		a, err := hand(t, w, l, step.old, step.size)
		if err != nil || a.State != step.want || a.Head != string(l.heads[step.holds-1].SignedNote) {
			t.Fatalf("head of %d entries, proof from %d: %+v, %v; want %s", step.size, step.old, a.State, err, step.want)
		}
	}
	if len(m.notices) != 0 || len(m.seen) != 3 || len(m.entries) != 1 {
		t.Errorf("%d notices, %d heads, %d entries", len(m.notices), len(m.seen), len(m.entries))
	}
}

// TestWitnessKeepsForks: both heads are there as evidence, whatever the fork looks
// like, and people are told once.
func TestWitnessKeepsForks(t *testing.T) {
	s := newSigner(t)
	l := newLog(t, s, 8)
	rewritten := newLog(t, s, 3)
	for len(rewritten.leaves) < 12 {
		rewritten.append("rewritten")
	}
	for name, give := range map[string]struct{ old, size, known int64 }{
		"as long":                      {0, 8, 8},
		"longer, proof from its own":   {8, 12, 8},
		"shorter, of a size once seen": {0, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			w := newWitness(m, s)
			for _, step := range [][2]int64{{0, 5}, {5, 8}} {
				if a, err := hand(t, w, l, step[0], step[1]); err != nil || a.State != Taken {
					t.Fatal(a.State, err)
				}
			}
			for range 2 {
				a, err := hand(t, w, rewritten, give.old, give.size)
				if err != nil || a.State != Forked || a.Head != string(l.heads[give.known-1].SignedNote) {
					t.Fatalf("%s, %v", a.State, err)
				}
			}
			forks := slices.DeleteFunc(slices.Clone(m.seen), func(x audit.Seen) bool { return !x.Forked })
			if len(forks) != 1 || string(forks[0].SignedNote) != string(rewritten.heads[give.size-1].SignedNote) {
				t.Errorf("evidence %+v", forks)
			}
			if len(m.notices) != 1 || m.notices[0].Kind != notice.AuditBroken || m.notices[0].Details["root"] == m.notices[0].Details["known_root"] {
				t.Errorf("notices %+v", m.notices)
			}
			if a, err := hand(t, w, l, 8, 8); err != nil || a.State != Known {
				t.Errorf("the log that was seen first: %s, %v", a.State, err)
			}
		})
	}
}

// TestWitnessRefuses: what anybody could send changes nothing and tells nobody.
func TestWitnessRefuses(t *testing.T) {
	m, s := newMemory(), newSigner(t)
	w, l := newWitness(m, s), newLog(t, s, 9)
	if _, err := hand(t, w, l, 0, 4); err != nil {
		t.Fatal(err)
	}
	stranger := newLog(t, newSigner(t), 9)
	good, err := message(t.Context(), l, 4, l.heads[8])
	if err != nil {
		t.Fatal(err)
	}
	endless, err := s.SignHead(math.MaxInt64, tlog.Hash{1}, l.heads[8].At)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(m *Message)) Message { c := good; f(&c); return c }
	for name, c := range map[string]Message{
		"endless":      change(func(m *Message) { m.Head = string(endless.SignedNote) }),
		"another key":  change(func(m *Message) { m.Head = string(stranger.heads[8].SignedNote) }),
		"no head":      {},
		"no proof":     change(func(m *Message) { m.Proof = nil }),
		"broken proof": change(func(m *Message) { m.Proof = append(slices.Clone(m.Proof), tlog.Hash{}) }),
		"another root": change(func(m *Message) { m.OldRoot[0] ^= 1 }),
	} {
		if a, err := w.Take(t.Context(), "main", c); !errors.Is(err, errRefused) {
			t.Errorf("%s: %s, %v", name, a.State, err)
		}
	}
	if _, err := w.Take(t.Context(), "other", good); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("a log that nobody witnesses: %v", err)
	}
	if len(m.seen) != 1 || len(m.notices) != 0 {
		t.Errorf("%d heads, %d notices", len(m.seen), len(m.notices))
	}
}

func FuzzTake(f *testing.F) {
	s := newSigner(f)
	l := newLog(f, s, 9)
	for _, size := range []int64{3, 5, 9} {
		m, err := message(f.Context(), l, 3, l.heads[size-1])
		if err != nil {
			f.Fatal(err)
		}
		b, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Add(`{"head":"","old_size":-1,"old_root":"","proof":[]}`)
	f.Fuzz(func(t *testing.T, body string) {
		m := newMemory()
		w := newWitness(m, s)
		first, err := hand(t, w, l, 0, 3)
		if err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, Path+"main", strings.NewReader(body)))
		if rec.Code >= 500 || rec.Code == 0 {
			t.Fatalf("status %d: %s", rec.Code, rec.Body)
		}
		for _, seen := range m.seen {
			if seen.Forked || !slices.ContainsFunc(l.heads, func(c audit.Checkpoint) bool { return c.Root == seen.Root }) {
				t.Errorf("a head was taken that the log does not have, after %s", first.State)
			}
		}
	})
}

// rig is a sender with one place.
type rig struct {
	*memory
	log    *testLog
	sender *Sender
	to     Destination
	now    time.Time
}

func newRig(t *testing.T, l *testLog, p Place) *rig {
	r := &rig{memory: newMemory(), log: l, now: start, to: Destination{Place: p, Every: time.Hour}}
	r.sender = NewSender(SendOptions{Log: l, Memory: r.memory, Destinations: []Destination{r.to}, Replica: "one", Now: func() time.Time { return r.now }})
	return r
}

func (r *rig) deliver(t *testing.T) error { t.Helper(); return r.sender.Deliver(t.Context(), r.to) }

// kinds gives what people were told.
func (r *rig) kinds() (all []notice.Kind) {
	for _, n := range r.notices {
		all = append(all, n.Kind)
	}
	return all
}

// TestAFileThatIsCutWhileItIsRead is one without a whole head.
func TestAFileThatIsCutWhileItIsRead(t *testing.T) {
	for text, want := range map[string]string{"": "-", "\n": "-", "\n\n— ": "-", "ature\n\n— x\n": "-", "\n\n— x\n\nrest": "rest", "\n\n— x\n\n": ""} {
		rest, ok := wholeRecords([]byte(text))
		if got := string(rest); ok != (want != "-") || ok && got != want {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
}

// serve plays another server of ours.
func serve(t *testing.T, h http.Handler) *url.URL {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL + Path + "main")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestServerIsToldOnItsSchedule(t *testing.T) {
	s, there := newSigner(t), newMemory()
	l := newLog(t, s, 3)
	r := newRig(t, l, Server(serve(t, newWitness(there, s).Handler()), http.DefaultTransport, s.Verifier()))
	for i, want := range []int{1, 1, 2, 2} {
		if err := r.deliver(t); err != nil || len(there.seen) != want {
			t.Fatalf("round %d: %d heads, %v", i, len(there.seen), err)
		}
		if i == 0 {
			l.append("more")
		}
		if i == 1 {
			r.now = r.now.Add(time.Hour)
		}
	}
	clear(r.sent) // what we remember is gone: the witness says what it holds
	l.append("more")
	r.now = r.now.Add(time.Hour)
	if err := r.deliver(t); err != nil || len(there.seen) != 3 || len(r.notices) != 0 {
		t.Errorf("%d heads, %v, %v", len(there.seen), r.kinds(), err)
	}
}

// TestRewrittenLogIsRefusedByItsWitness: here people are told too, and again when
// the log is the old one.
func TestRewrittenLogIsRefusedByItsWitness(t *testing.T) {
	s, there := newSigner(t), newMemory()
	l := newLog(t, s, 5)
	r := newRig(t, l, Server(serve(t, newWitness(there, s).Handler()), http.DefaultTransport, s.Verifier()))
	if err := r.deliver(t); err != nil {
		t.Fatal(err)
	}
	whole := *l
	*l = *newLog(t, s, 2)
	for len(l.leaves) < 9 {
		l.append("rewritten")
	}
	for range 2 {
		r.now = r.now.Add(time.Hour)
		if err := r.deliver(t); !errors.Is(err, ErrDisagrees) {
			t.Fatalf("got %v", err)
		}
	}
	*l = *newLog(t, s, 2) // cut
	r.now = r.now.Add(time.Hour)
	if err := r.deliver(t); err == nil {
		t.Error("a log that was cut was sent")
	}
	*l = whole
	l.append("more")
	r.now = r.now.Add(time.Hour)
	if err := r.deliver(t); err != nil {
		t.Fatal(err)
	}
	if got := r.kinds(); !slices.Equal(got[:1], []notice.Kind{notice.AuditBroken}) || got[len(got)-1] != notice.AlertOver {
		t.Errorf("told %v", got)
	}
	if len(there.notices) != 1 {
		t.Errorf("the witness told %d times", len(there.notices))
	}
}

func TestFileIsAppendedTo(t *testing.T) {
	s := newSigner(t)
	l := newLog(t, s, 3)
	path := filepath.Join(t.TempDir(), "audit.heads")
	r := newRig(t, l, File(path, s.Verifier()))
	for i := range 300 { // longer than what is read of its end
		l.append(fmt.Sprint(i))
		r.now = r.now.Add(time.Hour)
		if err := r.deliver(t); err != nil {
			t.Fatal(err)
		}
	}
	notes, err := audit.ReadHeadFile(path)
	if err != nil || len(notes) != 300 || string(notes[299]) != string(l.heads[302].SignedNote) {
		t.Fatalf("%d heads, %v", len(notes), err)
	}
	clear(r.sent)
	if err := r.deliver(t); err != nil {
		t.Error(err)
	}
	if again, _ := audit.ReadHeadFile(path); len(again) != 300 {
		t.Errorf("a head stands there twice: %d", len(again))
	}
	torn, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = torn.WriteString("zhanggui-audit\n3")
		err = errors.Join(err, torn.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	l.append("more")
	r.now = r.now.Add(time.Hour)
	if err := r.deliver(t); !errors.Is(err, errTorn) {
		t.Errorf("a torn file: %v", err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(time.Hour)
	if err := r.deliver(t); err != nil {
		t.Error(err)
	}
	if got := r.kinds(); !slices.Equal(got, []notice.Kind{notice.CheckpointUnsent, notice.AlertOver}) {
		t.Errorf("told %v", got)
	}
}

func TestFileOfAnotherLog(t *testing.T) {
	s := newSigner(t)
	path := filepath.Join(t.TempDir(), "audit.heads")
	if err := newRig(t, newLog(t, s, 5), File(path, s.Verifier())).deliver(t); err != nil {
		t.Fatal(err)
	}
	other := newLog(t, s, 1)
	other.append("rewritten")
	if err := newRig(t, other, File(path, s.Verifier())).deliver(t); !errors.Is(err, ErrDisagrees) {
		t.Errorf("the end was cut: %v", err)
	}
	for len(other.leaves) < 7 {
		other.append("rewritten")
	}
	if err := newRig(t, other, File(path, s.Verifier())).deliver(t); !errors.Is(err, ErrDisagrees) {
		t.Errorf("rewritten: %v", err)
	}
	stranger := newSigner(t)
	if err := newRig(t, newLog(t, stranger, 9), File(path, stranger.Verifier())).deliver(t); err == nil || errors.Is(err, ErrDisagrees) {
		t.Errorf("another key's file: %v", err)
	}
	gone := File(filepath.Join(t.TempDir(), "not", "mounted"), s.Verifier())
	if err := newRig(t, newLog(t, s, 2), gone).deliver(t); err == nil || !strings.Contains(err.Error(), "mounted") {
		t.Errorf("no directory: %v", err)
	}
}

// TestPlaceThatWasTakenOut: what was wrong with it ends with the next start, and
// nothing else does.
func TestPlaceThatWasTakenOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &locked{memory: newMemory()}
		for _, name := range []string{"url:a.example.com:01020304", "witness:b.example.com:01020304", "one:file:/mnt/a", "two:file:/mnt/a", "one:slow false"} {
			m.wrong["audit.unsent:"+name], m.wrong["audit.broken:"+name] = true, true
		}
		m.fails = errors.New("the store is away")
		sender := NewSender(SendOptions{Log: newLog(t, newSigner(t), 0), Memory: m, Replica: "one", Now: time.Now,
			Destinations: []Destination{{Place: &slow{}, Every: time.Hour, Own: true}}})
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { sender.Run(ctx) })
		time.Sleep(look / 2)
		synctest.Wait()
		if len(m.notices) != 0 {
			t.Fatalf("told %+v", m.notices)
		}
		m.mu.Lock()
		m.fails = nil
		m.mu.Unlock()
		time.Sleep(look)
		synctest.Wait()
		stop()
		wg.Wait()
		var over []string
		for _, n := range m.notices {
			if n.Kind != notice.AlertOver || n.Details[notice.DetailWas] != string(notice.CheckpointUnsent) || n.Details["reason"] == "" {
				t.Errorf("told %+v", n)
			}
			over = append(over, n.Subject)
		}
		slices.Sort(over)
		if want := []string{"audit:one:file:/mnt/a", "audit:url:a.example.com:01020304", "audit:witness:b.example.com:01020304"}; !slices.Equal(over, want) {
			t.Errorf("over is %q, want %q", over, want)
		}
	})
}

// TestHookPostsSigned: a webhook that fails is told of once, and when it is over.
func TestHookPostsSigned(t *testing.T) {
	s := newSigner(t)
	l := newLog(t, s, 3)
	status := http.StatusInternalServerError
	var got []payload
	hook := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var p payload
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil || r.Header.Get("Webhook-Signature") == "" {
			t.Errorf("body: %v, headers %v", err, r.Header)
		}
		got = append(got, p)
		w.WriteHeader(status)
	}))
	place, err := Hook(HookOptions{URL: hook, Secret: secret.FromString("whsec_" + strings.Repeat("A", 32)), Transport: http.DefaultTransport, Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, l, place)
	for range 3 {
		if err := r.deliver(t); err == nil || strings.Contains(err.Error(), "/v1/") {
			t.Errorf("got %v", err)
		}
		r.now = r.now.Add(time.Hour)
	}
	status = http.StatusNoContent
	for range 2 {
		if err := r.deliver(t); err != nil {
			t.Fatal(err)
		}
		l.append("more")
		r.now = r.now.Add(time.Hour)
	}
	last := got[len(got)-1]
	head, err := audit.OpenCheckpoint([]byte(last.Data.Head), s.Verifier())
	if err != nil || last.Type != "audit.checkpoint" || last.Data.OldSize != 3 || head.Size != 4 {
		t.Errorf("posted %+v, %v", last, err)
	}
	if err := audit.CheckConsistency(last.Data.Proof, audit.Checkpoint{Size: 3, Root: l.heads[2].Root}, head); err != nil {
		t.Error(err)
	}
	if told := r.kinds(); !slices.Equal(told, []notice.Kind{notice.CheckpointUnsent, notice.AlertOver}) || r.notices[0].Details["reason"] != "answered 500" || r.notices[0].Subject != r.notices[1].Subject ||
		r.notices[0].Details["held"] != "0" || r.notices[0].Details["entries"] != "3" {
		t.Errorf("told %+v", r.notices)
	}
	if _, err := Hook(HookOptions{URL: hook, Secret: secret.FromString("short")}); err == nil {
		t.Error("a webhook without a key")
	}
}

// TestServerThatMisbehaves: whatever answers, nothing of it is believed without our
// signature.
func TestServerThatMisbehaves(t *testing.T) {
	s := newSigner(t)
	stranger := newLog(t, newSigner(t), 9)
	answer := func(status int, v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(v)
		}
	}
	l := newLog(t, s, 5)
	for name, h := range map[string]http.Handler{
		"a stranger's head":    answer(409, Answer{Behind, string(stranger.heads[3].SignedNote)}),
		"no head":              answer(409, Answer{State: Behind}),
		"asks without an end":  answer(409, Answer{Behind, string(l.heads[2].SignedNote)}),
		"a fork that is none":  answer(409, Answer{Forked, string(l.heads[2].SignedNote)}),
		"a fork of nothing":    answer(409, Answer{State: Forked}),
		"a stranger's fork":    answer(409, Answer{Forked, string(stranger.heads[3].SignedNote)}),
		"not a witness":        answer(200, map[string]string{"hello": "world"}),
		"an error":             answer(500, nil),
		"a redirect":           http.RedirectHandler("http://127.0.0.1:1/", http.StatusTemporaryRedirect),
		"more than one value":  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"state":"taken","head":""}{}`) }),
		"more than is allowed": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat(" ", maxBody+1)) }),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, l, Server(serve(t, h), http.DefaultTransport, s.Verifier()))
			if err := r.deliver(t); err == nil || len(r.sent) != 0 {
				t.Errorf("sent %v, %v", r.sent, err)
			}
			if !slices.Equal(r.kinds(), []notice.Kind{notice.CheckpointUnsent}) {
				t.Errorf("told %v", r.kinds())
			}
		})
	}
}

type slow struct{ hangs bool }

func (p *slow) Name() string { return fmt.Sprint("slow ", p.hangs) }
func (p *slow) Send(ctx context.Context, _ Log, _ audit.Sent, _ audit.Checkpoint) error {
	if p.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// TestPlaceThatHangsKeepsNobodyWaiting and ends with the sender.
func TestPlaceThatHangsKeepsNobodyWaiting(t *testing.T) {
	s := newSigner(t)
	l := newLog(t, s, 2)
	synctest.Test(t, func(t *testing.T) {
		m := &locked{memory: newMemory()}
		sender := NewSender(SendOptions{Log: l, Memory: m, Replica: "one", Now: time.Now, Destinations: []Destination{
			{Place: &slow{true}, Every: time.Hour}, {Place: &slow{false}, Every: time.Hour, Own: true},
		}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { sender.Run(ctx); close(done) }()
		time.Sleep(look)
		synctest.Wait()
		if sent, _ := m.SentTo(ctx, "one:slow false"); sent.Size != 2 {
			t.Errorf("the place that works has %+v", sent)
		}
		time.Sleep(sendTime)
		synctest.Wait()
		m.mu.Lock()
		if len(m.notices) != 1 || m.notices[0].Kind != notice.CheckpointUnsent {
			t.Errorf("told %+v", m.notices)
		}
		m.mu.Unlock()
		stop()
		<-done
	})
}

// locked is a memory for several goroutines.
type locked struct{ *memory }

func (m *locked) SentTo(ctx context.Context, place string) (audit.Sent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memory.SentTo(ctx, place)
}

func (m *locked) SaveSent(ctx context.Context, s audit.Sent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memory.SaveSent(ctx, s)
}

func (m *locked) Turn(ctx context.Context, name string, now, next time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memory.Turn(ctx, name, now, next)
}

func (m *locked) SetCondition(ctx context.Context, name string, wrong bool, n notice.Notice, e ...audit.Entry) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memory.SetCondition(ctx, name, wrong, n, e...)
}

func TestHandlerAnswersInHTTP(t *testing.T) {
	s := newSigner(t)
	l := newLog(t, s, 5)
	h := newWitness(newMemory(), s).Handler()
	post := func(log string, m any) *httptest.ResponseRecorder {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, Path+log, strings.NewReader(string(b))))
		return rec
	}
	first, err := message(t.Context(), l, 0, l.heads[2])
	if err != nil {
		t.Fatal(err)
	}
	later, err := message(t.Context(), l, 1, l.heads[4])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		log    string
		body   any
		status int
	}{
		{"main", first, 200}, {"main", first, 200}, {"main", later, 409}, {"other", first, 404},
		{"main", map[string]int{"x": 1}, 400}, {"main", Message{}, 422}, {"main", strings.Repeat("x", 2*maxBody), 413},
	} {
		if got := post(c.log, c.body); got.Code != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.log, got.Code, c.status, got.Body)
		}
	}
	var nobody *Witness
	r := httptest.NewRequest(http.MethodPost, Path+"main", nil)
	if nobody.Serves(r) || New(nil, nil, nil).Serves(r) || !newWitness(nil, s).Serves(r) {
		t.Error("a server that witnesses nothing serves it, or one that does not")
	}
}

func (m *locked) OpenConditions(ctx context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memory.OpenConditions(ctx, prefix)
}
