package wechatsim

import "time"

// outbound is one event that WeChat has decided to tell somebody, before it is
// encrypted and addressed.
type outbound struct {
	at time.Time // when it happened, on the emulator's clock
	// component is the platform an authorisation event is for; "" for an event
	// of a shop.
	component string
	// account is whose event it is: a shop's appid, or "" if the event belongs
	// to no account, as a ticket does.
	account string
	// name is the InfoType of an authorisation event, the Event of a shop's.
	name string
	// fields are the elements of an authorisation event beside AppId,
	// CreateTime and InfoType.
	fields map[string]string
	// body holds the fields of a shop event beside the envelope. It encodes to
	// one JSON object.
	body any
}

// emitAuth queues an event for a platform's authorisation URL. The mutex is
// held.
func (s *Sim) emitAuth(component *app, infoType string, fields map[string]string) {
	s.outbound = append(s.outbound, outbound{at: s.Now(), component: component.AppID,
		account: fields["AuthorizerAppid"], name: infoType, fields: fields})
}

// emitShop queues an event of a shop. It is for the shop's own push URL and
// for every platform that the shop has authorised. The mutex is held.
func (s *Sim) emitShop(shopAppID, event string, body any) {
	s.outbound = append(s.outbound, outbound{at: s.Now(), account: shopAppID, name: event, body: body})
}

// startTickets switches the ticket push of a platform on, and reports whether
// it was on already. The mutex is held.
func (s *Sim) startTickets(component *app) (was bool) {
	was = component.platform.ticketsOn
	component.platform.ticketsOn = true
	return was
}
