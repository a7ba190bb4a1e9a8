package wechatsim

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The kinds of template. Each has its own list in the account's back office; the id of
// one kind is unknown to the call of the other.
const (
	TemplateMessage    = "template"  // 模板消息
	SubscriptionNotice = "subscribe" // 订阅通知
)

// Template is one that a service account chose from WeChat's library.
type Template struct {
	// ID is the template_id.
	ID string `json:"id"`
	// Kind is template or subscribe.
	Kind string `json:"kind"`
	// Fields are the names of its blanks, e.g. thing1 and time3: a kind of value and
	// a number. Every one must be filled.
	Fields []string `json:"fields"`
}

// SentMessage is a message that a service account sent to a person.
type SentMessage struct {
	At       time.Time         `json:"at"`
	AppID    string            `json:"appid"`
	Person   string            `json:"person"` // the name in this world
	Template string            `json:"template"`
	Kind     string            `json:"kind"`
	URL      string            `json:"url,omitempty"` // where a tap leads
	Data     map[string]string `json:"data"`
}

// messageRoutes are the calls that write to people. Facts:
// /doc/service/api/notify/template/api_sendtemplatemessage and
// /doc/service/api/notify/notify/api_sendnewsubscribemsg.
var messageRoutes = map[string]route{
	"/cgi-bin/message/template/send":     {method: http.MethodPost, serve: (*Sim).templateSend},
	"/cgi-bin/message/subscribe/bizsend": {method: http.MethodPost, serve: (*Sim).bizSend},
}

// maxSent bounds what is remembered of messages.
const maxSent = 1000

// Messages lists what was sent to people, the oldest first.
func (s *Sim) Messages() []SentMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// Subscribe is a person's yes to one notice by a template: WeChat asks for each
// anew.
func (s *Sim) Subscribe(name, appid, template string) error {
	return s.withPerson(name, func(p *person) {
		if p.agreed == nil {
			p.agreed = map[string]int{}
		}
		p.agreed[appid+" "+template]++
	})
}

// Unfollow ends what [Sim.Follow] began.
func (s *Sim) Unfollow(name, appid string) error {
	return s.withPerson(name, func(p *person) {
		p.Follows = slices.DeleteFunc(slices.Clone(p.Follows), func(id string) bool { return id == appid })
	})
}

type messageRequest struct {
	ToUser     string `json:"touser"`
	TemplateID string `json:"template_id"`
	URL        string `json:"url"`  // of a template message
	Page       string `json:"page"` // of a subscription notice: a page of a mini program
	State      string `json:"miniprogram_state"`
	Lang       string `json:"lang"`
	Data       map[string]struct {
		Value string `json:"value"`
	} `json:"data"`
}

func (s *Sim) templateSend(c *call) answer {
	a, p, in, bad := s.message(c, TemplateMessage)
	switch {
	case bad != nil:
		return *bad
	case !slices.Contains(p.Follows, a.AppID):
		return s.fail(c, 43004)
	case in.URL != "" && !isWebAddress(in.URL):
		return s.failText(c, 47003, "argument invalid! url invalid")
	}
	s.keepMessage(c, a, p, in, TemplateMessage)
	return s.ok(c, struct {
		okHead
		MsgID int64 `json:"msgid"`
	}{okay, int64(200_000_000 + len(s.sent))})
}

func (s *Sim) bizSend(c *call) answer {
	a, p, in, bad := s.message(c, SubscriptionNotice)
	if bad != nil {
		return *bad
	}
	key := a.AppID + " " + in.TemplateID
	switch {
	case p.agreed[key] == 0:
		return s.fail(c, 43101)
	case in.Page != "" && isWebAddress(in.Page):
		return s.fail(c, 41030) // the page names no errcode; this one is of the same call of mini programs
	case !slices.Contains([]string{"developer", "trial", "formal"}, in.State):
		return s.failText(c, 47003, "argument invalid! miniprogram_state invalid")
	case !slices.Contains([]string{"zh_CN", "en_US", "zh_HK", "zh_TW"}, in.Lang):
		return s.failText(c, 47003, "argument invalid! lang invalid")
	}
	p.agreed[key]--
	s.keepMessage(c, a, p, in, SubscriptionNotice)
	return s.ok(c, okay)
}

