package notice

import (
	"slices"
	"time"
)

// Route says what a channel hears of.
type Route struct {
	Channel  string
	Tenant   string   // whose shops it hears of; empty: of everything
	Severity Severity // the least it hears of; empty: all
	Kinds    []Kind   // those it hears of; empty: all
}

// ChannelSubject is what notices about a channel are about.
func ChannelSubject(channel string) string { return "channel:" + channel }

// NoTicket names the condition that a platform gets no tickets.
func NoTicket(app string) string { return "ticket:" + app }

// FailingChannel names the condition that a channel takes nothing.
func FailingChannel(channel string) string { return string(ChannelFailing) + ":" + channel }

// ChannelWell makes the notice that ends what was told of a channel that took nothing.
func ChannelWell(channel string, at time.Time) Notice {
	n := OverOf(Notice{Kind: ChannelFailing, Subject: ChannelSubject(channel)}, at)
	n.Details["channel"] = channel
	return n
}

// Open tells whether the channel hears of everything.
func (r Route) Open() bool { return r.Tenant == "" && r.Severity == "" && len(r.Kinds) == 0 }

// Hears tells whether the channel hears of a message. No channel hears of itself: one
// that takes nothing would be told so when it is over. What is over is heard of by
// those who heard of its beginning.
func (r Route) Hears(m Message) bool {
	return m.Notice.Subject != ChannelSubject(r.Channel) &&
		(r.Tenant == "" || r.Tenant == m.Tenant) &&
		(r.Severity == "" || m.Severity.AtLeast(r.Severity)) &&
		(len(r.Kinds) == 0 || slices.Contains(r.Kinds, m.Cause()))
}
