package channel_test

import (
	"slices"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/outbox"
	"github.com/zhanggui/zhanggui/internal/outbox/channel"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

const (
	opsMail, ownerMail, nightMail = "ops@example.com", "owner@example.com", "night@example.com"
	opsID, ownerID, nightID       = "af3c8254", "c8cd3c64", "f912f0b9"
)

// mailToThree is mail to three mailboxes.
func mailToThree(t *testing.T) (*rig, *mailbox, *channel.Mail) {
	r, b := mailRig(t, access.MailStartTLS)
	r.spec.Mail.To = []string{opsMail, "Owner <" + ownerMail + ">", nightMail}
	return r, b, r.channel(t).(*channel.Mail)
}

var (
	gone = &smtp.SMTPError{Code: 550, Message: "no such mailbox, said at length"}
	full = &smtp.SMTPError{Code: 452, Message: "later"}
	many = &smtp.SMTPError{Code: 552, Message: "too many recipients"}
)

// TestOneRecipientKeepsNothingFromTheOthers: each that is taken gets the letter once, who
// may be taken later is left, and who never will be is only named.
func TestOneRecipientKeepsNothingFromTheOthers(t *testing.T) {
	t.Parallel()
	ops, owner, night := part(opsMail), part(ownerMail), part(nightMail)
	for name, c := range map[string]struct {
		refused map[string]*smtp.SMTPError
		only    []webhook.Part // none: all
		got     []string
		want    webhook.Outcome
	}{
		"all are taken":              {nil, nil, []string{opsMail, ownerMail, nightMail}, webhook.Outcome{Parts: []webhook.Part{ops, owner, night}}},
		"one is refused":             {map[string]*smtp.SMTPError{ownerMail: gone}, nil, []string{opsMail, nightMail}, webhook.Outcome{Reason: "answered 550 for 1 of 3", Parts: []webhook.Part{ops, no(owner, gone), night}}},
		"one is to be tried again":   {map[string]*smtp.SMTPError{ownerMail: full}, nil, []string{opsMail, nightMail}, webhook.Outcome{Verdict: webhook.Later, Reason: "answered 452 for 1 of 3", Parts: []webhook.Part{ops, no(owner, full), night}}},
		"too many for an old server": {map[string]*smtp.SMTPError{nightMail: many}, nil, []string{opsMail, ownerMail}, webhook.Outcome{Verdict: webhook.Later, Reason: "answered 552 for 1 of 3", Parts: []webhook.Part{ops, owner, no(night, many)}}},
		"one of each": {map[string]*smtp.SMTPError{opsMail: gone, nightMail: full}, nil, []string{ownerMail},
			webhook.Outcome{Verdict: webhook.Later, Reason: "answered 452 for 2 of 3", Parts: []webhook.Part{no(ops, gone), owner, no(night, full)}}},
		"all are refused": {map[string]*smtp.SMTPError{opsMail: gone, ownerMail: gone, nightMail: gone}, nil, nil,
			webhook.Outcome{Verdict: webhook.Later, Reason: "answered 550", Parts: []webhook.Part{no(ops, gone), no(owner, gone), no(night, gone)}}},
		"all but one, later":         {map[string]*smtp.SMTPError{opsMail: gone, ownerMail: gone, nightMail: full}, nil, nil, webhook.Outcome{Verdict: webhook.Later, Reason: "answered 452", Parts: []webhook.Part{no(ops, gone), no(owner, gone), no(night, full)}}},
		"what was left":              {nil, []webhook.Part{night}, []string{nightMail}, webhook.Outcome{Parts: []webhook.Part{night}}},
		"what was left, once more":   {map[string]*smtp.SMTPError{nightMail: full}, []webhook.Part{night}, nil, webhook.Outcome{Verdict: webhook.Later, Reason: "answered 452 for 1 of 1", Parts: []webhook.Part{no(night, full)}}},
		"what was left, and is gone": {map[string]*smtp.SMTPError{nightMail: gone}, []webhook.Part{night}, nil, webhook.Outcome{Reason: "answered 550 for 1 of 1", Parts: []webhook.Part{no(night, gone)}}},
		"nobody is left":             {nil, []webhook.Part{{ID: "00000000"}}, nil, webhook.Outcome{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, b, m := mailToThree(t)
			b.refused = c.refused
			var only []string
			for _, p := range c.only {
				only = append(only, p.ID)
			}
			out := outbox.Parted(m).SendTo(t.Context(), message(r.clock), only)
			if diff := cmp.Diff(c.want, out); diff != "" {
				t.Error(diff)
			}
			var got []string
			for _, l := range b.read() {
				got = append(got, l.to...)
			}
			if !slices.Equal(got, c.got) {
				t.Errorf("%q have it, want %q", got, c.got)
			}
		})
	}
}

// part is a mailbox that was taken.
func part(address string) webhook.Part {
	ids := map[string]string{opsMail: opsID, ownerMail: ownerID, nightMail: nightID}
	return webhook.Part{ID: ids[address], Name: address[:1] + "***@example.com"}
}

func no(p webhook.Part, why *smtp.SMTPError) webhook.Part {
	p.Verdict, p.Reason = webhook.Later, map[*smtp.SMTPError]string{gone: "answered 550", full: "answered 452", many: "answered 552"}[why]
	if why == gone {
		p.Verdict = webhook.Refused
	}
	return p
}

// TestAConversationThatBreaksOffSaysNothingOfAnybody: at a recipient, and after the
// letter, which may be there or not.
func TestAConversationThatBreaksOffSaysNothingOfAnybody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil    func(*mailbox)
		there    int
		answered string // empty: it broke off
	}{
		"before the letter":       {func(b *mailbox) { b.dead = nightMail }, 0, ""},
		"after the letter":        {func(b *mailbox) { b.dies = true }, 1, ""},
		"the letter is refused":   {func(b *mailbox) { b.refuse = gone }, 0, "answered 550"},
		"with one refused before": {func(b *mailbox) { b.dies, b.refused = true, map[string]*smtp.SMTPError{opsMail: gone} }, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, b, m := mailToThree(t)
			c.spoil(b)
			out := m.Send(t.Context(), message(r.clock))
			if out.Verdict != webhook.Later || out.Parts != nil || len(b.read()) != c.there {
				t.Errorf("%+v and %d letters, want %d", out, len(b.read()), c.there)
			}
			if broke := out.Reason == "no answer" || out.Reason == "not connected"; broke != (c.answered == "") || !broke && out.Reason != c.answered {
				t.Errorf("reason %q, want %q", out.Reason, c.answered)
			}
		})
	}
}

// TestReceiversHaveNamesOfTheirOwn, the same for ever and however they are written.
func TestReceiversHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	r, _, m := mailToThree(t)
	if got := m.Receivers(); !slices.Equal(got, []string{opsID, ownerID, nightID}) {
		t.Errorf("they are %q", got)
	}
	r.spec.Mail.To = []string{"OPS@example.com"}
	if got := r.channel(t).(*channel.Mail).Receivers(); !slices.Equal(got, []string{opsID}) {
		t.Errorf("in capitals it is %q", got)
	}
}
