package push_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/push"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

// passes keeps what is to be passed on, and what was recorded by then.
type passes struct {
	store *memStore
	got   []string
}

func (p *passes) Pass(app, account, query, contentType string, body []byte) {
	recorded, _ := p.store.recorded()
	p.got = append(p.got, strings.Join([]string{app, account, query, contentType, string(body)}, "\n"))
	if len(recorded) < len(p.got) {
		p.got = append(p.got, "passed on before it was recorded")
	}
}

// TestPassOn: each push goes on once, as it came, after it was recorded; what was
// refused, and what was here before, does not.
func TestPassOn(t *testing.T) {
	p := &passes{}
	r := newRig(t, func(o *push.Options) { o.Pass = p })
	p.store = r.store
	var want []string
	for path, plain := range map[string]string{
		"/wechat/push/platform/auth":              ticket(platformID, "ticket@@@demo", start),
		"/wechat/push/platform/event/" + servedID: shopEvent(msgcrypt.XML, "1", start),
	} {
		req := sealed(t, "platform", path, plain, start)
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Fatal(err)
		}
		again := func() *http.Request {
			c := req.Clone(t.Context())
			c.Body, c.URL.RawQuery = io.NopCloser(strings.NewReader(string(body))), req.URL.RawQuery+"&of=theirs%20"
			return c
		}
		r.takes(again())
		r.takes(again())
		account := strings.TrimPrefix(strings.TrimPrefix(path, "/wechat/push/platform/auth"), "/wechat/push/platform/event/")
		want = append(want, "platform\n"+account+"\n"+again().URL.RawQuery+"\ntext/xml\n"+string(body))
	}
	if diff := cmp.Diff(want, p.got); diff != "" {
		t.Error(diff)
	}

	p.got = nil
	forged := sealed(t, "platform", "/wechat/push/platform/auth", ticket(platformID, "ticket@@@other", start), start)
	forged.URL.RawQuery = strings.Replace(forged.URL.RawQuery, "nonce=", "nonce=1", 1)
	old := sealed(t, "platform", "/wechat/push/platform/auth", ticket(platformID, "ticket@@@old", start), start.Add(-5*time.Hour))
	r.store.refuse = func(grant.Push) error { return push.ErrRefused }
	refused := sealed(t, "platform", "/wechat/push/platform/auth", ticket(platformID, "ticket@@@refused", start), start)
	for _, req := range []*http.Request{forged, old, refused} {
		if status, _ := r.answer(req); status == http.StatusOK {
			t.Errorf("%s is taken", req.URL)
		}
	}
	if len(p.got) != 0 {
		t.Errorf("passed on: %q", p.got)
	}
}

// TestHandedOn: what another system hands on unchanged is taken, from whatever
// address and as late as WeChat's own last repetition.
func TestHandedOn(t *testing.T) {
	r := newRig(t)
	req := sealed(t, "platform", "/wechat/push/platform/event/"+servedID, shopEvent(msgcrypt.XML, "1", start), start)
	req.RemoteAddr = "198.51.100.7:4711"
	req.Header.Set("User-Agent", "the other system")
	r.now = start.Add(3*time.Hour + 59*time.Minute)
	r.takes(req)
	if _, events := r.store.recorded(); len(events) != 1 {
		t.Errorf("%d events", len(events))
	}
}
