package feed_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/feed"
)

// log is an audit log in memory that can be out of reach.
type log struct {
	mu      sync.Mutex
	records []audit.Record
	down    error
}

func (l *log) add(t *testing.T, entries ...audit.Entry) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		l.records = append(l.records, audit.NewRecord(int64(len(l.records)), b))
	}
}

func (l *log) set(down error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

func (l *log) AuditHead(context.Context) (int64, [32]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.records)), [32]byte{}, l.down
}

func (l *log) AuditEntries(_ context.Context, after int64, limit int) ([]audit.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return nil, l.down
	}
	rest := l.records[min(int(after+1), len(l.records)):]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

// ear keeps what it hears. It refuses as long as deaf is set.
type ear struct {
	mu      sync.Mutex
	changes []feed.Change
	current []time.Time
	lost    []error
	deaf    error
}

func (e *ear) Changed(_ context.Context, c feed.Change) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf != nil {
		return e.deaf
	}
	e.changes = append(e.changes, c)
	return nil
}

func (e *ear) Current(_ context.Context, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current = append(e.current, at)
}

func (e *ear) Lost(_ context.Context, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost = append(e.lost, err)
}

// take gives what was heard since the last take, positions left out.
func (e *ear) take() []feed.Change {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.changes
	e.changes = nil
	for i := range all {
		all[i].To = feed.None
	}
	return all
}

func done(action, subject string) audit.Entry {
	return audit.Entry{Action: action, Subject: subject, Outcome: audit.Done}
}

func tokens(action, reason string, details map[string]string) audit.Entry {
	return audit.Entry{Action: action, Reason: reason, Details: details, Outcome: audit.Done}
}

