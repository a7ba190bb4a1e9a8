package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Bounds of one message.
const (
	// MaxBytes is the largest message. Callers bound what they read, too.
	MaxBytes = 1 << 20
	// MaxDepth is how deep objects and lists may nest; the message is 1.
	MaxDepth = 16
	// MaxElements is how many values a message may have, inner ones included.
	MaxElements = 2000
)

// Event is one decoded message.
type Event struct {
	// Name is the Event or the InfoType of the message. It is empty only for
	// what a person wrote to an account (MsgType text, image and so on).
	Name string
	// ToUserName is the gh_ name of the account; empty in events about
	// authorisation.
	ToUserName string
	// FromUserName is an openid, mostly of WeChat's own account.
	FromUserName string
	// AppID is the account that the event is about, where the message says it:
	// the platform's in events about authorisation.
	AppID string
	// MsgType is "event" for all events of shops, in lower case; empty in
	// events about authorisation.
	MsgType string
	// MsgID is WeChat's id of the message. Events of shops have none.
	MsgID string
	// CreateTime is when it happened, in seconds since 1970; 0 if the message
	// does not say. Pushes come late and out of order: this orders them.
	CreateTime int64
	// Body is everything else as one JSON object in a canonical form: names
	// sorted, every scalar a string, no blanks. It holds no credentials.
	Body json.RawMessage
	// Digest is the SHA-256 of the bytes that were decoded. WeChat repeats an
	// event with the same bytes, so it tells repetitions.
	Digest [sha256.Size]byte

	secrets map[string]secret.Value
}

// Time is CreateTime as a time, the zero time if the message does not say.
func (e *Event) Time() time.Time {
	if e.CreateTime == 0 {
		return time.Time{}
	}
	return time.Unix(e.CreateTime, 0).UTC()
}

// Decode reads a decrypted message. Its first byte tells JSON from XML. The
// errors are those of this package.
func Decode(plain []byte) (Event, error) {
	if len(plain) > MaxBytes {
		return Event{}, ErrTooLarge
	}
	if !utf8.Valid(plain) {
		return Event{}, ErrSyntax
	}
	root, err := parse(bytes.Trim(plain, " \t\r\n"))
	if err != nil {
		return Event{}, err
	}
	e := Event{Digest: sha256.Sum256(plain)}
	if err := e.take(root); err != nil {
		return Event{}, err
	}
	if e.Body, err = canonical(root); err != nil {
		return Event{}, err
	}
	return e, nil
}

// parse reads the tree of a message by its dialect.
func parse(text []byte) (object, error) {
	switch {
	case len(text) == 0:
		return nil, ErrSyntax
	case text[0] == '{':
		return parseJSON(text)
	case text[0] == '<':
		return parseXML(text)
	}
	return nil, ErrSyntax
}

// take moves the envelope and the credentials from the tree into the event.
func (e *Event) take(root object) error {
	created := ""
	for _, m := range []struct {
		to    *string
		names []string
	}{
		{&e.Name, []string{"Event", "InfoType"}},
		{&e.ToUserName, []string{"ToUserName"}},
		{&e.FromUserName, []string{"FromUserName"}},
		{&e.AppID, []string{"AppId", "AppID"}},
		{&e.MsgType, []string{"MsgType"}},
		{&e.MsgID, []string{"MsgId", "MsgID"}},
		{&created, []string{"CreateTime"}},
	} {
		for _, name := range m.names {
			if err := root.take(name, m.to); err != nil {
				return err
			}
		}
	}
	for _, name := range credentials {
		e.hide(root, name)
	}
	e.MsgType = strings.ToLower(e.MsgType) // pages write Event and event
	return e.check(created)
}

// credentials are the members that must not be stored or passed on.
var credentials = []string{"ComponentVerifyTicket", "AuthorizationCode", "PreAuthCode"}

// hide moves one credential out of the tree.
func (e *Event) hide(root object, name string) {
	if s, ok := root[name].(string); ok && s != "" {
		if e.secrets == nil {
			e.secrets = map[string]secret.Value{}
		}
		e.secrets[name] = secret.FromString(s)
	}
	delete(root, name)
}

// lastSecond is the last one of the year 9999. Milliseconds are beyond it.
const lastSecond = 253402300799

// check judges the envelope.
func (e *Event) check(created string) error {
	if e.Name == "" && (e.MsgType == "" || e.MsgType == "event") {
		return ErrEnvelope
	}
	if created == "" {
		return nil
	}
	sec, err := strconv.ParseUint(strings.TrimSpace(created), 10, 63)
	if err != nil || sec > lastSecond {
		return ErrEnvelope
	}
	e.CreateTime = int64(sec)
	return nil
}
