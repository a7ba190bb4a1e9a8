package push_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/push"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

// wire makes pushes by hand, so that any part of one can be wrong.
type wire struct {
	token, key, appID string
	random            string
	length            int // of the message; -1: as it is
	pad               func(text []byte) []byte
	at                time.Time
}

func wireOf(app, appID string) *wire {
	return &wire{token: "token-" + app, key: aesKey, appID: appID, random: "0123456789abcdef", length: -1, pad: pkcs7, at: start}
}

func pkcs7(text []byte) []byte {
	n := 32 - len(text)%32
	return append(text, bytes.Repeat([]byte{byte(n)}, n)...)
}

// encrypt gives the ciphertext of a message in base64.
func (w *wire) encrypt(plain string) string {
	key, err := base64.StdEncoding.DecodeString(w.key + "=")
	if err != nil {
		panic(err)
	}
	length := len(plain)
	if w.length >= 0 {
		length = w.length
	}
	text := binary.BigEndian.AppendUint32([]byte(w.random), uint32(length))
	text = w.pad(append(append(text, plain...), w.appID...))
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(text, text)
	return base64.StdEncoding.EncodeToString(text)
}

// query signs a ciphertext.
func (w *wire) query(encrypted string) msgcrypt.Query {
	return w.sign(msgcrypt.Query{Timestamp: unix(w.at), Nonce: "415670741", EncryptType: "aes"}, encrypted)
}

func (w *wire) sign(q msgcrypt.Query, encrypted string) msgcrypt.Query {
	parts := []string{w.token, q.Timestamp, q.Nonce, encrypted}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	q.MsgSignature = hex.EncodeToString(sum[:])
	return q
}

func envelope(encrypted string) string {
	return `<xml><ToUserName><![CDATA[gh_000000000001]]></ToUserName><Encrypt><![CDATA[` + encrypted + `]]></Encrypt></xml>`
}

// request is a push of a message to path.
func (w *wire) request(path, plain string) *http.Request {
	encrypted := w.encrypt(plain)
	return post(path, w.query(encrypted), envelope(encrypted))
}

// signed is a push of whatever stands in the place of the ciphertext.
func (w *wire) signed(path, encrypted string) *http.Request {
	return post(path, w.query(encrypted), envelope(encrypted))
}

const (
	authURL  = "/wechat/push/platform/auth"
	eventURL = "/wechat/push/platform/event/" + servedID
)

