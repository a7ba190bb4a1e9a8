package app_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
)

// forged are headers that only a proxy of ours may send; none is configured.
var forged = map[string]string{
	"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "444",
	"X-Forwarded-For": "203.0.113.9", "Forwarded": "host=evil.example;proto=https", "X-Real-Ip": "203.0.113.9",
	"X-Forwarded-Prefix": "/evil", "X-Original-Url": "/evil", "X-Rewrite-Url": "/evil",
	"X-Zhanggui-Person": "p_evil", "X-Zhanggui-Role": "owner", "X_Zhanggui_Person": "p_evil",
}

// TestNoLinkComesFromARequest: links, redirects and cookies are made of
// configuration, whatever a request says.
func TestNoLinkComesFromARequest(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	var inv adminapi.InvitationView
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://evil.example/v1/invitations", strings.NewReader(`{"tenant":"lantian","role":"owner"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range forged {
		req.Header.Set(k, v)
	}
	if status, body := r.do(r.admin, req); status != http.StatusOK || strings.Contains(string(body), "evil") || !strings.Contains(string(body), r.base+"/i/") {
		t.Errorf("invitation: %d %s, want a link under %s", status, body, r.base)
	}
	r.ask("POST", "/v1/invitations", map[string]string{"tenant": tenantID, "role": "owner"}, &inv)

	b := r.browser(phone)
	token := strings.TrimPrefix(inv.Link, r.base)
	for _, target := range []string{"/", "/login", "/login?shop=lantian", token, "/admin/login", "/sessions", "/shops/lantian", "/nowhere", "/oauth/callback/fuwuhao?code=x&state=y"} {
		p := b.send("GET", r.root+target, nil, forged)
		if strings.Contains(p.body, "evil") || strings.Contains(fmt.Sprint(p.header), "evil") || strings.Contains(p.body, "203.0.113.9") {
			t.Errorf("GET %s repeats what the request said: %s", target, p.header)
		}
		if p.header.Get("Strict-Transport-Security") != "" || strings.Contains(fmt.Sprint(p.header["Set-Cookie"]), "Secure") {
			t.Errorf("GET %s believes that it came over https", target)
		}
	}
	left := b.send("GET", r.root+"/login", nil, forged)
	u, err := url.Parse(left.location)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.Query().Get("redirect_uri"), r.base+"/oauth/callback/fuwuhao"; got != want {
		t.Errorf("redirect_uri %q, want %q", got, want)
	}
	// A callback that arrives at another host is refused before its state is looked at.
	if p := b.send("GET", r.root+"/oauth/callback/fuwuhao?code=x&state=y", nil, map[string]string{"Host": "evil.example"}); p.status != http.StatusMisdirectedRequest {
		t.Errorf("a callback at another host: %d, want 421", p.status)
	}
	// Nobody becomes a person by a header.
	if p := b.send("GET", r.root+"/shops/lantian", nil, forged); p.status != http.StatusUnauthorized {
		t.Errorf("a shop's page with forged identity headers: %d, want 401", p.status)
	}
}

// flood sends a request's head and then body, until the server has enough. It
// gives the status line and how much was sent.
func flood(t *testing.T, network, address, head string, body io.Reader) (status string, sent int64) {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan int64, 1)
	go func() {
		_, err := io.WriteString(c, head)
		n := int64(0)
		if err == nil {
			n, _ = io.Copy(c, body) // ends when the server hangs up
		}
		wrote <- n
	}()
	status, err = bufio.NewReader(c).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		status = err.Error()
	}
	c.Close()
	return strings.TrimSpace(status), <-wrote
}

// endless is a body of n bytes.
func endless(n int64) io.Reader { return io.LimitReader(same{}, n) }

// same is a reader of one letter.
type same struct{}

func (same) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// chunked writes r in chunks that never announce a length.
func chunked(r io.Reader) io.Reader {
	out, in := io.Pipe()
	go func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := r.Read(buf)
			if n > 0 {
				if _, werr := fmt.Fprintf(in, "%x\r\n%s\r\n", n, buf[:n]); werr != nil {
					return
				}
			}
			if err != nil {
				in.CloseWithError(io.EOF)
				return
			}
		}
	}()
	return out
}

func TestHugeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	const huge = 100 << 20
	r := newRig(t, nil)
	r.declare()
	_, key, _ := r.setupAdmin()
	public, ops := strings.TrimPrefix(r.root, "http://"), strings.TrimPrefix(r.ops, "http://")
	socket := filepath.Join(r.dir, app.SocketFile)
	form, json := "Content-Type: application/x-www-form-urlencoded\r\n", "Content-Type: application/json\r\nAuthorization: Bearer "+key+"\r\n"
	for _, tt := range []struct {
		name, network, address, path, header string
		want                                 string
		early                                bool // WeChat may answer before it read all
	}{
		{"form", "tcp", public, "/admin/login", form, "413", false},
		{"page that takes no body", "tcp", public, "/nowhere", form, "404", false},
		{"REST", "tcp", public, "/v1/apply", json, "413", false},
		{"REST without a key", "tcp", public, "/v1/apply", "", "413", false},
		{"gateway", "tcp", public, "/wx/lantian/channels/ec/product/get", "Authorization: Bearer " + r.key + "\r\n", "413", true},
		{"gateway without a key", "tcp", public, "/wx/lantian/channels/ec/product/get", "", "401", false},
		{"ops", "tcp", ops, "/metrics", form, "405", false},
		{"admin socket", "unix", socket, "/v1/apply", json, "413", false},
	} {
		for _, how := range []string{fmt.Sprintf("Content-Length: %d\r\n", int64(huge)), "Transfer-Encoding: chunked\r\n"} {
			t.Run(tt.name+" "+how[:1], func(t *testing.T) {
				body := endless(huge)
				if how[0] == 'T' {
					body = chunked(body)
				}
				status, sent := flood(t, tt.network, tt.address, "POST "+tt.path+" HTTP/1.1\r\nHost: "+public+"\r\n"+tt.header+how+"\r\n", body)
				fields := strings.Fields(status)
				refused := len(fields) > 1 && fields[1] == tt.want
				streamed := how[0] == 'T' && len(fields) > 1 && (tt.early || fields[1] == "401")
				if !refused && !streamed {
					t.Errorf("status %q, want %s", status, tt.want)
				}
				if sent > huge*9/10 {
					t.Errorf("the server took %d bytes", sent)
				}
			})
		}
	}
	if status, _ := r.call(); status != http.StatusOK {
		t.Errorf("afterwards a call is answered with %d", status)
	}
}

func TestHeaderBombsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	bomb := "X-Bomb: " + strings.Repeat("a", 1<<20) + "\r\n\r\n"
	for name, at := range map[string][2]string{
		"public": {"tcp", strings.TrimPrefix(r.root, "http://")},
		"ops":    {"tcp", strings.TrimPrefix(r.ops, "http://")},
		"admin":  {"unix", filepath.Join(r.dir, app.SocketFile)},
	} {
		status, _ := flood(t, at[0], at[1], "GET / HTTP/1.1\r\nHost: x\r\n", strings.NewReader(bomb))
		if !strings.Contains(status, " 431 ") {
			t.Errorf("%s: a header of a megabyte is answered with %q, want 431", name, status)
		}
	}
}

// TestUncleanGatewayPathsAreRefused: a redirect would make a program repeat its
// call elsewhere, and another reader on the way may understand the path
// otherwise.
func TestUncleanGatewayPathsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	last := r.lastSeq()
	for _, path := range []string{
		"/wx", "/wx/", "/wx/lantian", "/wx/lantian/", "/wx//lantian/channels/ec/basics/info/get", "//wx/lantian/channels/ec/basics/info/get",
		"/wx/lantian//channels/ec/basics/info/get", "/wx/lantian/channels/ec/../ec/basics/info/get", "/wx/lantian/./channels/ec/basics/info/get",
		"/x/../wx/lantian/channels/ec/basics/info/get", "/wx/lantian/%2e%2e/lantian/channels/ec/basics/info/get", "/wx/lantian/channels%2fec/basics/info/get",
		"/%77x/lantian/channels/ec/basics/info/get", "/wx/lantian/channels/ec/basics/info/get/", "/wx/lantian;x/channels/ec/basics/info/get",
		"/WX/lantian/channels/ec/basics/info/get", "/wx/lantian/channels/ec/basics/info/get?access_token=a&ACCESS_TOKEN=b;access_token=c",
		"/wx/lantian/channels/ec/basics/info/get%00", "/wx/lantian/https://evil.example/x",
	} {
		status, _ := flood(t, "tcp", strings.TrimPrefix(r.root, "http://"),
			"GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "+r.key+"\r\n\r\n", strings.NewReader(""))
		if f := strings.Fields(status); len(f) < 2 || f[1][0] != '4' {
			t.Errorf("%s: %q, want a refusal", path, status)
		}
	}
	if seen := r.sim.LedgerSince(last); len(seen) != 0 {
		t.Errorf("WeChat was asked %d times, first for %s", len(seen), seen[0].Path)
	}
}
