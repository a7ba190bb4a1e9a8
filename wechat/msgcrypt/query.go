package msgcrypt

import (
	"net/url"
	"strconv"
	"time"
)

// Query is what WeChat adds to the URL of a push or of a URL check. Nothing in
// it is proven until [Keyring.Open] or [Keyring.Echo] accepts it.
type Query struct {
	// Signature is made of token, timestamp and nonce. It proves nothing
	// about a body and is looked at in the URL check only.
	Signature string
	// MsgSignature is made of token, timestamp, nonce and ciphertext.
	MsgSignature string
	// Timestamp is in seconds since 1970, as sent.
	Timestamp string
	// Nonce is a random number, as sent.
	Nonce string
	// EncryptType is "aes" in safe mode.
	EncryptType string
	// EchoStr is what a URL check wants back.
	EchoStr string
}

// QueryOf reads the query of a request. Of a parameter that stands there
// twice, the first counts.
func QueryOf(v url.Values) Query {
	return Query{
		Signature:    v.Get("signature"),
		MsgSignature: v.Get("msg_signature"),
		Timestamp:    v.Get("timestamp"),
		Nonce:        v.Get("nonce"),
		EncryptType:  v.Get("encrypt_type"),
		EchoStr:      v.Get("echostr"),
	}
}

// Values returns the query as parameters of a URL, without the empty ones.
func (q Query) Values() url.Values {
	v := url.Values{}
	for _, p := range [][2]string{
		{"signature", q.Signature}, {"timestamp", q.Timestamp}, {"nonce", q.Nonce},
		{"encrypt_type", q.EncryptType}, {"msg_signature", q.MsgSignature}, {"echostr", q.EchoStr},
	} {
		if p[1] != "" {
			v.Set(p[0], p[1])
		}
	}
	return v
}

// mode refuses every mode but the safe one.
func (q Query) mode() error {
	switch q.EncryptType {
	case "aes":
		return nil
	case "", "raw":
		return ErrPlainMode
	}
	return ErrEncryptType
}

// time returns the moment that the timestamp names.
func (q Query) time() (time.Time, error) {
	// Eleven digits last until the year 5138; milliseconds have thirteen.
	sec, err := strconv.ParseUint(q.Timestamp, 10, 63)
	if err != nil || len(q.Timestamp) > 11 {
		return time.Time{}, ErrTimestamp
	}
	return time.Unix(int64(sec), 0).UTC(), nil
}

// How far a timestamp may be from now, unless a [Window] says otherwise.
const (
	// DefaultBack is longer than WeChat tries to deliver: the last of ten
	// pushes of a shop's event leaves about 3.6 hours after the first. No page
	// says whether a later push carries a timestamp of its own or the first
	// one's, so the window holds both.
	DefaultBack = 4 * time.Hour
	// DefaultAhead is for clocks that differ.
	DefaultAhead = 5 * time.Minute
)

// Window is how far the timestamp of a push may be from now. It bounds how long
// a captured push can be replayed; within it the caller's deduplication does
// that work. The zero Window has the defaults.
type Window struct {
	// Back is how old a timestamp may be, [DefaultBack] if 0.
	Back time.Duration
	// Ahead is how far in the future it may be, [DefaultAhead] if 0.
	Ahead time.Duration
}

// Check returns [ErrStale] or [ErrFuture] if at is outside the window around
// now. The bounds themselves are inside.
func (w Window) Check(at, now time.Time) error {
	back, ahead := w.Back, w.Ahead
	if back == 0 {
		back = DefaultBack
	}
	if ahead == 0 {
		ahead = DefaultAhead
	}
	switch age := now.Sub(at); {
	case age > back:
		return ErrStale
	case -age > ahead:
		return ErrFuture
	}
	return nil
}
