package wechatsim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// maxPushAnswer bounds what is read of an answer.
const maxPushAnswer = 4 << 10

// shownAnswer is how much of an answer the push ledger shows.
const shownAnswer = 64

// maxParallel bounds [Switches.PushParallel].
const maxParallel = 256

// newPushClient returns the client that carries pushes. It follows no
// redirects: the URL that was checked is the one that counts.
func newPushClient(carrier http.RoundTripper) *http.Client {
	if carrier == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.Proxy = nil // a push to localhost is not for a proxy
		t.MaxIdleConnsPerHost = maxParallel
		carrier = t
	}
	return &http.Client{Transport: carrier,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// wireRequest is a push as it goes over the wire. The same one can be sent
// more than once.
type wireRequest struct {
	url         string
	contentType string
	body        []byte
}

// compose encrypts and signs a try of p to target, spoilt by f if there is one.
func (p *push) compose(target string, e envelope, f *PushFault) wireRequest {
	q := url.Values{"timestamp": {e.timestamp}, "nonce": {e.nonce}, "signature": {pushSignature(p.token, e.timestamp, e.nonce)}}
	out := wireRequest{contentType: "text/xml"}
	if p.json {
		out.contentType = "application/json"
	}
	if f != nil && f.Kind == PushPlaintext {
		out.url, out.body = withQuery(target, q), p.plain
		return out
	}
	sealed := p.sealed(e, f)
	q.Set("encrypt_type", "aes")
	q.Set("msg_signature", pushSignature(p.token, e.timestamp, e.nonce, sealed))
	if f != nil && f.Kind == PushWrongSignature {
		q.Set("msg_signature", pushSignature(p.token, e.timestamp, e.nonce, sealed+"x"))
	}
	out.url, out.body = withQuery(target, q), p.wrap(sealed)
	if f != nil && f.Kind == PushCompatible {
		out.body = p.wrapBeside(sealed)
	}
	return out
}

// withQuery appends to the query that a configured URL may have.
func withQuery(target string, q url.Values) string {
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	return target + sep + q.Encode()
}

// wrap builds the outer body.
func (p *push) wrap(sealed string) []byte {
	name := "ToUserName"
	if p.kind == pushTicket || p.kind == pushAuth {
		name = "AppId"
	}
	o := pushObject{{name, p.to}, {"Encrypt", sealed}}
	if p.json {
		return o.toJSON()
	}
	return o.toXML()
}

// wrapBeside is the outer body of compatible mode.
func (p *push) wrapBeside(sealed string) []byte {
	extra := pushObject{{"Encrypt", sealed}}
	if p.json {
		return bytes.Join([][]byte{bytes.TrimSuffix(p.plain, []byte("}")), extra.toJSON()[1:]}, []byte(","))
	}
	return append(bytes.TrimSuffix(p.plain, []byte("</xml>")), bytes.TrimPrefix(extra.toXML(), []byte("<xml>"))...)
}

// sealed encrypts the message, or what a fault makes of it.
func (p *push) sealed(e envelope, f *PushFault) string {
	if f == nil {
		return p.key.seal(e.random, p.plain, p.tail)
	}
	switch f.Kind {
	case PushWrongAppID:
		return p.key.seal(e.random, p.plain, "wx"+derive(0, "wrong appid", p.appid)[:16])
	case PushPreviousKey:
		return p.previous.seal(e.random, p.plain, p.tail)
	case PushHuge:
		return p.key.seal(e.random, p.blownUp(), p.tail)
	case PushBadPadding:
		return p.key.encrypt(badPadding(framePush(e.random, p.plain, uint32(len(p.plain)), p.tail), f.met-1))
	case PushBadLength:
		lies := []uint32{uint32(len(p.plain)) + 1000, 1<<32 - 1, 3}
		return p.key.encrypt(padPush(framePush(e.random, p.plain, lies[(f.met-1)%len(lies)], p.tail)))
	case PushBadBase64:
		junk := []string{"*" + p.key.seal(e.random, p.plain, p.tail), "AAAA", ""}
		return junk[(f.met-1)%len(junk)]
	}
	return p.key.seal(e.random, p.plain, p.tail)
}

// badPadding fills up b with a padding that no reader may accept.
func badPadding(b []byte, variant int) []byte {
	n := len(b)
	b = padPush(b)
	last := &b[len(b)-1]
	switch variant % 3 {
	case 0:
		*last = 0
	case 1:
		*last = pushPad + 1
	default:
		if len(b)-n == 1 { // a single byte is always equal to itself: take a whole block more
			b = padPush(append(b[:n], b[n]))
		}
		b[len(b)-2]++
	}
	return b
}

// blownUp is the message with 7.5 MB of letters in it: 10 MB once encrypted.
func (p *push) blownUp() []byte {
	extra := pushObject{{"junk", strings.Repeat("x", 7_500_000)}}
	if p.json {
		return bytes.Join([][]byte{bytes.TrimSuffix(p.plain, []byte("}")), extra.toJSON()[1:]}, []byte(","))
	}
	return append(bytes.TrimSuffix(p.plain, []byte("</xml>")), bytes.TrimPrefix(extra.toXML(), []byte("<xml>"))...)
}

// pushAnswer is what came back for one request.
type pushAnswer struct {
	status int
	body   string
	err    error
}

// send carries one request and waits at most for timeout.
func (s *Sim) send(ctx context.Context, r wireRequest, timeout time.Duration) pushAnswer {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return pushAnswer{err: errors.New("the URL cannot be called: set another in the console")}
	}
	req.Header.Set("Content-Type", r.contentType)
	req.Header.Set("User-Agent", "Mozilla/4.0")
	return s.carry(req)
}