// TestWhatEntriesSay: each kind of entry names the rows that others must look
// at, and nothing else.
func TestWhatEntriesSay(t *testing.T) {
	refused := done("gateway.call", "shop:tea")
	refused.Outcome = audit.Refused
	failed := done("grant.refresh", "grant:g_1")
	failed.Outcome = audit.Failed
	unknown := done("grant.refresh", "grant:g_1")
	unknown.Outcome = audit.Unknown
	by := done("client.pause", "")
	by.Actor = audit.Actor{Kind: audit.ActorAdmin, ID: "a_1"}
	for _, c := range []struct {
		name    string
		entries []audit.Entry
		want    feed.Change
	}{
		{"a batch of renewals", []audit.Entry{tokens(audit.GrantSettle, "", map[string]string{"g_1": "2 aa", "g_2": "7 bb"})},
			feed.Change{Renewed: map[string]int64{"g_1": 2, "g_2": 7}}},
		{"renewed twice", []audit.Entry{tokens(audit.GrantSettle, "", map[string]string{"g_1": "3 aa"}), tokens(audit.GrantTokens, "", map[string]string{"g_1": "4 bb"})},
			feed.Change{Renewed: map[string]int64{"g_1": 4}}},
		{"revoked", []audit.Entry{done("grant.revoke", "grant:g_1"), tokens(audit.GrantTokens, audit.GrantRevoked, map[string]string{"g_1": "3 none"})},
			feed.Change{Grants: []string{"g_1"}}},
		{"revoked with a digest", []audit.Entry{tokens(audit.GrantTokens, audit.GrantRevoked, map[string]string{"g_1": "3 aa"})},
			feed.Change{Grants: []string{"g_1"}}},
		{"tokens deleted", []audit.Entry{tokens(audit.GrantTokens, "", map[string]string{"g_1": "3 none"})}, feed.Change{Grants: []string{"g_1"}}},
		{"an odd detail", []audit.Entry{tokens(audit.GrantTokens, "", map[string]string{"g_1": "hello"})}, feed.Change{Grants: []string{"g_1"}}},
		{"started", []audit.Entry{tokens(audit.GrantStart, "", map[string]string{"g_2": "due", "g_1": "due"})}, feed.Change{Grants: []string{"g_1", "g_2"}}},
		{"opened", []audit.Entry{tokens(audit.ShopOpen, "", map[string]string{"tea": "wx00000000000000a1"})}, feed.Change{Shops: []string{"tea"}}},
		{"a failure", []audit.Entry{failed}, feed.Change{Grants: []string{"g_1"}}},
		{"a lost answer", []audit.Entry{unknown, done("grant.unsettled", "grant:g_1"), done("grant.force", "grant:g_1")}, feed.Change{}},
		{"the directory", []audit.Entry{done("client.revoke", "client:erp"), done("shop.change", "shop:tea"), done("app.change", "app:mp"), done("tenant.create", "tenant:x")},
			feed.Change{Clients: []string{"erp"}, Shops: []string{"tea"}, Apps: []string{"mp"}, People: []string{"app:mp", "shop:tea"}}},
		{"people", []audit.Entry{done("login", "person:p_1"), done("session.end", "session:s_1"), by},
			feed.Change{People: []string{"admin:a_1", "person:p_1", "session:s_1"}}},
		{"people whom the entries of a change do not name", []audit.Entry{tokens(audit.PeopleChange, "", map[string]string{"person:p_2": "", "shop:tea": "", audit.Everybody: ""})},
			feed.Change{People: []string{audit.Everybody, "person:p_2", "shop:tea"}}},
		{"a kind from a later version", []audit.Entry{done("client.pause", "client:erp")}, feed.Change{Clients: []string{"erp"}}},
		{"a new key", []audit.Entry{done("key.rotate", "")}, feed.Change{Keyset: true}},
		{"nothing of ours", []audit.Entry{refused, done("x", "grant:"), done("x", "person:"), done("x", "")}, feed.Change{}},
	} {
		l, e := &log{}, &ear{}
		f := feed.New(feed.Options{Log: l, Listener: e})
		f.Poll(t.Context())
		e.take()
		l.add(t, c.entries...)
		f.Poll(t.Context())
		got := e.take()
		c.want.To = feed.None
		if len(got) != 1 {
			t.Errorf("%s: %d changes", c.name, len(got))
			continue
		}
		if len(got[0].Renewed) == 0 {
			got[0].Renewed = nil
		}
		if diff := cmp.Diff(c.want, got[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if got[0].Empty() != c.want.Empty() {
			t.Errorf("%s: empty %t", c.name, got[0].Empty())
		}
	}
}

// TestHearsInTime: an entry is heard within a poll, or at once after a wake.
func TestHearsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, e := &log{}, &ear{}
		l.add(t, done("client.revoke", "client:old"))
		f := feed.New(feed.Options{Log: l, Listener: e})
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { f.Run(ctx) })
		synctest.Wait()
		if got := e.take(); len(got) != 1 || !got[0].All {
			t.Fatalf("the first poll told %+v", got)
		}
		time.Sleep(time.Millisecond)
		l.add(t, done("client.revoke", "client:erp"))
		f.Wake()
		synctest.Wait()
		if got := e.take(); len(got) != 1 || got[0].Clients[0] != "erp" {
			t.Errorf("after a wake: %+v", got)
		}
		l.add(t, done("client.revoke", "client:crm"))
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if got := e.take(); len(got) != 1 || got[0].Clients[0] != "crm" {
			t.Errorf("within half a second: %+v", got)
		}
		stop()
		wg.Wait()
	})
}

// TestOutage: what cannot be read is told and missed nothing of; lag counts.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, e := &log{}, &ear{}
		f := feed.New(feed.Options{Log: l, Listener: e})
		if _, ok := f.Lag(); ok {
			t.Error("a lag before the first poll")
		}
		f.Poll(t.Context())
		down := errors.New("out of reach")
		l.set(down)
		l.add(t, done("client.revoke", "client:erp"))
		time.Sleep(7 * time.Second)
		f.Poll(t.Context())
		if lag, ok := f.Lag(); !ok || lag != 7*time.Second {
			t.Errorf("lag %v, %t", lag, ok)
		}
		if len(e.lost) != 1 || !errors.Is(e.lost[0], down) {
			t.Errorf("lost: %v", e.lost)
		}
		l.set(nil)
		e.take()
		f.Poll(t.Context())
		if got := e.take(); len(got) != 1 || got[0].Clients[0] != "erp" {
			t.Errorf("afterwards: %+v", got)
		}
		if lag, _ := f.Lag(); lag != 0 {
			t.Errorf("lag %v afterwards", lag)
		}
	})
}

