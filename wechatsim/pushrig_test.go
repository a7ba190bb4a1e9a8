package wechatsim_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

const (
	platformID = "wx00000000000f00d1"
	pushToken  = "demotoken1"
	pushAESKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	newAESKey  = "ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210zyxwvuX"
)

const pushServiceID = 9007199254740993

// received is one request that reached the receiver.
type received struct {
	path, query, contentType string
	q                        url.Values
	body                     []byte
}

// receiver is a server under test: it keeps what it got and answers as told.
type receiver struct {
	t      *testing.T
	srv    *httptest.Server
	mu     sync.Mutex
	got    []received
	answer func(w http.ResponseWriter, r *http.Request, n int) // n counts from 1
}

func newReceiver(t *testing.T) *receiver {
	rc := &receiver{t: t}
	rc.srv = httptest.NewServer(rc)
	t.Cleanup(rc.srv.Close)
	return rc
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the emulator went away
	}
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, r.URL.Query().Get("echostr"))
		return
	}
	rc.mu.Lock()
	rc.got = append(rc.got, received{r.URL.Path, r.URL.RawQuery, r.Header.Get("Content-Type"), r.URL.Query(), body})
	n, answer := len(rc.got), rc.answer
	rc.mu.Unlock()
	if answer == nil {
		_, _ = io.WriteString(w, "success")
		return
	}
	answer(w, r, n)
}

// always answers status and text to everything.
func (rc *receiver) always(status int, text string) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.answer = func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// take returns what came since the last call.
func (rc *receiver) take() []received {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	out := rc.got
	rc.got = nil
	return out
}

// message is a push as a receiver understands it.
type message struct {
	to, text, appid string
	fields          map[string]string // leaves by their path
}

func (m message) name() string { return m.fields["InfoType"] + m.fields["Event"] }

// open verifies and decrypts a push the way the documents tell a receiver to.
func (r received) open(keys ...string) (message, error) {
	var outer struct {
		AppId      string //nolint:revive // the name on the wire
		ToUserName string
		Encrypt    string
	}
	unmarshal := xml.Unmarshal
	if bytes.HasPrefix(r.body, []byte("{")) {
		unmarshal = json.Unmarshal
	}
	if err := unmarshal(r.body, &outer); err != nil {
		return message{}, err
	}
	if r.q.Get("encrypt_type") != "aes" || sign(r.q.Get("timestamp"), r.q.Get("nonce")) != r.q.Get("signature") {
		return message{}, errors.New("signature")
	}
	if sign(r.q.Get("timestamp"), r.q.Get("nonce"), outer.Encrypt) != r.q.Get("msg_signature") {
		return message{}, errors.New("msg_signature")
	}
	var err error
	for _, key := range keys {
		var m message
		if m, err = decrypt(key, outer.Encrypt); err == nil {
			m.to = outer.ToUserName + outer.AppId
			return m, nil
		}
	}
	return message{}, err
}

func sign(parts ...string) string {
	all := append([]string{pushToken}, parts...)
	slices.Sort(all)
	sum := sha1.Sum([]byte(strings.Join(all, "")))
	return hex.EncodeToString(sum[:])
}

func decrypt(key, sealed string) (message, error) {
	k, err := base64.StdEncoding.DecodeString(key + "=")
	if err != nil {
		return message{}, err
	}
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(b) == 0 || len(b)%32 != 0 {
		return message{}, errors.New("base64 or block size")
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return message{}, err
	}
	cipher.NewCBCDecrypter(block, k[:16]).CryptBlocks(b, b)
	pad := int(b[len(b)-1])
	if pad < 1 || pad > 32 || pad > len(b)-20 || !bytes.Equal(b[len(b)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return message{}, errors.New("padding")
	}
	b = b[:len(b)-pad]
	n := binary.BigEndian.Uint32(b[16:20])
	if uint64(n)+20 > uint64(len(b)) {
		return message{}, errors.New("length")
	}
	m := message{text: string(b[20 : 20+n]), appid: string(b[20+n:]), fields: map[string]string{}}
	if !strings.HasPrefix(m.appid, "wx") || len(m.appid) != 18 {
		return message{}, errors.New("appid")
	}
	return m, m.parse()
}

// parse fills fields from either dialect.
func (m *message) parse() error {
	if strings.HasPrefix(m.text, "{") {
		dec := json.NewDecoder(strings.NewReader(m.text))
		dec.UseNumber()
		var tree map[string]any
		if err := dec.Decode(&tree); err != nil {
			return err
		}
		m.leaves("", tree)
		return nil
	}
	dec := xml.NewDecoder(strings.NewReader(m.text))
	var path []string
	text, leaf := "", false
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			path, text, leaf = append(path, tok.Name.Local), "", true
		case xml.CharData:
			text += string(tok)
		case xml.EndElement:
			if leaf {
				m.fields[strings.Join(path[1:], ".")] += text
			}
			path, text, leaf = path[:len(path)-1], "", false
		}
	}
}

