package audit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEntryForm(t *testing.T) {
	e := Entry{
		At:      time.Date(2026, 1, 2, 11, 4, 5, 678_901_234, time.FixedZone("CST", 8*3600)),
		Actor:   Actor{Kind: ActorClient, ID: "erp"},
		Action:  "grant.settle",
		Subject: "grant:g_1",
		Outcome: Done,
		Details: map[string]string{"g_2": "4 bb", "g_1": "3 aa"},
	}
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"at":"2026-01-02T03:04:05.678Z","actor":{"kind":"client","id":"erp"},"action":"grant.settle",` +
		`"subject":"grant:g_1","outcome":"done","details":{"g_1":"3 aa","g_2":"4 bb"}}`
	if string(b) != want {
		t.Errorf("encoded as\n%s, want\n%s", b, want)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	if diff := cmp.Diff(e, got); diff != "" {
		t.Errorf("decoded entry (-want +got):\n%s", diff)
	}
}

func TestEntryErrors(t *testing.T) {
	bad := Entry{At: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC), Action: "clock.broken"}
	if _, err := bad.Encode(); err == nil || !strings.Contains(err.Error(), "clock.broken") {
		t.Errorf("a year that JSON cannot hold: %v", err)
	}
	if _, err := Decode([]byte("{")); err == nil {
		t.Error("half an entry was decoded")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"at":"2026-01-02T03:04:05.678Z","actor":{"kind":"system"},"action":"a","outcome":"done"}`))
	f.Add([]byte(`{"at":"2026-01-02T03:04:05.678901Z","count":3,"details":{"b":"2","a":"1"}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil {
			return
		}
		once, err := e.Encode()
		if err != nil {
			return
		}
		e, err = Decode(once)
		if err != nil {
			t.Fatalf("cannot decode what was encoded: %v", err)
		}
		if twice, err := e.Encode(); err != nil || string(twice) != string(once) {
			t.Errorf("encoded as %s, then as %s (%v)", once, twice, err)
		}
	})
}
