package event

import "errors"

// Why a message is refused. The texts hold nothing of the message.
var (
	// ErrSyntax: not one well-formed JSON object or XML element in UTF-8.
	ErrSyntax = errors.New("event: the message is neither a JSON object nor an xml element; keep the bytes and compare them with the documentation of the event")
	// ErrDocType: the XML declares something.
	ErrDocType = errors.New("event: the message has a DOCTYPE, which WeChat never sends; look who sent it")
	// ErrDuplicate: a name stands twice in one JSON object.
	ErrDuplicate = errors.New("event: a name stands twice in one object; look who sent the message")
	// ErrTooLarge: over [MaxBytes], [MaxDepth] or [MaxElements].
	ErrTooLarge = errors.New("event: the message is too large, too deep or has too many parts; look who sent it")
	// ErrEnvelope: the message does not say what it is, or a member of its envelope has the wrong form.
	ErrEnvelope = errors.New("event: the envelope of the message lacks a member or has one in a wrong form; keep the bytes and compare them with the documentation of the event")
	// ErrOtherEvent: the event has another name than the one that is asked for.
	ErrOtherEvent = errors.New("event: this is another event; look at its Name first")
	// ErrIncomplete: an event lacks a member that its documentation promises.
	ErrIncomplete = errors.New("event: the event lacks a member that it cannot be used without; keep the bytes and compare them with the documentation of the event")
)