func (m *message) leaves(prefix string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, sub := range v {
			m.leaves(strings.TrimPrefix(prefix+"."+k, "."), sub)
		}
	default:
		m.fields[prefix] = fmt.Sprint(v)
	}
}

// pushRig is an emulator with a platform, a shop and a service account that
// push to one receiver.
type pushRig struct {
	*rig
	rc *receiver
}

func newPushRig(t *testing.T, change ...func(*wechatsim.Options)) *pushRig {
	t.Helper()
	rc := newReceiver(t)
	w := world(func(w *wechatsim.World) {
		settings := wechatsim.PushSettings{AuthURL: rc.srv.URL + "/auth", EventURL: rc.srv.URL + "/event/$APPID$",
			Token: pushToken, EncodingAESKey: pushAESKey}
		w.Apps = append(w.Apps, wechatsim.App{AppID: platformID, Secret: "sandbox-secret-platform-00000001", Kind: wechatsim.Component,
			Name: "demo", Push: &settings, Services: []wechatsim.Service{{ServiceID: pushServiceID, Name: "demo", URL: rc.srv.URL + "/enter"}}})
		for i := range w.Apps {
			if k := w.Apps[i].Kind; k == wechatsim.ShopApp || k == wechatsim.ServiceAccount || k == wechatsim.Website {
				w.Apps[i].Push = &wechatsim.PushSettings{URL: rc.srv.URL + "/own/" + string(k) + "?tenant=1", Token: pushToken, EncodingAESKey: pushAESKey}
			}
		}
	})
	g := &pushRig{newRig(t, append([]func(*wechatsim.Options){w}, change...)...), rc}
	g.noTickets()
	return g
}

// authorise lets the shop buy a service, which authorises the platform.
func (g *pushRig) authorise() {
	g.t.Helper()
	if _, err := g.Buy(shopID, pushServiceID, ""); err != nil {
		g.t.Fatal(err)
	}
}

// noTickets keeps tickets out of tests that are about something else.
func (g *pushRig) noTickets() {
	for _, st := range g.TicketStates() {
		if err := g.StopTickets(st.AppID); err != nil {
			g.t.Fatal(err)
		}
	}
}

// deliver sends what is due and returns what the receiver made of it.
func (g *pushRig) deliver() []message {
	g.t.Helper()
	g.Deliver(g.t.Context())
	var out []message
	for _, r := range g.rc.take() {
		m, err := r.open(pushAESKey)
		if err != nil {
			g.t.Fatalf("a push does not open: %v\n%s", err, r.body)
		}
		out = append(out, m)
	}
	return out
}

func (g *pushRig) event(name, body string) {
	g.t.Helper()
	if err := g.PushShop(shopID, name, []byte(body)); err != nil {
		g.t.Fatal(err)
	}
}

func names(ms []message) string {
	var out []string
	for _, m := range ms {
		out = append(out, m.name())
	}
	return strings.Join(out, " ")
}

func (g *pushRig) switches(change func(*wechatsim.Switches)) {
	g.t.Helper()
	if err := g.SetSwitches(change); err != nil {
		g.t.Fatal(err)
	}
}

func (g *pushRig) fault(f wechatsim.PushFault) {
	g.t.Helper()
	if _, err := g.AddPushFault(f); err != nil {
		g.t.Fatal(err)
	}
}

// contextThatEnds is the test's context with a way to end it from a handler.
func contextThatEnds(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