// carry does the call. Errors lose the URL: its query is signed.
func (s *Sim) carry(req *http.Request) pushAnswer {
	resp, err := s.carrier.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return pushAnswer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPushAnswer))
	return pushAnswer{status: resp.StatusCode, body: string(body), err: err}
}

// content tells whether WeChat takes the answer for a receipt.
func (a pushAnswer) content(kind pushKind) bool {
	if a.err != nil || a.status != http.StatusOK {
		return false
	}
	return a.body == "success" || a.body == "" && (kind == pushShop || kind == pushUser)
}

// entry describes the answer for the ledger.
func (a pushAnswer) entry(p *push, target string) PushEntry {
	e := PushEntry{Try: p.tries, Status: a.status, OK: a.content(p.kind), Answer: shown(a.body)}
	e.URL, _, _ = strings.Cut(target, "?") // a configured query may hold a secret
	switch {
	case errors.Is(a.err, context.DeadlineExceeded):
		e.Error = "no answer in time"
	case a.err != nil:
		e.Error = a.err.Error()
	}
	return e
}

// shown is the beginning of an answer as one printable line.
func shown(body string) string {
	printable := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, body)
	if len(printable) <= shownAnswer {
		return printable
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(printable[:shownAnswer], ""), len(body))
}

// retryPlan says how long after a bad answer the next try comes; an event of a
// shop is pushed ten times at most, over about 3.6 hours. See
// developers.weixin.qq.com/doc/store/shop/notify/order_callback/channels_ec_order_new.html.
var retryPlan = []time.Duration{0, 0, 10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute,
	time.Hour, time.Hour, time.Hour}

// retries is the plan for a kind of push.
func (s *Sim) retries(kind pushKind) []time.Duration {
	switch kind {
	case pushShop:
		return retryPlan
	case pushUser:
		return []time.Duration{0, 0, 0} // three times, as messages of service accounts
	case pushAuth:
		return retryPlan[:min(s.sw.AuthEventRetries, len(retryPlan))]
	}
	return nil // the next ticket is the retry of a ticket
}

// judged decides what follows a try. A replay is nobody's push: whatever its
// answer, nothing follows.
func (s *Sim) judged(at attempt, a pushAnswer) {
	p := at.p
	if p.replayed == nil {
		p.tries++
	}
	e := a.entry(p, at.target)
	if at.fault != nil {
		e.Fault = string(at.fault.Kind)
	}
	if p.replayed != nil {
		s.recordPush(p, e)
		return
	}
	plan := s.retries(p.kind)
	switch {
	case e.OK:
	case p.tries <= len(plan):
		p.due = s.Now().Add(plan[p.tries-1])
		e.Next = p.due
		s.enqueue(p)
	case len(plan) > 0:
		e.Note = "given up"
	}
	s.recordPush(p, e)
	if p.kind == pushTicket || p.kind == pushAuth {
		s.countAnswer(p, e.OK)
	}
}
