package wechatsim

import (
	"fmt"
	"time"
)

// verifyTicket is one component_verify_ticket.
type verifyTicket struct {
	value string
	made  time.Time
}

// ticketLifetime is how long a ticket can be exchanged for a component token.
const ticketLifetime = 12 * time.Hour

// platform is what a third-party platform has, beside its settings. Every app
// of kind component has one.
type platform struct {
	ticketsOn bool           // WeChat pushes tickets
	tickets   []verifyTicket // newest last; the newest two are accepted
}

func newApp(a *App) *app {
	out := &app{App: a}
	if a.Kind == Component {
		out.platform = &platform{ticketsOn: true}
	}
	return out
}

// mintTicket makes the platform's next ticket and queues its push. The ticket
// counts from now on, whether or not the push arrives. The mutex is held.
func (s *Sim) mintTicket(component *app) string {
	t := verifyTicket{value: "ticket@@@" + s.newToken("ticket"), made: s.Now()}
	p := component.platform
	p.tickets = append(p.tickets, t)
	if len(p.tickets) > 2 {
		p.tickets = p.tickets[len(p.tickets)-2:]
	}
	s.emitAuth(component, "component_verify_ticket", map[string]string{"ComponentVerifyTicket": t.value})
	return t.value
}

// component finds a platform by its appid. The mutex is held.
func (s *Sim) component(appid string) (*app, error) {
	a := s.apps[appid]
	if a == nil || a.Kind != Component {
		return nil, fmt.Errorf("component %q: %w", appid, ErrNoApp)
	}
	return a, nil
}

// IssueTicket makes and pushes a component_verify_ticket now, outside the
// rhythm of every ten minutes, and returns it.
func (s *Sim) IssueTicket(component string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.component(component)
	if err != nil {
		return "", err
	}
	return s.mintTicket(a), nil
}
