package wechatsim_test

import (
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const ticketName = "component_verify_ticket"

func (g *pushRig) startTickets() {
	g.t.Helper()
	if err := g.StartTickets(platformID); err != nil {
		g.t.Fatal(err)
	}
}

// TestTicketsFollowTheWorldsClock: one at once, then one every ten minutes of
// the emulator's time, and one only after a jump.
func TestTicketsFollowTheWorldsClock(t *testing.T) {
	g := newPushRig(t)
	g.startTickets()
	steps := []struct {
		wait time.Duration
		want int
	}{{0, 1}, {0, 0}, {9*time.Minute + 59*time.Second, 0}, {time.Second, 1}, {24 * time.Hour, 1}, {0, 0}, {-24 * time.Hour, 1}, {10 * time.Minute, 1}}
	seen := map[string]bool{}
	for i, step := range steps {
		g.Advance(step.wait)
		got := g.deliver()
		if len(got) != step.want {
			t.Errorf("step %d: %d tickets, want %d", i, len(got), step.want)
		}
		for _, m := range got {
			v := m.fields["ComponentVerifyTicket"]
			if m.name() != ticketName || v == "" || seen[v] || m.fields["CreateTime"] != unix(g.Now()) || m.appid != platformID {
				t.Errorf("step %d: %+v", i, m)
			}
			seen[v] = true
		}
	}
	g.switches(func(sw *wechatsim.Switches) { sw.TicketEvery = wechatsim.Duration(time.Minute) })
	g.Advance(time.Minute)
	if got := len(g.deliver()); got != 1 {
		t.Errorf("every minute: %d tickets after one, want 1", got)
	}
}

// TestTicketsStopAfterBadAnswers and start again when asked.
func TestTicketsStopAfterBadAnswers(t *testing.T) {
	g := newPushRig(t)
	g.switches(func(sw *wechatsim.Switches) { sw.TicketStopAfter = 3 })
	g.startTickets()
	run := func(n int) (sent int) {
		for range n {
			g.Advance(10 * time.Minute)
			sent += len(g.deliver())
		}
		return sent
	}
	g.rc.always(200, "ok")
	if got := run(2); got != 2 {
		t.Fatalf("%d tickets, want 2: a ticket is not repeated", got)
	}
	g.rc.always(200, "success")
	run(1)
	if st := g.TicketStates(); st[0].Bad != 0 || !st[0].On {
		t.Errorf("a good answer does not clear the count: %+v", st)
	}
	g.rc.always(500, "")
	if got := run(6); got != 3 {
		t.Errorf("%d tickets until they stopped, want 3", got)
	}
	log := g.PushLedger(0, ticketName)
	if st := g.TicketStates(); st[0].On || st[0].Bad != 3 || log[len(log)-1].Note != "ticket pushing stops: 3 bad answers in a row" {
		t.Errorf("state %+v, last entry %+v", st, log[len(log)-1])
	}
	g.rc.always(200, "success")
	if got := run(3); got != 0 {
		t.Errorf("%d tickets while stopped", got)
	}
	g.startTickets()
	if got := len(g.deliver()); got != 1 {
		t.Errorf("%d tickets after the start, want one at once", got)
	}
	if st := g.TicketStates(); st[0].Bad != 0 {
		t.Errorf("the count goes on after the start: %+v", st)
	}
}

func TestOldAndForeignTickets(t *testing.T) {
	g := newPushRig(t)
	g.startTickets()
	first := g.deliver()[0]
	g.Advance(10 * time.Minute)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushOldTicket})
	got := g.deliver()
	if len(got) != 2 || got[1].text != first.text || got[0].text == first.text {
		t.Errorf("old ticket: %+v, want the new one and then %+v", got, first)
	}
	g.Advance(10 * time.Minute)
	g.fault(wechatsim.PushFault{Kind: wechatsim.PushForeignTicket, Name: ticketName})
	got = g.deliver()
	if len(got) != 2 || got[1].appid == platformID || got[1].fields["AppId"] != got[1].appid || got[1].to != got[1].appid {
		t.Errorf("foreign ticket: %+v", got)
	}
	if f := g.PushFaults(); len(f) != 0 {
		t.Errorf("still armed: %+v", f)
	}
}

func TestTicketsOfStrangers(t *testing.T) {
	g := newPushRig(t)
	for _, appid := range []string{shopID, "wx00000000000000ff"} {
		if g.StartTickets(appid) == nil || g.StopTickets(appid) == nil {
			t.Errorf("%s is taken for a platform", appid)
		}
	}
}

// TestTicketsAreWorthATokenAndStartAgain goes through the API: a pushed ticket
// buys a component token, and api_start_push_ticket ends a silence.
func TestTicketsAreWorthATokenAndStartAgain(t *testing.T) {
	g := newPushRig(t)
	const auth = `{"component_appid":"` + platformID + `","component_secret":"sandbox-secret-platform-00000001"}`
	if got := g.post("/cgi-bin/component/api_start_push_ticket", auth); got.code() != "0" {
		t.Fatalf("start: %v", got)
	}
	got := g.deliver()
	if len(got) != 1 {
		t.Fatalf("%d tickets after the start, want 1", len(got))
	}
	if got := g.post("/cgi-bin/component/api_start_push_ticket", auth); got.str("errmsg") == "ok" {
		t.Errorf("started while on: %v, want another text", got)
	}
	token := g.post("/cgi-bin/component/api_component_token", `{"component_appid":"`+platformID+
		`","component_appsecret":"sandbox-secret-platform-00000001","component_verify_ticket":"`+got[0].fields["ComponentVerifyTicket"]+`"}`)
	if token.str("component_access_token") == "" {
		t.Errorf("the pushed ticket is worth nothing: %v", token)
	}
}