// TestBadInput: each is refused, counted and recorded by its reason, and changes
// nothing.
func TestBadInput(t *testing.T) {
	event := shopEvent(msgcrypt.XML, "1", start)
	with := func(change func(w *wire)) *http.Request {
		w := wireOf("platform", platformID)
		change(w)
		return w.request(eventURL, event)
	}
	pad := func(f func(text []byte) []byte) *http.Request { return with(func(w *wire) { w.pad = f }) }
	good := wireOf("platform", platformID)
	query := func(change func(q *msgcrypt.Query)) *http.Request {
		encrypted := good.encrypt(event)
		q := good.query(encrypted)
		change(&q)
		return post(eventURL, q, envelope(encrypted))
	}
	body := func(text string) *http.Request {
		return post(eventURL, good.query(good.encrypt(event)), text)
	}
	tests := []struct {
		name   string
		req    *http.Request
		reason string
	}{
		{"another token", with(func(w *wire) { w.token = "token-other" }), "signature"},
		{"signature of nothing", query(func(q *msgcrypt.Query) { q.MsgSignature = "" }), "signature"},
		{"signature in capitals and longer", query(func(q *msgcrypt.Query) { q.MsgSignature += "00" }), "signature"},
		{"another nonce", query(func(q *msgcrypt.Query) { q.Nonce = "1" }), "signature"},
		{"another timestamp", query(func(q *msgcrypt.Query) { q.Timestamp = unix(start.Add(time.Second)) }), "signature"},
		{"timestamp in words", func() *http.Request {
			encrypted := good.encrypt(event)
			q := good.sign(msgcrypt.Query{Timestamp: "now", Nonce: "1", EncryptType: "aes"}, encrypted)
			return post(eventURL, q, envelope(encrypted))
		}(), "timestamp"},
		{"plaintext mode", query(func(q *msgcrypt.Query) { q.EncryptType = "" }), "plain-mode"},
		{"raw mode", query(func(q *msgcrypt.Query) { q.EncryptType = "raw" }), "plain-mode"},
		{"a mode that is not there", query(func(q *msgcrypt.Query) { q.EncryptType = "des" }), "encrypt-type"},
		{"compatible mode", body(`<xml><ToUserName>gh_1</ToUserName><MsgType>event</MsgType><Encrypt>AAAA</Encrypt></xml>`), "compatible-mode"},
		{"a query that cannot be read", func() *http.Request {
			r := body("")
			r.URL.RawQuery += "&a=%zz"
			return r
		}(), "query"},
		{"another account's appid", with(func(w *wire) { w.appID = servedID }), "appid"},
		{"no appid", with(func(w *wire) { w.appID = "" }), "appid"},
		{"another key", with(func(w *wire) { w.key = olderKey }), "padding"},
		{"no padding", pad(func(x []byte) []byte { return append(x, make([]byte, 32-len(x)%32)...) }), "padding"},
		{"padding of 33", pad(func(x []byte) []byte { return append(x, bytes.Repeat([]byte{33}, 64-len(x)%32)...) }), "padding"},
		{"padding of 255", pad(func(x []byte) []byte { x = pkcs7(x); x[len(x)-1] = 255; return x }), "padding"},
		{"padding of unlike bytes", pad(func(x []byte) []byte { x = pkcs7(append(x, 0)); x[len(x)-2]++; return x }), "padding"},
		{"nothing but padding", good.signed(eventURL, func() string {
			w := wireOf("platform", "")
			w.pad = func([]byte) []byte { return bytes.Repeat([]byte{32}, 32) }
			return w.encrypt("")
		}()), "length"},
		{"length beyond the end", with(func(w *wire) { w.length = 1 << 20 }), "length"},
		{"length beyond a signed number", with(func(w *wire) { w.length = 1<<32 - 1 }), "length"},
		{"length too short", with(func(w *wire) { w.length = 1 }), "appid"},
		{"junk for base64", good.signed(eventURL, "not base64!"), "ciphertext"},
		{"half a block", good.signed(eventURL, base64.StdEncoding.EncodeToString(make([]byte, 24))), "ciphertext"},
		{"no ciphertext", good.signed(eventURL, ""), "envelope"},
		{"no body", body(""), "envelope"},
		{"a form", body("Encrypt=1&ToUserName=2"), "envelope"},
		{"a doctype in the envelope", body(`<!DOCTYPE xml [<!ENTITY a "a">]><xml><Encrypt>&a;</Encrypt></xml>`), "envelope"},
		{"deep envelope", body(strings.Repeat("<xml>", 100_000)), "envelope"},
		{"two ciphertexts", body(`{"Encrypt":"AAAA","Encrypt":"BBBB"}`), "envelope"},
		{"too old", with(func(w *wire) { w.at = start.Add(-msgcrypt.DefaultBack - time.Second) }), "stale"},
		{"from the future", with(func(w *wire) { w.at = start.Add(msgcrypt.DefaultAhead + time.Second) }), "future"},
		{"entities inside", good.request(eventURL, `<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><xml><MsgType>event</MsgType><Event>&b;</Event></xml>`), "doctype"},
		{"an entity that nobody declared", good.request(eventURL, `<xml><MsgType>event</MsgType><Event>&b;</Event></xml>`), "syntax"},
		{"deep inside", good.request(eventURL, strings.Repeat("<xml>", 50_000)), "too-large"},
		{"many parts inside", good.request(eventURL, `<xml><MsgType>event</MsgType><Event>e</Event>`+strings.Repeat("<a>1</a>", 3000)+`</xml>`), "too-large"},
		{"a name twice inside", good.request(eventURL, `{"MsgType":"event","Event":"a","Event":"b"}`), "duplicate"},
		{"no text inside", good.request(eventURL, "\xff\xfe"), "syntax"},
		{"nothing inside", good.request(eventURL, ""), "syntax"},
		{"no event inside", good.request(eventURL, `{"MsgType":"event"}`), "message"},
		{"a time that is none", good.request(eventURL, `{"MsgType":"event","Event":"e","CreateTime":-1}`), "message"},
		{"an event on the URL for authorisations", good.request(authURL, event), "url"},
		{"a ticket on the URL for events", good.request(eventURL, ticket(platformID, "x", start)), "url"},
		{"another platform's ticket", good.request(authURL, ticket("wx00000000000000c2", "x", start)), "platform"},
		{"a ticket for nobody", good.request(authURL, `<xml><InfoType>component_verify_ticket</InfoType></xml>`), "platform"},
		{"unknown app", good.request("/wechat/push/nobody/auth", event), "app"},
		{"app without keys", good.request("/wechat/push/mute/event/wx00000000000000b3", event), "app"},
		{"authorisations of a shop", wireOf("own", ownShopID).request("/wechat/push/own/auth", event), "url"},
		{"a shop's URL for another shop", wireOf("own", ownShopID).request("/wechat/push/own/event/"+servedID, event), "url"},
		{"10 MB, announced", body(strings.Repeat("a", 10<<20)), "too-large"},
		{"10 MB, not announced", func() *http.Request {
			r := body(strings.Repeat("a", 10<<20))
			r.ContentLength = -1
			return r
		}(), "too-large"},
		{"a body that breaks off", func() *http.Request {
			r := body("")
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("<xml>"), brokenOff{}))
			return r
		}(), "cut"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			status, text := r.answer(tt.req)
			if status < 400 || status >= 500 || text != "not taken\n" {
				t.Errorf("answered %d %q", status, text)
			}
			if pushes, _ := r.store.recorded(); len(pushes) != 0 {
				t.Errorf("recorded %+v", pushes)
			}
			if diff := cmp.Diff([]string{"refused " + tt.reason}, r.counts.outcomes); diff != "" {
				t.Errorf("counted (-want +got):\n%s", diff)
			}
			if len(r.counts.refused) != 1 {
				t.Fatalf("recorded %d refusals", len(r.counts.refused))
			}
			e := r.counts.refused[0]
			if e.Action != "push.receive" || e.Outcome != audit.Refused || e.Reason != tt.reason || e.Actor.Kind != audit.ActorStranger || !e.At.Equal(start) {
				t.Errorf("recorded %+v", e)
			}
			if !r.counts.from[0].IsValid() {
				t.Error("the refusal does not know the address")
			}
			// The same receiver goes on taking what is right.
			r.takes(good.request(eventURL, event))
		})
	}
}

