package wechatsim

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// PushFaultKind is a way in which a push can go wrong, or be made to look
// wrong by somebody who knows the URL.
type PushFaultKind string

// Faults that meet an event when it arises.
const (
	// PushLose never sends the event. Only the push ledger knows of it.
	PushLose PushFaultKind = "lose"
	// PushLate holds the event for [PushFault.Hold] of the emulator's time.
	PushLate PushFaultKind = "late"
	// PushReorder collects [PushFault.Events] events, and then sends them last
	// first.
	PushReorder PushFaultKind = "reorder"
	// PushDuplicate sends the event [PushFault.Times] times more. The copies
	// decrypt to the same bytes, and each has retries of its own.
	PushDuplicate PushFaultKind = "duplicate"
	// PushOldTicket sends, behind a ticket, the platform's oldest ticket again
	// with the CreateTime it had, signed now.
	PushOldTicket PushFaultKind = "old_ticket"
	// PushForeignTicket sends, behind a ticket, the ticket of another platform
	// that uses the same token and key: AppId inside and at the end are that
	// platform's.
	PushForeignTicket PushFaultKind = "foreign_ticket"
)

// Faults that meet one try. A later try of the same event is sound again.
const (
	// PushWrongSignature sends a msg_signature that is not of this body. The
	// signature beside it is right, since it proves nothing about the body.
	PushWrongSignature PushFaultKind = "wrong_signature"
	// PushWrongAppID ends the plaintext with another appid.
	PushWrongAppID PushFaultKind = "wrong_appid"
	// PushBadPadding ends the plaintext with a padding of 0, of 33, or of
	// unequal bytes: one of them a try, in turn.
	PushBadPadding PushFaultKind = "bad_padding"
	// PushBadLength lies about the length of the message: too long, all ones,
	// or too short, in turn.
	PushBadLength PushFaultKind = "bad_length"
	// PushBadBase64 sends an Encrypt that is no base64, no whole block, or
	// nothing, in turn. Its msg_signature is right.
	PushBadBase64 PushFaultKind = "bad_base64"
	// PushPlaintext sends the message as plaintext mode does: no encrypt_type,
	// no msg_signature, nothing encrypted.
	PushPlaintext PushFaultKind = "plaintext"
	// PushCompatible sends the message as compatible mode does: readable, with
	// the encrypted one beside it.
	PushCompatible PushFaultKind = "compatible"
	// PushHuge blows the body up to 10 MB; it is sound otherwise.
	PushHuge PushFaultKind = "huge"
	// PushPreviousKey encrypts with the previous EncodingAESKey, if there is one.
	PushPreviousKey PushFaultKind = "previous_key"
	// PushReplay sends the very same request [PushFault.Times] times more,
	// whatever the answer was: same timestamp, nonce and signature. With
	// [PushFault.Hold] they come that much later, when the timestamp is old.
	PushReplay PushFaultKind = "replay"
)

var (
	arisingFaults = []PushFaultKind{PushLose, PushLate, PushReorder, PushDuplicate, PushOldTicket, PushForeignTicket}
	tryingFaults  = []PushFaultKind{PushWrongSignature, PushWrongAppID, PushBadPadding, PushBadLength, PushBadBase64,
		PushPlaintext, PushCompatible, PushHuge, PushPreviousKey, PushReplay}
	ticketFaults = []PushFaultKind{PushOldTicket, PushForeignTicket}
)

// PushFault is a misfortune that waits for matching pushes. As with [Fault],
// nothing is random: it lets Skip of them pass, meets Count of them, and is
// gone; the first armed fault that matches is the only one.
type PushFault struct {
	// ID is given when the fault is armed.
	ID int `json:"id,omitempty"`
	// Kind says what happens.
	Kind PushFaultKind `json:"kind"`
	// Name is the InfoType or Event it waits for, or a prefix that ends in
	// '*'. Left out: any.
	Name string `json:"name,omitempty"`
	// AppID narrows it to pushes that go to this app's URL, or that are about
	// this shop.
	AppID string `json:"appid,omitempty"`
	// Count is how many it meets; 0 means one, -1 means all until cleared.
	Count int `json:"count,omitempty"`
	// Skip is how many matching ones pass unharmed first.
	Skip int `json:"skip,omitempty"`
	// Times is how many copies duplicate and replay add, 0 meaning one; reorder
	// adds so many to each event, 0 meaning none.
	Times int `json:"times,omitempty"`
	// Hold is how long late holds an event, and duplicate and replay their
	// copies.
	Hold Duration `json:"hold,omitempty"`
	// Events is how many events reorder collects before it sends them; at
	// least 2. It counts as met once for each collection.
	Events int `json:"events,omitempty"`

	met  int
	held []*push
}

