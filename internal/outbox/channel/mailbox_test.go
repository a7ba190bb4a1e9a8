package channel_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"golang.org/x/net/html"
)

// mailbox is a mail server of somebody else's making.
type mailbox struct {
	addr   *net.TCPAddr
	roots  *http.Transport // trusts it
	refuse *smtp.SMTPError // of a letter
	// refused are recipients that are not taken, by their addresses.
	refused map[string]*smtp.SMTPError
	// dies has the connection end when a letter is there and before that is said, dead when
	// this recipient is asked for.
	dies bool
	dead string

	mu      sync.Mutex
	letters []letter
	logins  []string
}

type letter struct {
	from string
	to   []string
	raw  []byte
}

const mailPassword = "demo-mail-password-0001"

// newMailbox listens with TLS from the first byte (implicit), offers STARTTLS, or
// does neither.
func newMailbox(t *testing.T, implicit, startTLS bool) *mailbox {
	t.Helper()
	certs := httptest.NewTLSServer(http.NotFoundHandler())
	certs.Close()
	b := &mailbox{roots: certs.Client().Transport.(*http.Transport)}
	s := smtp.NewServer(b)
	s.Domain = "mail.example.com"
	s.ErrorLog = log.New(io.Discard, "", 0)
	config := &tls.Config{Certificates: certs.TLS.Certificates}
	if startTLS {
		s.TLSConfig = config
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = listener.Addr().(*net.TCPAddr)
	if implicit {
		listener = tls.NewListener(listener, config)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(listener) })
	t.Cleanup(func() {
		_ = s.Close()
		_ = listener.Close() // the server knows of none until it was served
		wg.Wait()
	})
	return b
}

// NewSession implements smtp.Backend.
func (b *mailbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &conversation{b: b, conn: c}, nil
}

type conversation struct {
	b     *mailbox
	conn  *smtp.Conn
	known bool
	l     letter
}

func (c *conversation) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *conversation) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		c.b.mu.Lock()
		defer c.b.mu.Unlock()
		c.b.logins = append(c.b.logins, user)
		if c.known = user == "alerts" && password == mailPassword; !c.known {
			return &smtp.SMTPError{Code: 535, Message: "no such account, said at length and with the password in it"}
		}
		return nil
	}), nil
}

func (c *conversation) Reset()        { c.l = letter{} }
func (c *conversation) Logout() error { return nil }

func (c *conversation) Mail(from string, _ *smtp.MailOptions) error {
	if !c.known {
		return smtp.ErrAuthRequired
	}
	c.l.from = from
	return nil
}

func (c *conversation) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == c.b.dead {
		_ = c.conn.Conn().Close()
	}
	if err := c.b.refused[to]; err != nil {
		return err
	}
	c.l.to = append(c.l.to, to)
	return nil
}

func (c *conversation) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	if c.b.refuse != nil {
		return c.b.refuse
	}
	c.l.raw = raw
	c.b.letters = append(c.b.letters, c.l)
	if c.b.dies {
		_ = c.conn.Conn().Close()
	}
	return nil
}

func (b *mailbox) read() []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.letters)
}

// view reads a letter as a mail program does: both of its bodies, with everything in
// the page that is not plain text.
func (l letter) view(t *testing.T) (head mail.Header, s seen) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(l.raw))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m.Header, s
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			readPage(t, body, &s)
		} else {
			s.text += string(body)
			s.links = append(s.links, bare.FindAllString(string(body), -1)...)
		}
	}
}

// ours are the elements that a page of ours has.
var ours = []string{"html", "head", "meta", "body", "p", "strong", "table", "tbody", "tr", "td", "a"}

func readPage(t *testing.T, body []byte, s *seen) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode:
			s.text += n.Data
			s.links = append(s.links, bare.FindAllString(n.Data, -1)...)
		case n.Type == html.ElementNode && !slices.Contains(ours, n.Data):
			s.markup = append(s.markup, n.Data)
		case n.Type == html.ElementNode && n.Data == "a":
			for _, a := range n.Attr {
				s.links = append(s.links, a.Val)
			}
		}
	}
}
