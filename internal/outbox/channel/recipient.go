package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	mail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/zhanggui/zhanggui/internal/webhook"
)

// recipient is a mailbox that is written to.
type recipient struct{ address string }

// id tells mailboxes apart without saying whose they are.
func (r recipient) id() string {
	sum := sha256.Sum256([]byte(strings.ToLower(r.address)))
	return hex.EncodeToString(sum[:4])
}

// masked is enough for somebody who knows the address.
func (r recipient) masked() string {
	user, domain, _ := strings.Cut(r.address, "@")
	_, n := utf8.DecodeRuneInString(user)
	return user[:n] + "***@" + domain
}

// Receivers implements outbox.Parted.
func (c *Mail) Receivers() []string {
	ids := make([]string, 0, len(c.s.Mail.To))
	for _, to := range c.s.Mail.To {
		if a, err := netmail.ParseAddress(to); err == nil {
			ids = append(ids, recipient{a.Address}.id())
		}
	}
	return ids
}

// recipients gives those of a letter, or only some of them.
func recipients(letter *mail.Msg, only []string) (all []recipient) {
	for _, a := range letter.GetTo() {
		r := recipient{a.Address}
		if !slices.Contains(all, r) && (len(only) == 0 || slices.Contains(only, r.id())) {
			all = append(all, r)
		}
	}
	return all
}

// quitTime is how long the server may take to say goodbye. Whether it does changes
// nothing: the letter is its own by then.
const quitTime = 2 * time.Second

// say has the conversation about one letter, after the greetings. What each recipient
// came to is known when it ends without an error; with one, nobody has the letter, or
// whether somebody has it is not known.
func say(talk *smtp.Client, conn net.Conn, letter *mail.Msg, to []recipient) ([]webhook.Part, error) {
	from, err := letter.GetSender(false)
	if err != nil {
		return nil, err
	}
	if err := talk.Mail(from); err != nil {
		return nil, err
	}
	parts, taken := make([]webhook.Part, len(to)), false
	for i, r := range to {
		if parts[i], err = r.ask(talk); err != nil {
			return nil, err
		}
		taken = taken || parts[i].Verdict == webhook.Taken
	}
	if taken {
		if err := hand(talk, letter); err != nil {
			return nil, err
		}
	}
	_ = conn.SetDeadline(time.Now().Add(quitTime))
	_ = talk.Quit()
	return parts, nil
}

// ask asks whether a mailbox is taken. Its error is that of the connection.
func (r recipient) ask(talk *smtp.Client) (webhook.Part, error) {
	p := webhook.Part{ID: r.id(), Name: r.masked()}
	err := talk.Rcpt((&netmail.Address{Address: r.address}).String())
	if err == nil {
		return p, nil
	}
	answer, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		return p, err
	}
	p.Verdict, p.Reason = webhook.Refused, "answered "+strconv.Itoa(answer.Code)
	// 552 is what old servers say of too many recipients, RFC 5321 4.5.3.1.10.
	if answer.Code/100 != 5 || answer.Code == 552 {
		p.Verdict = webhook.Later
	}
	return p, nil
}

// hand hands the letter over. If it breaks off before the end, the end is not sent: the
// server must not take half of it for the whole.
func hand(talk *smtp.Client, letter *mail.Msg) error {
	w, err := talk.Data()
	if err != nil {
		return err
	}
	if _, err := letter.WriteTo(w); err != nil {
		return err
	}
	return w.Close()
}

// outcome sums up what the recipients came to. some: others had it before, and these
// were left. Who is refused for good is waited for no more, once anybody has it.
func outcome(parts []webhook.Part, some bool) webhook.Outcome {
	out := webhook.Outcome{Parts: parts}
	refused := 0
	for _, p := range parts {
		switch p.Verdict {
		case webhook.Taken:
			some = true
			continue
		case webhook.Later:
			if out.Verdict != webhook.Later {
				out.Reason = "" // it says why it is not over yet
			}
			out.Verdict = webhook.Later
		}
		if refused++; out.Reason == "" {
			out.Reason = p.Reason
		}
	}
	if !some {
		out.Verdict = webhook.Later
	} else if refused > 0 {
		out.Reason = fmt.Sprintf("%s for %d of %d", out.Reason, refused, len(parts))
	}
	return out
}