func (f *PushFault) check(path string, ps *problems) {
	if !slices.Contains(arisingFaults, f.Kind) && !slices.Contains(tryingFaults, f.Kind) {
		ps.addf(path+".kind", "is %q", "use one of %v", f.Kind, slices.Concat(arisingFaults, tryingFaults))
	}
	if f.Count < -1 || f.Skip < 0 || f.Times < 0 || f.Times > 1000 {
		ps.add(path, "holds a number out of range", "use count -1 for ever, skip 0 or more, and times up to 1000")
	}
	if f.Hold < 0 || f.Kind == PushLate && f.Hold == 0 {
		ps.add(path+".hold", "is not a time to hold", "write a duration like \"10m\"")
	}
	if f.Kind == PushReorder && (f.Events < 2 || f.Events > 10_000) {
		ps.add(path+".events", "is not a number of events to hold", "use 2 to 10000")
	}
}

// AddPushFault arms a fault for pushes and returns its id.
func (s *Sim) AddPushFault(f PushFault) (int, error) {
	var ps problems
	f.check("$", &ps)
	if err := ps.err(); err != nil {
		return 0, fmt.Errorf("arm push fault: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faultSeq++
	f.ID = s.faultSeq
	f.Count = cmp.Or(f.Count, 1)
	if f.Kind == PushDuplicate || f.Kind == PushReplay {
		f.Times = cmp.Or(f.Times, 1)
	}
	f.met, f.held = 0, nil
	s.pushes.faults = append(s.pushes.faults, &f)
	return f.ID, nil
}

// PushFaults returns the push faults that are still armed, with what is left
// of them.
func (s *Sim) PushFaults() []PushFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]PushFault, 0, len(s.pushes.faults))
	for _, f := range s.pushes.faults {
		shown := *f
		shown.held = nil
		out = append(out, shown)
	}
	return out
}

// ClearPushFaults disarms all push faults. Events that reorder still holds go
// out, last first.
func (s *Sim) ClearPushFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.pushes.faults {
		s.release(f)
	}
	s.pushes.faults = nil
}

// takePushFault finds the fault of one of kinds that meets p, and counts it down.
func (s *Sim) takePushFault(p *push, kinds []PushFaultKind) *PushFault {
	for i, f := range s.pushes.faults {
		if !slices.Contains(kinds, f.Kind) || !f.matches(p) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			return nil
		}
		if f.Kind == PushReorder && len(f.held)+1+f.Times < f.full() {
			return f // it has met its event only when it lets go
		}
		f.met++
		if f.Count > 0 {
			f.Count--
		}
		if f.Count == 0 {
			s.pushes.faults = slices.Delete(s.pushes.faults, i, i+1)
		}
		return f
	}
	return nil
}

func (f *PushFault) matches(p *push) bool {
	return (f.Name == "" || matchPath(f.Name, p.name)) && (f.AppID == "" || f.AppID == p.appid || f.AppID == p.shop) &&
		(p.name == infoTicket || !slices.Contains(ticketFaults, f.Kind))
}

// arise puts a new event into the queue, past the fault that meets it.
func (s *Sim) arise(p *push) {
	f := s.takePushFault(p, arisingFaults)
	if f == nil {
		s.enqueue(p)
		return
	}
	p.fault = string(f.Kind)
	switch f.Kind {
	case PushLose:
		s.recordPush(p, PushEntry{Note: "never sent"})
	case PushLate:
		p.due = p.due.Add(f.Hold.Std())
		s.enqueue(p)
	case PushReorder:
		f.held = append(f.held, p)
		for range f.Times {
			f.held = append(f.held, p.copy())
		}
		if len(f.held) >= f.full() {
			s.release(f)
		}
	case PushDuplicate:
		s.enqueue(p)
		for range f.Times {
			again := p.copy()
			again.due = p.due.Add(f.Hold.Std())
			s.enqueue(again)
		}
	case PushOldTicket, PushForeignTicket:
		p.fault = ""
		s.enqueue(p)
		if extra := s.strayTicket(p, f.Kind); extra != nil {
			s.enqueue(extra)
		}
	}
}

// full is how many pushes a reorder holds when it lets go.
func (f *PushFault) full() int { return f.Events * (1 + f.Times) }

// release sends what a reorder holds, last first, when the last of it is due.
func (s *Sim) release(f *PushFault) {
	due := s.Now()
	for _, p := range f.held {
		due = later(due, p.due)
	}
	for _, p := range slices.Backward(f.held) {
		p.due = due
		s.enqueue(p)
	}
	f.held = nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
