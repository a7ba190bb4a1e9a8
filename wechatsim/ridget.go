package wechatsim

import (
	"cmp"
	"regexp"
	"slices"
	"time"
)

// remembered is a call that failed, kept for rid/get.
type remembered struct {
	rid, appid          string
	at                  time.Time
	query, body, answer string
	ip                  string
}

const (
	ridLife = 7 * 24 * time.Hour
	// maxRemembered bounds how many calls are kept, and maxEcho how much of
	// each body.
	maxRemembered = 500
	maxEcho       = 4 << 10
)

var ridForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)

// remember keeps a failed call with its token and bodies, as WeChat does.
func (s *Sim) remember(c *call, a answer) {
	if a.rid == "" || c.appid == "" {
		return
	}
	if len(s.failed) >= maxRemembered {
		s.failed = slices.Delete(s.failed, 0, maxRemembered/5)
	}
	s.failed = append(s.failed, remembered{rid: a.rid, appid: c.appid, at: c.now, query: head(c.r.URL.RawQuery), body: head(string(c.body)),
		answer: head(string(a.body)), ip: remoteIP(c.r)})
}

func head(text string) string { return text[:min(len(text), maxEcho)] }

// ridGet serves POST /cgi-bin/openapi/rid/get. Its answer holds the token and
// the bodies of the call that is asked about.
func (s *Sim) ridGet(c *call) answer {
	a, r, refused := s.ownCall(c)
	if refused {
		return r
	}
	var in struct {
		RID string `json:"rid"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if !ridForm.MatchString(in.RID) {
		return s.fail(c, 76002)
	}
	i := slices.IndexFunc(s.failed, func(m remembered) bool { return m.rid == in.RID })
	if i < 0 || c.now.Sub(s.failed[i].at) > ridLife {
		return s.fail(c, 76001)
	}
	m := s.failed[i]
	if m.appid != a.AppID {
		return s.failText(c, 76003, "the rid is not yours")
	}
	type request struct {
		InvokeTime int64  `json:"invoke_time"`
		Cost       int    `json:"cost_in_ms"`
		URL        string `json:"request_url"`
		Body       string `json:"request_body"`
		Answer     string `json:"response_body"`
		IP         string `json:"client_ip"`
	}
	return s.reply(c, "request", request{m.at.Unix(), 1, m.query, m.body, m.answer, m.ip})
}

// apiDomainIP serves GET /cgi-bin/get_api_domain_ip. The emulator is wherever
// its listener is, which it does not know.
func (s *Sim) apiDomainIP(c *call) answer {
	if _, r, refused := s.ownCall(c); refused {
		return r
	}
	return s.ok(c, struct {
		IPs []string `json:"ip_list"`
	}{[]string{"127.0.0.1"}})
}

// callbackCheck serves POST /cgi-bin/callback/check for the app's own push URL.
func (s *Sim) callbackCheck(c *call) answer {
	a, r, refused := s.ownCall(c)
	if refused {
		return r
	}
	var in struct {
		Action   string `json:"action"`
		Operator string `json:"check_operator"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	in.Operator = cmp.Or(in.Operator, "DEFAULT")
	switch {
	case !slices.Contains([]string{"dns", "ping", "all"}, in.Action):
		return s.fail(c, 40202)
	case !slices.Contains([]string{"CHINANET", "UNICOM", "CAP", "DEFAULT"}, in.Operator):
		return s.fail(c, 40203)
	case a.Push == nil || a.Push.URL == "" && a.Push.EventURL == "":
		return s.fail(c, 40201)
	}
	type lookup struct {
		IP       string `json:"ip"`
		Operator string `json:"real_operator"`
	}
	type echo struct {
		IP       string `json:"ip"`
		Operator string `json:"from_operator"`
		Loss     string `json:"package_loss"`
		Time     string `json:"time"`
	}
	out := struct {
		DNS  []lookup `json:"dns,omitempty"`
		Ping []echo   `json:"ping,omitempty"`
	}{}
	if in.Action != "ping" {
		out.DNS = []lookup{{"127.0.0.1", in.Operator}}
	}
	if in.Action != "dns" {
		out.Ping = []echo{{"127.0.0.1", in.Operator, "0%", "1.000ms"}}
	}
	return s.ok(c, out)
}