// brokenOff is a connection that was closed.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// startServer starts a real server, for what only connections show.
func startServer(t *testing.T, change ...func(*push.Options)) (*rig, *httptest.Server) {
	r := newRig(t, change...)
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return r, s
}

// TestLargeBodyIsCut: of a large body little is read, whether its size was told or
// not.
func TestLargeBodyIsCut(t *testing.T) {
	for _, announced := range []bool{true, false} {
		r, s := startServer(t)
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		head := "POST " + eventURL + " HTTP/1.1\r\nHost: x\r\n"
		if announced {
			head += "Content-Length: 10485760\r\n\r\n"
		} else {
			head += "Transfer-Encoding: chunked\r\n\r\na00000\r\n"
		}
		sent, _ := io.Copy(conn, io.MultiReader(strings.NewReader(head), strings.NewReader(strings.Repeat("a", 10<<20))))
		if sent > 8<<20 {
			t.Errorf("announced %v: %d bytes were taken off our hands", announced, sent)
		}
		if diff := cmp.Diff([]string{"refused too-large"}, r.counts.said()); diff != "" {
			t.Error(diff)
		}
	}
}

// TestSlowBody: a body that trickles is cut off at the end of the budget.
func TestSlowBody(t *testing.T) {
	r, s := startServer(t, func(o *push.Options) { o.Budget = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "POST "+eventURL+" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<xml>")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 408 ")) {
		t.Errorf("answered %q, %v", answer, err)
	}
	if diff := cmp.Diff([]string{"refused slow"}, r.counts.said()); diff != "" {
		t.Error(diff)
	}
}

// TestConnectionGoesOn: after a push that was taken the connection serves the
// next one, also later than a body may take.
func TestConnectionGoesOn(t *testing.T) {
	_, s := startServer(t, func(o *push.Options) { o.Budget = 200 * time.Millisecond })
	dials := 0
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials++
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}}
	defer client.CloseIdleConnections()
	send := func(n int) {
		req := order(t, n)
		req.RequestURI, req.URL.Scheme, req.URL.Host = "", "http", s.Listener.Addr().String()
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "success" {
			t.Fatalf("push %d: %q, %v", n, b, err)
		}
	}
	send(1)
	<-time.After(300 * time.Millisecond) // longer than the budget, in which the first body had to come
	send(2)
	if dials != 1 {
		t.Errorf("%d connections were made, want one", dials)
	}
}

// TestMethods: nothing else than GET and POST leads anywhere.
func TestMethods(t *testing.T) {
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		r := newRig(t)
		if status, _ := r.answer(httptest.NewRequest(method, eventURL, nil)); status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, strconv.Itoa(status))
		}
	}
}

// TestRefusalsTellNothing: a refusal says the same whatever the reason, so that
// nobody learns which apps there are or how far a forged push came.
func TestRefusalsTellNothing(t *testing.T) {
	r := newRig(t)
	wrong := wireOf("other", platformID)
	ask := func(path string) (int, string, http.Header) {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, wrong.request(path, shopEvent(msgcrypt.XML, "1", start)))
		w.Header().Del("X-Request-Id")
		return w.Code, w.Body.String(), w.Header()
	}
	knownStatus, knownBody, knownHead := ask(eventURL)
	status, text, head := ask("/wechat/push/nobody/event/" + servedID)
	if status != knownStatus || text != knownBody || !cmp.Equal(head, knownHead) {
		t.Errorf("an unknown app is answered %d %q %v, a known one %d %q %v", status, text, head, knownStatus, knownBody, knownHead)
	}
}
