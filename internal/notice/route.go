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

// FailingReceiver names the condition that one of a channel's receivers takes nothing.
func FailingReceiver(channel, receiver string) string {
	return FailingReceivers(channel) + receiver
}

// FailingReceivers begins the names of those of a channel. No channel's name has a slash.
func FailingReceivers(channel string) string { return FailingChannel(channel) + "/" }

// ReceiverSubject is what notices about one of a channel's receivers are about.
func ReceiverSubject(channel, receiver string) string {
	return ChannelSubject(channel) + "/" + receiver
}

// ReceiverWell makes the notice that ends what was told of one of them.
func ReceiverWell(channel, receiver string, at time.Time) Notice {
	n := OverOf(Notice{Kind: ChannelFailing, Subject: ReceiverSubject(channel, receiver)}, at)
	n.Details["channel"], n.Details["receiver"] = channel, receiver
	return n
}

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
