package wechatsim_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/wechatsim"
)

func unix(t time.Time) string { return fmt.Sprint(t.Unix()) }

// numbered pushes events 1 to n and returns the order in which they arrive.
func (g *pushRig) numbered(from, to int) {
	g.t.Helper()
	for i := from; i <= to; i++ {
		g.event("channels_ec_order_pay", fmt.Sprintf(`{"n":"%d"}`, i))
	}
}

func (g *pushRig) order() string {
	g.t.Helper()
	var out []string
	for _, m := range g.deliver() {
		out = append(out, m.fields["n"])
	}
	return strings.Join(out, " ")
}

func TestFaultsOfEventsThatArise(t *testing.T) {
	tests := []struct {
		name  string
		fault wechatsim.PushFault
		want  []string // what arrives at once, and at each minute after
		left  int      // faults still armed
	}{
		{"lose", wechatsim.PushFault{Kind: wechatsim.PushLose, Skip: 1}, []string{"1 3 4", ""}, 0},
		{"lose for ever", wechatsim.PushFault{Kind: wechatsim.PushLose, Count: -1}, []string{"", ""}, 1},
		{"late", wechatsim.PushFault{Kind: wechatsim.PushLate, Hold: wechatsim.Duration(90 * time.Second)}, []string{"2 3 4", "", "1"}, 0},
		{"reorder", wechatsim.PushFault{Kind: wechatsim.PushReorder, Events: 3}, []string{"3 2 1 4"}, 0},
		{"reorder again", wechatsim.PushFault{Kind: wechatsim.PushReorder, Events: 2, Count: 2}, []string{"2 1 4 3"}, 0},
		{"reorder holds", wechatsim.PushFault{Kind: wechatsim.PushReorder, Events: 5}, []string{"", ""}, 1},
		{"duplicate", wechatsim.PushFault{Kind: wechatsim.PushDuplicate, Times: 2, Count: 2}, []string{"1 1 1 2 2 2 3 4"}, 0},
		{"late copies", wechatsim.PushFault{Kind: wechatsim.PushDuplicate, Hold: wechatsim.Duration(time.Minute)}, []string{"1 2 3 4", "1"}, 0},
		{"reorder and double", wechatsim.PushFault{Kind: wechatsim.PushReorder, Events: 2, Times: 1, Count: -1}, []string{"2 2 1 1 4 4 3 3"}, 1},
		{"another name", wechatsim.PushFault{Kind: wechatsim.PushLose, Name: "channels_ec_order_new"}, []string{"1 2 3 4"}, 1},
		{"a prefix", wechatsim.PushFault{Kind: wechatsim.PushLose, Name: "channels_*"}, []string{"2 3 4"}, 0},
		{"another app", wechatsim.PushFault{Kind: wechatsim.PushLose, AppID: platformID}, []string{"1 2 3 4"}, 1},
		{"this shop", wechatsim.PushFault{Kind: wechatsim.PushLose, AppID: shopID}, []string{"2 3 4"}, 0},
		{"ticket faults wait for tickets", wechatsim.PushFault{Kind: wechatsim.PushOldTicket}, []string{"1 2 3 4"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newPushRig(t)
			g.fault(tt.fault)
			g.numbered(1, 4)
			var got []string
			for i := range tt.want {
				if i > 0 {
					g.Advance(time.Minute)
				}
				got = append(got, g.order())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("arrivals (-want +got):\n%s", diff)
			}
			if left := len(g.PushFaults()); left != tt.left {
				t.Errorf("%d faults armed, want %d", left, tt.left)
			}
		})
	}
}

// TestLostIsInTheLedger: the emulator knows what it never sent.
func TestLostIsInTheLedger(t *testing.T) {
	g := newPushRig(t)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushLose})
	g.numbered(1, 1)
	if log := g.PushLedger(0); log[len(log)-1].Note != "never sent" || log[len(log)-1].Fault != "lose" {
		t.Errorf("push ledger: %+v", log)
	}
}

func TestClearingFaultsLetsGo(t *testing.T) {
	g := newPushRig(t)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushReorder, Events: 9})
	g.numbered(1, 3)
	if g.order() != "" || g.PendingPushes() != 3 {
		t.Fatalf("%d are held, want 3", g.PendingPushes())
	}
	g.ClearPushFaults()
	if got := g.order(); got != "3 2 1" {
		t.Errorf("let go in order %q", got)
	}
}

// TestFaultsOfTries: each spoils one request in its own way, and a sound one
// follows where the receiver asks for it by its answer.
func TestFaultsOfTries(t *testing.T) {
	tests := []struct {
		kind  wechatsim.PushFaultKind
		count int
		want  string // what is wrong with it, to a receiver that checks all
	}{
		{wechatsim.PushWrongSignature, 1, "msg_signature"},
		{wechatsim.PushBadPadding, 3, "padding"},
		{wechatsim.PushBadLength, 2, "length"},
		{wechatsim.PushBadBase64, 3, "base64 or block size"},
		{wechatsim.PushPlaintext, 1, "signature"},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind), func(t *testing.T) {
			g := newPushRig(t)
			g.fault(wechatsim.PushFault{Kind: tt.kind, Count: tt.count})
			g.rc.always(403, "refused")
			g.event("channels_ec_order_pay", orderBody)
			g.Deliver(t.Context())
			g.Advance(10 * time.Second)
			g.Deliver(t.Context())
			got := g.rc.take()
			for i, r := range got {
				_, err := r.open(pushAESKey)
				if i < tt.count && (err == nil || err.Error() != tt.want) {
					t.Errorf("try %d: %v, want %s", i+1, err, tt.want)
				}
				if i >= tt.count && err != nil {
					t.Errorf("try %d is not sound: %v", i+1, err)
				}
			}
			if len(got) != 4 {
				t.Errorf("%d tries, want 4", len(got))
			}
			log := g.PushLedger(0, "channels_ec_*")
			if log[0].Fault != string(tt.kind) || log[3].Fault != "" {
				t.Errorf("push ledger: %+v", log)
			}
		})
	}
}