// TestRefusedComesAgain: a change that the listener could not take is told until
// it takes it, and nothing before it is skipped.
func TestRefusedComesAgain(t *testing.T) {
	l, e := &log{}, &ear{}
	f := feed.New(feed.Options{Log: l, Listener: e})
	f.Poll(t.Context())
	e.take()
	l.add(t, done("client.revoke", "client:erp"))
	e.deaf = errors.New("no room")
	f.Poll(t.Context())
	if n := len(e.current); n != 1 || len(e.lost) != 1 {
		t.Errorf("told current %d times, lost %v", n, e.lost)
	}
	e.deaf = nil
	f.Poll(t.Context())
	if got := e.take(); len(got) != 1 || got[0].Clients[0] != "erp" {
		t.Errorf("then: %+v", got)
	}
}

// TestPages: a long way is gone in pages, in order.
func TestPages(t *testing.T) {
	l, e := &log{}, &ear{}
	f := feed.New(feed.Options{Log: l, Listener: e, Page: 2, From: &feed.None})
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		l.add(t, done("client.revoke", "client:"+id))
	}
	f.Poll(t.Context())
	var got [][]string
	for _, c := range e.take() {
		got = append(got, c.Clients)
	}
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c", "d"}, {"e"}}, got); diff != "" {
		t.Error(diff)
	}
	if len(e.current) != 1 {
		t.Errorf("current was told %d times", len(e.current))
	}
}

// TestAnotherLog: a log that lost entries, or is another one of the same length,
// makes everything doubtful, and is followed from then on.
func TestAnotherLog(t *testing.T) {
	for name, change := range map[string]func(*log){
		"cut short": func(l *log) { l.records = l.records[:1] },
		"emptied":   func(l *log) { l.records = nil },
		"another":   func(l *log) { l.records[1] = audit.NewRecord(1, []byte(`{"action":"x"}`)) },
		"cut, grown": func(l *log) {
			l.records = append(l.records[:1], audit.NewRecord(1, []byte(`{"action":"y"}`)), audit.NewRecord(2, nil))
		},
	} {
		l, e := &log{}, &ear{}
		l.add(t, done("a", ""), done("b", ""))
		f := feed.New(feed.Options{Log: l, Listener: e})
		f.Poll(t.Context())
		e.take()
		change(l)
		f.Poll(t.Context())
		if got := e.take(); len(got) == 0 || !got[0].All {
			t.Errorf("%s: %+v", name, got)
		}
		l.add(t, done("client.revoke", "client:erp"))
		f.Poll(t.Context())
		if got := e.take(); len(got) != 1 || got[0].All || len(got[0].Clients) != 1 {
			t.Errorf("%s, then: %+v", name, got)
		}
	}
}

// FuzzRead: whatever bytes stand in the log, following goes on.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"action":"grant.settle","details":{"g_1":"2 aa"},"outcome":"done"}`))
	f.Add([]byte(`{"action":"grant.tokens","details":{"g_1":"9223372036854775808 aa"},"outcome":"done"}`))
	f.Add([]byte(`{"action":"client.revoke","subject":"client:","outcome":"done"}`))
	f.Add([]byte(`{"action":1}`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		l, e := &log{records: []audit.Record{audit.NewRecord(0, data)}}, &ear{}
		feed.New(feed.Options{Log: l, Listener: e, From: &feed.None}).Poll(t.Context())
		if len(e.changes) != 1 || e.changes[0].To.Seq != 0 || len(e.lost) != 0 {
			t.Errorf("%+v, lost %v", e.changes, e.lost)
		}
		for id, generation := range e.changes[0].Renewed {
			if generation < 0 {
				t.Errorf("grant %q of generation %d", id, generation)
			}
		}
	})
}
