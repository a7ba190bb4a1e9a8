package channel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	mail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// Mail is a channel to mailboxes, over SMTP (RFC 5321) with TLS from the first byte
// (RFC 8314) or from STARTTLS on (RFC 3207). Without TLS nothing leaves this
// machine. Make it with [New]; it is safe for concurrent use.
type Mail struct {
	s Spec
	o Options
}

const (
	// mailTime bounds a conversation that its context does not bound.
	mailTime = 15 * time.Second
	// mailTalk is how many bytes a server may say in one conversation, with what TLS
	// adds. A real one needs a twentieth of it.
	mailTalk = 256 << 10
)

var errPlain = errors.New("channel: mail without TLS is for a server on this machine; write tls: starttls or implicit")

func newMail(s Spec, o Options) (*Mail, error) {
	if s.Mail.Security() == access.MailPlain && !onThisMachine(s.Mail.Host) {
		return nil, errPlain
	}
	return &Mail{s, o}, nil
}

// onThisMachine tells whether a host is this machine for sure.
func onThisMachine(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// Name tells channels apart.
func (c *Mail) Name() string { return c.s.Name }

// Send tries once, until ctx ends at the latest.
func (c *Mail) Send(ctx context.Context, m notice.Message) webhook.Outcome {
	return c.SendTo(ctx, m, nil)
}

// SendTo implements outbox.Parted.
func (c *Mail) SendTo(ctx context.Context, m notice.Message, only []string) webhook.Outcome {
	letter, err := c.letter(ctx, m)
	if err != nil {
		return webhook.Outcome{Verdict: webhook.Refused, Reason: "cannot be written"}
	}
	to := recipients(letter, only)
	if len(to) == 0 {
		return webhook.Outcome{} // whoever was left is written to no more
	}
	ctx, cancel := context.WithTimeout(ctx, mailTime)
	defer cancel()
	parts, err := c.deliver(ctx, letter, to)
	if err != nil {
		return webhook.Outcome{Verdict: webhook.Later, Reason: mailReason(ctx, err)}
	}
	return outcome(parts, len(only) > 0)
}

// deliver hands a letter to the server. The server's words stay in the error, which
// is not shown.
func (c *Mail) deliver(ctx context.Context, letter *mail.Msg, to []recipient) ([]webhook.Part, error) {
	var conn net.Conn
	options := []mail.Option{
		mail.WithPort(c.s.Mail.Port), mail.WithTimeout(mailTime), mail.WithTLSConfig(c.tls()), mail.WithoutNoop(),
		mail.WithDialContextFunc(func(ctx context.Context, network, address string) (_ net.Conn, err error) {
			conn, err = c.dial(ctx, network, address)
			return conn, err
		}),
	}
	if c.s.Mail.Security() == access.MailStartTLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	} else {
		options = append(options, mail.WithTLSPolicy(mail.NoTLS)) // there already, or on this machine
	}
	if c.s.Mail.User != "" {
		options = append(options, mail.WithSMTPAuthCustom(&login{c: c}))
	}
	client, err := mail.NewClient(c.s.Mail.Host, options...)
	if err != nil {
		return nil, err
	}
	talk, err := client.DialToSMTPClientWithContext(ctx)
	if conn != nil {
		defer conn.Close()
	}
	if err != nil {
		return nil, err
	}
	return say(talk, conn, letter, to)
}

func (c *Mail) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.s.Mail.Host, RootCAs: c.o.RootCAs}
}

// dial makes a connection that ends with ctx, and when the server has said too much.
func (c *Mail) dial(ctx context.Context, network, address string) (net.Conn, error) {
	made, err := c.o.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := &shortTalk{made, mailTalk}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	if c.s.Mail.Security() == access.MailImplicit {
		safe := tls.Client(conn, c.tls())
		if err := safe.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return safe, nil
	}
	return conn, nil
}

// shortTalk is a connection that brings so many bytes and then fails: a line of a mail
// server is read to its end, wherever that is.
type shortTalk struct {
	net.Conn
	left int
}

var errTalk = errors.New("channel: the mail server says more than any mail server has to say; see that host and port are one's")

// Read implements net.Conn.
func (c *shortTalk) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalk
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// login takes the way to log in that the server offers and that says the password
// once, over TLS.
type login struct {
	c    *Mail
	auth smtp.Auth
}

var errLogin = errors.New("channel: the mail server offers no way to log in that is known here")

// Start implements smtp.Auth.
func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	m, password := l.c.s.Mail, l.c.s.Secret.RevealString()
	for _, way := range server.Auth {
		switch strings.ToUpper(way) {
		case "PLAIN":
			l.auth = smtp.PlainAuth("", m.User, password, m.Host, false)
			return l.auth.Start(server)
		case "LOGIN":
			l.auth = smtp.LoginAuth(m.User, password, m.Host, false)
		}
	}
	if l.auth == nil {
		return "", nil, errLogin
	}
	return l.auth.Start(server)
}

// Next implements smtp.Auth.
func (l *login) Next(from []byte, more bool) ([]byte, error) { return l.auth.Next(from, more) }

// letter writes a message as mail: text, and the same as a small page.
func (c *Mail) letter(ctx context.Context, m notice.Message) (*mail.Msg, error) {
	all := cards(c.s.Language, m, c.o.Place(ctx, m))
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := letter.From(c.s.Mail.From); err != nil {
		return nil, err
	}
	if err := letter.To(c.s.Mail.To...); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(letter.GetFrom()[0].Address, "@")
	letter.SetMessageIDWithValue(m.ID + "@" + domain)
	letter.SetDateWithValue(c.o.Now())
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence is told to it
	letter.Subject(clean(title(all)))
	letter.SetBodyString(mail.TypeTextPlain, mailText(all))
	page, err := mailPage(all)
	if err != nil {
		return nil, err
	}
	letter.AddAlternativeString(mail.TypeTextHTML, page)
	return letter, nil
}

func mailText(all []card) string {
	parts := make([]string, len(all))
	for i, c := range all {
		parts[i] = strings.Join(c.lines(unlinked, plainLink(c)), "\n")
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// In a page mail programs look for addresses too.
var mailTemplate = template.Must(template.New("mail").Funcs(template.FuncMap{"unlinked": unlinked}).Parse(`<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>
{{range .}}<p><strong>{{.Head}}</strong></p>
<table>{{$c := .}}{{range .Facts}}<tr><td>{{unlinked .Label}}</td><td>{{unlinked .Text}}</td></tr>{{end}}</table>
{{if .Next}}<p>{{.NextLabel}}{{.Next}}</p>{{end}}
<p>{{range .Links}}<a href="{{.URL}}">{{.Label}}</a> {{end}}</p>
{{end}}</body></html>
`))

// NextLabel is what stands before what to do next.
func (c card) NextLabel() string { return c.t.next + c.t.colon }

func mailPage(all []card) (string, error) {
	var b strings.Builder
	if err := mailTemplate.Execute(&b, all); err != nil {
		return "", fmt.Errorf("channel: write the page of a mail: %w", err)
	}
	return b.String(), nil
}

// mailReason says in fixed words why mail was not taken.
func mailReason(ctx context.Context, err error) string {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return "answered " + strconv.Itoa(answer.Code)
	}
	if sent, ok := errors.AsType[*mail.SendError](err); ok && sent.ErrorCode() > 0 {
		return "answered " + strconv.Itoa(sent.ErrorCode())
	}
	if ctx.Err() != nil {
		return "no answer in time"
	}
	if errors.Is(err, errLogin) {
		return "no way to log in"
	}
	return webhook.Reason(err)
}
