package push_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

// FuzzRequest sends whole requests: whatever they hold, the answer is one of the
// few that there are, and what is not signed is never recorded.
func FuzzRequest(f *testing.F) {
	good := sealed(f, "platform", eventURL, shopEvent(msgcrypt.XML, "1", start), start)
	var raw bytes.Buffer
	if err := good.Write(&raw); err != nil {
		f.Fatal(err)
	}
	f.Add(raw.Bytes())
	f.Add([]byte("POST " + eventURL + "?encrypt_type=aes&timestamp=1772352000&nonce=1&msg_signature=00 HTTP/1.1\r\nHost: x\r\nContent-Length: 36\r\n\r\n<xml><Encrypt>AAAAAAAA</Encrypt></xml>"))
	f.Add([]byte("POST /wechat/push/own/event/" + ownShopID + "?encrypt_type=aes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"Enc\r\n0\r\n\r\n"))
	f.Add([]byte("GET /wechat/push/platform/auth?signature=f464b24fc39322e44b38aa78f5edd27bd1441696&timestamp=1714036504&nonce=1514711492&echostr=4375120948345356249 HTTP/1.1\r\nHost: x\r\n\r\n"))
	f.Add([]byte("GET /wechat/push/%00/event/%ff?a=%zz;b HTTP/1.1\r\nHost: x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil || !strings.HasPrefix(req.URL.Path, "/wechat/push/") {
			return
		}
		req.RemoteAddr = "192.0.2.1:1234"
		r := newRig(t)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		switch w.Code {
		case 200, 307, 301, 400, 403, 404, 405, 408, 413:
		default:
			t.Fatalf("answered %d %q", w.Code, w.Body)
		}
		pushes, events := r.store.recorded()
		if req.Method == http.MethodPost && w.Code == http.StatusOK {
			if w.Body.String() != "success" || len(pushes) != 1 {
				t.Fatalf("answered %q with %d pushes recorded", w.Body, len(pushes))
			}
		} else if len(pushes)+len(events) != 0 {
			t.Fatalf("answered %d and recorded %d pushes", w.Code, len(pushes))
		}
		if refused := len(r.counts.refused); refused > 1 {
			t.Fatalf("%d refusals are recorded", refused)
		}
	})
}

// FuzzMessage sends messages of any form, rightly sealed. They are taken or
// refused, never both, and what was taken is an event of the shop or nothing.
func FuzzMessage(f *testing.F) {
	for _, plain := range []string{
		shopEvent(msgcrypt.XML, "3720115058015703040", start),
		shopEvent(msgcrypt.JSON, "3720115058015703040", start),
		ticket(platformID, "ticket@@@1", start),
		`{"ToUserName":"gh_000000000001","MsgType":"text","Content":"hi"}`,
		`<xml><MsgType>event</MsgType><Event>e</Event><a/></xml>`,
		"\xff", "{", "<xml>", "",
	} {
		f.Add(plain)
	}
	wire := wireOf("platform", platformID)
	f.Fuzz(func(t *testing.T, plain string) {
		r := newRig(t)
		status, _ := r.answer(wire.request(eventURL, plain))
		pushes, events := r.store.recorded()
		if taken := len(pushes) == 1; taken != (status == 200) || taken == (len(r.counts.refused) == 1) {
			t.Fatalf("answered %d with %d pushes recorded and %d refusals", status, len(pushes), len(r.counts.refused))
		}
		for _, e := range events {
			if e.ShopID != "baiyun" || e.Name == "" || strings.Contains(string(e.Body), "ticket@@@1") {
				t.Fatalf("event %+v", e)
			}
		}
	})
}
