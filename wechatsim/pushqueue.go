package wechatsim

import (
	"cmp"
	"container/heap"
	"crypto/rand"
	"fmt"
	"time"
)

// pushKind decides who is told, in which dialect, and what happens after a bad
// answer.
type pushKind string

const (
	pushTicket pushKind = "ticket" // component_verify_ticket
	pushAuth   pushKind = "auth"   // authorized, updateauthorized, unauthorized
	pushShop   pushKind = "shop"   // what happens in a shop
	pushUser   pushKind = "user"   // what a person does with an authorisation
)

// InfoTypes of the authorisation URL.
const (
	infoTicket       = "component_verify_ticket"
	infoAuthorized   = "authorized"
	infoUpdated      = "updateauthorized"
	infoUnauthorized = "unauthorized"
)

// push is one message on its way to a server. The message, the token and the
// key are those of the moment it arose: an edit in the console does not reach
// what is under way.
type push struct {
	id    int64
	kind  pushKind
	appid string // whose settings apply
	tail  string // the appid at the end of the encrypted text, the same but for a fault
	shop  string // the shop it is about, "" if it is about none
	to    string // ToUserName of the envelope; the AppId of it for ticket and auth
	name  string // InfoType or Event
	plain []byte
	json  bool // the dialect of self-developed shops

	token         string
	key, previous pushKey

	made, due time.Time
	order     int64 // of those that are due together
	tries     int
	fault     string
	stamp     envelope // of the first try

	replayed *wireRequest // a recorded request that goes out again as it is
}

// envelope is what is decided once for a try, or once for all of them.
type envelope struct {
	timestamp, nonce string
	random           [pushRandom]byte
}

// newEnvelope draws a nonce and random bytes of the forms WeChat uses: up to
// ten digits, and sixteen printable characters.
func newEnvelope(now time.Time) envelope {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, by its own documentation
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	return envelope{
		timestamp: fmt.Sprint(now.Unix()),
		nonce:     fmt.Sprint(n),
		random:    [pushRandom]byte([]byte(rand.Text()[:pushRandom])),
	}
}

// copy is the same message as an event of its own.
func (p *push) copy() *push {
	c := *p
	c.id, c.tries, c.stamp = 0, 0, envelope{}
	return &c
}

// pushState is what the emulator keeps of pushes. The mutex of the [Sim]
// guards it.
type pushState struct {
	queue  pushQueue
	seq    int64 // ids of pushes
	order  int64
	faults []*PushFault
	ledger ring[PushEntry]
	lines  map[string]*ticketLine // by appid of the platform
}

// pushQueue is a heap: what is due first, and of those the first in order.
type pushQueue []*push

// Len, Less, Swap, Push and Pop make it a [heap.Interface].
func (q pushQueue) Len() int { return len(q) }

// Less is part of [heap.Interface].
func (q pushQueue) Less(i, j int) bool {
	return cmp.Or(q[i].due.Compare(q[j].due), cmp.Compare(q[i].order, q[j].order)) < 0
}

// Swap is part of [heap.Interface].
func (q pushQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is part of [heap.Interface].
func (q *pushQueue) Push(x any) { *q = append(*q, x.(*push)) }

// Pop is part of [heap.Interface].
func (q *pushQueue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return p
}

// enqueue puts p behind what is due at the same moment.
func (s *Sim) enqueue(p *push) {
	s.pushes.order++
	p.order = s.pushes.order
	if p.id == 0 {
		s.pushes.seq++
		p.id = s.pushes.seq
	}
	heap.Push(&s.pushes.queue, p)
}

// takeDue removes what is due from the queue, in order.
func (s *Sim) takeDue(now time.Time) []*push {
	var due []*push
	for len(s.pushes.queue) > 0 && !s.pushes.queue[0].due.After(now) {
		due = append(due, heap.Pop(&s.pushes.queue).(*push))
	}
	return due
}

// PushEntry is one try of a push in the push ledger, or a remark about pushes.
type PushEntry struct {
	// Seq counts entries from 1 and never goes back.
	Seq int64 `json:"seq"`
	// ID is that of the push; its tries share it. 0 in remarks.
	ID int64 `json:"id,omitempty"`
	// Time is when the answer was judged, on the emulator's clock.
	Time time.Time `json:"time"`
	// Kind is ticket, auth, shop or user.
	Kind string `json:"kind"`
	// AppID is whose URL was called, and Shop which shop it is about.
	AppID string `json:"appid"`
	Shop  string `json:"shop,omitempty"`
	// Name is the InfoType or Event.
	Name string `json:"name,omitempty"`
	// URL is where it went, without the query.
	URL string `json:"url,omitempty"`
	// Try counts from 1. A replay has the number of the try it repeats.
	Try int `json:"try,omitempty"`
	// Status is the HTTP status, 0 without an answer.
	Status int `json:"status,omitempty"`
	// Answer is how the body of the answer began.
	Answer string `json:"answer,omitempty"`
	// OK tells whether WeChat is content with the answer.
	OK bool `json:"ok"`
	// Error says why there is no answer.
	Error string `json:"error,omitempty"`
	// Fault is the kind of the push fault that met it.
	Fault string `json:"fault,omitempty"`
	// Next is when it is tried again; zero if never.
	Next time.Time `json:"next,omitzero"`
	// Note tells what is no try: never sent, pushing stopped, given up.
	Note string `json:"note,omitempty"`
}

// recordPush completes e with what p knows, and writes it down.
func (s *Sim) recordPush(p *push, e PushEntry) {
	e.ID, e.Time, e.Kind, e.AppID, e.Shop, e.Name = p.id, s.Now(), string(p.kind), p.appid, p.shop, p.name
	e.Fault = cmp.Or(e.Fault, p.fault)
	s.pushes.ledger.add(func(seq int64) PushEntry { e.Seq = seq; return e })
}

// PushLedger returns the tries of pushes whose Seq is greater than seq, oldest
// first. Names narrow it: InfoTypes or Events, or prefixes that end in '*'.
func (s *Sim) PushLedger(seq int64, names ...string) []PushEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pushes.ledger.since(seq, func(e PushEntry) bool { return matchAny(names, e.Name) })
}

// PendingPushes is how many pushes wait for their time, held ones included.
func (s *Sim) PendingPushes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.pushes.queue)
	for _, f := range s.pushes.faults {
		n += len(f.held)
	}
	return n
}