// message does what both calls share: token, account, receiver, template and values.
func (s *Sim) message(c *call, kind string) (a *app, p *person, in messageRequest, refused *answer) {
	refuse := func(r answer) (*app, *person, messageRequest, *answer) { return nil, nil, in, &r }
	a, bad := s.globalApp(c)
	if bad != 0 {
		return refuse(s.fail(c, bad))
	}
	if a == nil || a.Kind != ServiceAccount || a.Verified != nil && !*a.Verified {
		return refuse(s.fail(c, 48001))
	}
	if r, no := s.refuseCaller(c, a); no {
		return refuse(r)
	}
	if bad := s.count(c, a.AppID); bad != 0 {
		return refuse(s.fail(c, bad))
	}
	if bad := s.decode(c, &in); bad != 0 {
		return refuse(s.fail(c, bad))
	}
	if p = s.knownAs(in.ToUser, a.AppID); p == nil {
		return refuse(s.fail(c, 40003))
	}
	i := slices.IndexFunc(a.Templates, func(t Template) bool { return t.ID == in.TemplateID && t.Kind == kind })
	if i < 0 {
		return refuse(s.fail(c, 40037))
	}
	for _, name := range a.Templates[i].Fields {
		if v := in.Data[name].Value; !fitsField(name, v) {
			return refuse(s.failText(c, 47003, "argument invalid! data."+name+".value "+emptyOrInvalid(v)))
		}
	}
	return a, p, in, nil
}

func emptyOrInvalid(v string) string {
	if v == "" {
		return "is empty"
	}
	return "invalid"
}

// knownAs finds the person whom an app knows by an openid.
func (s *Sim) knownAs(openid, appid string) *person {
	for _, p := range s.people {
		if openid != "" && !p.Closed && s.openID(p, appid) == openid {
			return p
		}
	}
	return nil
}

func (s *Sim) keepMessage(c *call, a *app, p *person, in messageRequest, kind string) {
	m := SentMessage{At: c.now, AppID: a.AppID, Person: p.Name, Template: in.TemplateID, Kind: kind, URL: in.URL, Data: map[string]string{}}
	for k, v := range in.Data {
		m.Data[k] = v.Value
	}
	s.sent = append(s.sent, m)
	s.sent = s.sent[max(0, len(s.sent)-maxSent):]
}

func isWebAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

var (
	clockForm  = regexp.MustCompile(`^(\d{4}年\d{1,2}月\d{1,2}日 ?)?([01]?\d|2[0-3]):[0-5]\d$`)
	dayForm    = regexp.MustCompile(`^\d{4}年\d{1,2}月\d{1,2}日( ?([01]?\d|2[0-3]):[0-5]\d)?$`)
	numberForm = regexp.MustCompile(`^\d{1,32}(\.\d+)?$`)
)

// fitsField is the table of values that both pages have, for the kinds of field that a
// message to an owner may want.
func fitsField(name, v string) bool {
	n := utf8.RuneCountInString(v)
	switch strings.TrimRight(name, "0123456789") {
	case "thing":
		return n > 0 && n <= 20 && !strings.ContainsFunc(v, unicode.IsControl)
	case "character_string":
		return n > 0 && n <= 32 && !strings.ContainsFunc(v, func(r rune) bool { return r > unicode.MaxASCII })
	case "phrase":
		return n > 0 && n <= 5 && !strings.ContainsFunc(v, func(r rune) bool { return !unicode.Is(unicode.Han, r) })
	case "time":
		return clockForm.MatchString(v)
	case "date":
		return dayForm.MatchString(v)
	case "number":
		return numberForm.MatchString(v)
	}
	return n > 0 && n <= 200
}

func (s *Sim) serveMessages(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"messages": append([]SentMessage{}, s.Messages()...)})
}

// checkTemplates looks at the templates of an app.
func checkTemplates(a *App, path string, ps *problems) {
	seen := map[string]bool{}
	for _, t := range a.Templates {
		if a.Kind != ServiceAccount {
			ps.add(path+".templates", "are of an app that is no service account", "move them to one")
		}
		if t.ID == "" || seen[t.ID] || len(t.Fields) == 0 {
			ps.add(path+".templates", "have one without id or fields, or an id twice", "give each an id of its own and its fields")
		}
		seen[t.ID] = true
		oneOf(ps, path+".templates.kind", t.Kind, TemplateMessage, SubscriptionNotice)
	}
}