func TestWrongAppIDAndShortLength(t *testing.T) {
	g := newPushRig(t)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushWrongAppID})
	g.event("channels_ec_order_pay", orderBody)
	if got := g.deliver(); len(got) != 1 || got[0].appid == shopID || len(got[0].appid) != 18 {
		t.Errorf("wrong appid: %+v", got)
	}
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushBadLength, Count: 3})
	g.rc.always(500, "")
	g.event("channels_ec_order_pay", orderBody)
	g.Deliver(t.Context())
	// A length that is too short leaves text in front of the appid.
	if _, err := g.rc.take()[2].open(pushAESKey); err == nil {
		t.Error("a short length is not noticed")
	}
}

func TestReplayIsTheSameRequest(t *testing.T) {
	g := newPushRig(t)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushReplay, Times: 3})
	g.event("channels_ec_order_pay", orderBody)
	if sent := g.Deliver(t.Context()); sent != 4 {
		t.Errorf("sent %d, want 4", sent)
	}
	got := g.rc.take()
	for _, r := range got[1:] {
		if r.query != got[0].query || string(r.body) != string(got[0].body) {
			t.Errorf("a replay differs: %s", r.query)
		}
	}
	// Later, the same again: its timestamp is old by then.
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushReplay, Hold: wechatsim.Duration(time.Hour)})
	g.event("channels_ec_order_pay", orderBody)
	first := g.deliver()
	at := unix(g.Now())
	g.rc.always(403, "refused")
	g.Advance(time.Hour)
	g.Deliver(t.Context())
	if late := g.rc.take(); len(first) != 1 || len(late) != 1 || late[0].q.Get("timestamp") != at || g.PendingPushes() != 0 {
		t.Errorf("%d at once, and later %d with %d waiting", len(first), len(late), g.PendingPushes())
	}
	if log := g.PushLedger(0, "channels_ec_*"); len(log) != 6 || log[3].Try != 1 || log[3].Fault != "replay" {
		t.Errorf("push ledger: %+v", log)
	}
}

// TestModesThatLeak sends plaintext and compatible mode in both dialects.
func TestModesThatLeak(t *testing.T) {
	g := newPushRig(t)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushPlaintext, Count: 2})
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushCompatible, Count: 2})
	for range 2 {
		g.event("channels_ec_order_pay", orderBody)
		g.EmitAuth(platformID, "unauthorized", map[string]string{"AuthorizerAppid": shopID})
	}
	g.Deliver(t.Context())
	got := g.rc.take()
	for i, r := range got[:2] {
		if r.q.Has("encrypt_type") || r.q.Has("msg_signature") || strings.Contains(string(r.body), "Encrypt") || !strings.Contains(string(r.body), "CreateTime") {
			t.Errorf("plaintext %d: %s %s", i, r.query, r.body)
		}
	}
	for i, r := range got[2:] {
		if _, err := r.open(pushAESKey); err != nil || !strings.Contains(string(r.body), "CreateTime") {
			t.Errorf("compatible %d: %v\n%s", i, err, r.body)
		}
	}
}

func TestHugeBody(t *testing.T) {
	g := newPushRig(t)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushHuge, Count: 2})
	g.event("channels_ec_order_pay", orderBody)
	g.EmitAuth(platformID, "unauthorized", map[string]string{"AuthorizerAppid": shopID})
	g.Deliver(t.Context())
	got := g.rc.take()
	m, err := got[0].open(pushAESKey)
	if err != nil || len(got[0].body) < 10_000_000 || len(m.fields["junk"]) != 7_500_000 {
		t.Errorf("JSON of %d bytes: %v", len(got[0].body), err)
	}
	// Opening this one as well takes seconds under the race detector.
	if b := got[1].body; len(b) < 10_000_000 || !bytes.HasPrefix(b, []byte("<xml><AppId>")) || !bytes.HasSuffix(b, []byte("]]></Encrypt></xml>")) {
		t.Errorf("XML of %d bytes", len(b))
	}
}

func TestPushFaultsAreChecked(t *testing.T) {
	g := newPushRig(t)
	for _, f := range []wechatsim.PushFault{
		{}, {Kind: "sulk"}, {Kind: wechatsim.PushLate}, {Kind: wechatsim.PushLate, Hold: -1}, {Kind: wechatsim.PushReorder, Events: 1},
		{Kind: wechatsim.PushLose, Count: -2}, {Kind: wechatsim.PushLose, Skip: -1}, {Kind: wechatsim.PushDuplicate, Times: 1001},
	} {
		if _, err := g.AddPushFault(f); err == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
	if len(g.PushFaults()) != 0 {
		t.Error("a refused fault is armed")
	}
}
