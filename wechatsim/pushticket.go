package wechatsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// ticketLine is the rhythm of a platform's tickets, and how its authorisation
// URL answers. What the tickets are worth is kept in its platform.
type ticketLine struct {
	next time.Time
	bad  int          // bad answers in a row
	sent []sentTicket // oldest first, a few of them
}

// sentTicket is a ticket as it was pushed.
type sentTicket struct {
	value string
	made  time.Time
}

// keptTickets is how many tickets can be replayed. With one every ten minutes
// the oldest of them is well past its 12 hours.
const keptTickets = 80

// line returns the rhythm of a platform.
func (s *Sim) line(appid string) *ticketLine {
	l := s.pushes.lines[appid]
	if l == nil {
		l = &ticketLine{}
		s.pushes.lines[appid] = l
	}
	return l
}

// dueTickets makes the tickets that are due. A clock that jumped gets one
// ticket, not those of the time it skipped.
func (s *Sim) dueTickets() {
	now := s.Now()
	for _, a := range s.platforms {
		if !a.platform.ticketsOn || a.Push == nil || a.Push.AuthURL == "" {
			continue
		}
		every := s.sw.TicketEvery.Std()
		if l := s.line(a.AppID); !now.Before(l.next) || l.next.After(now.Add(every)) { // or the clock was set back
			l.next = now.Add(every)
			s.mintTicket(a)
		}
	}
}

func (l *ticketLine) note(value string, at time.Time) {
	l.sent = append(l.sent, sentTicket{value, at})
	if len(l.sent) > keptTickets {
		l.sent = slices.Delete(l.sent, 0, len(l.sent)-keptTickets)
	}
}

// startTickets switches the ticket push of a platform on, and reports whether
// it was on already. The first ticket is due at once. The mutex is held.
func (s *Sim) startTickets(component *app) (was bool) {
	was = component.platform.ticketsOn
	component.platform.ticketsOn = true
	if l := s.line(component.AppID); !was {
		l.next, l.bad = s.Now(), 0
	}
	return was
}

// StopTickets lets WeChat stop the tickets of a platform, as it does by itself
// after [Switches.TicketStopAfter] bad answers. api_start_push_ticket starts
// them again.
func (s *Sim) StopTickets(component string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.component(component)
	if err != nil {
		return err
	}
	s.stopTickets(a, "stopped by hand")
	return nil
}

// StartTickets lets WeChat push the tickets of a platform again, as a full
// publication (全网发布) does.
func (s *Sim) StartTickets(component string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.component(component)
	if err == nil {
		s.startTickets(a)
	}
	return err
}

func (s *Sim) stopTickets(a *app, why string) {
	if a.platform.ticketsOn {
		a.platform.ticketsOn = false
		s.recordPush(&push{kind: pushTicket, appid: a.AppID, name: infoTicket}, PushEntry{Note: "ticket pushing stops: " + why})
	}
}

// countAnswer counts bad answers of an authorisation URL in a row, and stops
// the tickets when there are too many.
func (s *Sim) countAnswer(p *push, ok bool) {
	l := s.line(p.appid)
	if ok {
		l.bad = 0
		return
	}
	l.bad++
	if a := s.apps[p.appid]; l.bad >= s.sw.TicketStopAfter && a != nil && a.platform != nil {
		s.stopTickets(a, fmt.Sprintf("%d bad answers in a row", l.bad))
	}
}

// strayTicket builds the ticket that a fault sends behind ticket p: an old one
// of the same platform, or that of another platform. It is nil if there is
// none yet.
func (s *Sim) strayTicket(p *push, kind PushFaultKind) *push {
	extra := p.copy()
	extra.fault = string(kind)
	from, of := p.appid, s.line(p.appid).sent
	if kind == PushForeignTicket {
		from, of = s.otherPlatform(p.appid), nil
		if l := s.pushes.lines[from]; l != nil {
			of = l.sent
		}
		if len(of) == 0 {
			of = []sentTicket{{"ticket@@@" + derive(s.world.Seed, "foreign ticket", from), p.made}}
		}
	}
	if len(of) == 0 {
		return nil
	}
	extra.to, extra.plain = from, ticketMessage(from, of[0])
	extra.tail = from
	return extra
}

// ticketMessage is the message of a ticket.
func ticketMessage(appid string, t sentTicket) []byte {
	return pushObject{{"AppId", appid}, {"CreateTime", json.Number(fmt.Sprint(t.made.Unix()))}, {"InfoType", infoTicket},
		{"ComponentVerifyTicket", t.value}}.toXML()
}

// otherPlatform is another platform of this world, or one that is not in it.
func (s *Sim) otherPlatform(appid string) string {
	for _, a := range s.platforms {
		if a.AppID != appid {
			return a.AppID
		}
	}
	return "wx" + derive(s.world.Seed, "other platform", appid)[:16]
}
