package channel_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The doubles play the places by their documentation: what it demands is demanded,
// and what it does not allow is refused with its error.

// clock is the time of a test, for channel and double alike.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// seen is a message as a reader sees it.
type seen struct {
	text     string
	mentions []string
	links    []string // addresses that can be clicked
	markup   []string // what else is not text
}

// double is the other side of a channel.
type double struct {
	*httptest.Server
	clock  *clock
	key    string
	secret string

	mu      sync.Mutex
	got     []seen
	times   []time.Time
	bodies  []string
	instead func(w http.ResponseWriter, r *http.Request) // answers in place of the double, if set
}

const (
	robotKey    = "00000000-demo-0000-0000-00000000key1"
	robotSecret = "SEC000demo000secret000of000a000robot"
)

// accept is what a place makes of a request: a message, or an answer that refuses it.
type accept func(d *double, r *http.Request, body []byte) (seen, any)

func newDouble(t *testing.T, c *clock, path string, rates map[int]time.Duration, busy func(http.ResponseWriter), done func(http.ResponseWriter), take accept) *double {
	t.Helper()
	d := &double{clock: c, key: robotKey, secret: robotSecret}
	d.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.bodies = append(d.bodies, string(body))
		if d.instead != nil {
			d.instead(w, r)
			return
		}
		if r.Method != http.MethodPost || r.URL.Path != path || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			http.Error(w, "no such thing", http.StatusNotFound)
			return
		}
		for n, per := range rates {
			if len(d.times) >= n && c.now().Sub(d.times[len(d.times)-n]) < per {
				busy(w)
				return
			}
		}
		message, refusal := take(d, r, body)
		if status, ok := refusal.(int); ok {
			http.Error(w, "invalid_payload", status)
			return
		}
		if refusal != nil {
			reply(w, refusal)
			return
		}
		d.times = append(d.times, c.now())
		d.got = append(d.got, message)
		done(w)
	}))
	t.Cleanup(d.Close)
	return d
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func (d *double) messages() []seen {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.got)
}

func (d *double) answer(f func(http.ResponseWriter, *http.Request)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.instead = f
}

type coded struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

// strict decodes JSON that has no field besides those of to.
func strict(body []byte, to any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	return dec.Decode(to)
}

// asMarkdown reads the markup that the robots of WeCom and DingTalk know: links,
// tags, bold, headings, quotes, code, pictures.
func asMarkdown(text string) seen {
	s := seen{text: text, mentions: regexp.MustCompile(`<@[^>]*>`).FindAllString(text, -1), markup: regexp.MustCompile(`</?[a-zA-Z!][^>]*>|!\[`).FindAllString(text, -1)}
	for _, m := range regexp.MustCompile(`\[[^\]]*\]\(([^)]*)\)`).FindAllStringSubmatch(text, -1) {
		s.links = append(s.links, m[1])
	}
	return s
}

// newWeCom plays developer.work.weixin.qq.com/document/path/91770.
func newWeCom(t *testing.T, c *clock) *double {
	return newDouble(t, c, "/cgi-bin/webhook/send", map[int]time.Duration{20: time.Minute},
		func(w http.ResponseWriter) { reply(w, coded{45009, "api freq out of limit"}) },
		func(w http.ResponseWriter) { reply(w, coded{0, "ok"}) },
		func(d *double, r *http.Request, body []byte) (seen, any) {
			var b struct {
				MsgType  string `json:"msgtype"`
				Markdown struct {
					Content string `json:"content"`
				} `json:"markdown"`
			}
			switch err := strict(body, &b); {
			case r.URL.Query().Get("key") != d.key:
				return seen{}, coded{93000, "invalid webhook url"}
			case err != nil || b.MsgType != "markdown" || b.Markdown.Content == "":
				return seen{}, coded{40008, "invalid message type"}
			case len(b.Markdown.Content) > 4096:
				return seen{}, coded{40058, "markdown.content exceed max length 4096"}
			}
			return asMarkdown(b.Markdown.Content), nil
		})
}

// newDingTalk plays open.dingtalk.com/document/orgapp/custom-robot-access with
// signatures.
func newDingTalk(t *testing.T, c *clock) *double {
	return newDouble(t, c, "/robot/send", map[int]time.Duration{20: time.Minute},
		func(w http.ResponseWriter) { reply(w, coded{130101, "send too fast, exceed 20 times per minute"}) },
		func(w http.ResponseWriter) { reply(w, coded{0, "ok"}) },
		func(d *double, r *http.Request, body []byte) (seen, any) {
			q := r.URL.Query()
			at, err := strconv.ParseInt(q.Get("timestamp"), 10, 64)
			mac := hmac.New(sha256.New, []byte(d.secret))
			fmt.Fprintf(mac, "%d\n%s", at, d.secret)
			var b struct {
				MsgType  string `json:"msgtype"`
				Markdown struct {
					Title string `json:"title"`
					Text  string `json:"text"`
				} `json:"markdown"`
			}
			bodyErr := strict(body, &b)
			switch late := d.clock.now().Sub(time.UnixMilli(at)).Abs(); {
			case q.Get("access_token") != d.key:
				return seen{}, coded{300001, "token is not exist"}
			case err != nil || late > time.Hour || q.Get("sign") != base64.StdEncoding.EncodeToString(mac.Sum(nil)):
				return seen{}, coded{310000, "sign not match"}
			case len(body) > 20000:
				return seen{}, coded{460101, "message too long, exceed 20000 bytes"}
			case bodyErr != nil || b.MsgType != "markdown" || b.Markdown.Title == "" || b.Markdown.Text == "":
				return seen{}, coded{400105, "unsupported msgtype"}
			}
			s := asMarkdown(b.Markdown.Text)
			s.mentions = append(s.mentions, regexp.MustCompile(`@[\w*]+`).FindAllString(b.Markdown.Title+b.Markdown.Text, -1)...)
			return s, nil
		})
}

// bare are addresses in plain text, which programs make links of.
var bare = regexp.MustCompile(`https?://[^\s<>"]+`)

// newFeishu plays open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN with
// signatures.
func newFeishu(t *testing.T, c *clock) *double {
	type result struct {
		Code int    `json:"code"`
		Msg  string `json:"msg"`
		Data any    `json:"data"`
	}
	return newDouble(t, c, "/open-apis/bot/v2/hook/"+robotKey, map[int]time.Duration{100: time.Minute, 5: time.Second},
		func(w http.ResponseWriter) { reply(w, result{11232, "frequency limited", struct{}{}}) },
		func(w http.ResponseWriter) { reply(w, result{0, "success", struct{}{}}) },
		func(d *double, _ *http.Request, body []byte) (seen, any) {
			var b struct {
				Timestamp string `json:"timestamp"`
				Sign      string `json:"sign"`
				MsgType   string `json:"msg_type"`
				Content   struct {
					Post map[string]struct {
						Title   string `json:"title"`
						Content [][]struct {
							Tag  string `json:"tag"`
							Text string `json:"text"`
							Href string `json:"href"`
						} `json:"content"`
					} `json:"post"`
				} `json:"content"`
			}
			bodyErr := strict(body, &b)
			at, err := strconv.ParseInt(b.Timestamp, 10, 64)
			mac := hmac.New(sha256.New, []byte(b.Timestamp+"\n"+d.secret))
			switch late := d.clock.now().Sub(time.Unix(at, 0)).Abs(); {
			case len(body) > 20<<10:
				return seen{}, result{9499, "Bad Request", struct{}{}}
			case bodyErr != nil || b.MsgType != "post" || len(b.Content.Post) == 0:
				return seen{}, result{9499, "Bad Request", struct{}{}}
			case err != nil || late > time.Hour || b.Sign != base64.StdEncoding.EncodeToString(mac.Sum(nil)):
				return seen{}, result{19021, "sign match fail or timestamp is not within one hour from current time", struct{}{}}
			}
			var s seen
			for locale, p := range b.Content.Post {
				if locale != "zh_cn" && locale != "en_us" {
					return seen{}, result{9499, "Bad Request", struct{}{}}
				}
				s.text += p.Title + "\n"
				for _, row := range p.Content {
					for _, e := range row {
						s.text += e.Text
						switch e.Tag {
						case "text":
							s.mentions = append(s.mentions, regexp.MustCompile(`<at[^>]*>`).FindAllString(e.Text, -1)...)
							s.links = append(s.links, bare.FindAllString(e.Text, -1)...)
						case "a":
							s.links = append(s.links, e.Href)
						default:
							s.markup = append(s.markup, e.Tag)
						}
					}
					s.text += "\n"
				}
			}
			return s, nil
		})
}

// newSlack plays docs.slack.dev/messaging/sending-messages-using-incoming-webhooks.
func newSlack(t *testing.T, c *clock) *double {
	return newDouble(t, c, "/services/T000/B000/"+robotKey, map[int]time.Duration{1: time.Second},
		func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		func(w http.ResponseWriter) { _, _ = io.WriteString(w, "ok") },
		func(_ *double, _ *http.Request, body []byte) (seen, any) {
			b := struct {
				Text        string `json:"text"`
				Mrkdwn      bool   `json:"mrkdwn"`
				UnfurlLinks bool   `json:"unfurl_links"`
				UnfurlMedia bool   `json:"unfurl_media"`
			}{Mrkdwn: true}
			if err := strict(body, &b); err != nil || b.Text == "" || len(b.Text) > 40000 {
				return seen{}, http.StatusBadRequest
			}
			s := seen{text: strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(b.Text)}
			s.mentions = regexp.MustCompile(`<[!@#][^>]*>`).FindAllString(b.Text, -1)
			s.markup = regexp.MustCompile(`<[^!@#][^>]*>`).FindAllString(b.Text, -1)
			s.links = regexp.MustCompile(`https?://[^\s]+`).FindAllString(s.text, -1)
			if b.Mrkdwn {
				s.markup = append(s.markup, regexp.MustCompile(`\*[^*\n]+\*|_[^_\n]+_|`+"`[^`\n]+`").FindAllString(b.Text, -1)...)
			}
			return s, nil
		})
}

// managed is an alert as Alertmanager keeps it.
type managed struct {
	labels       string
	starts, ends time.Time
}

// newAlertmanager plays prometheus.io/docs/alerting/latest/alerts_api.
func newAlertmanager(t *testing.T, c *clock) (*double, func() []managed) {
	var kept []managed
	d := newDouble(t, c, "/api/v2/alerts", nil, nil, func(http.ResponseWriter) {},
		func(d *double, r *http.Request, body []byte) (seen, any) {
			var all []struct {
				Labels       map[string]string `json:"labels"`
				Annotations  map[string]string `json:"annotations"`
				StartsAt     time.Time         `json:"startsAt"`
				EndsAt       time.Time         `json:"endsAt"`
				GeneratorURL string            `json:"generatorURL"`
			}
			if err := strict(body, &all); err != nil || len(all) != 1 {
				return seen{}, http.StatusBadRequest
			}
			a := all[0]
			if a.Labels["alertname"] == "" || a.StartsAt.IsZero() || a.StartsAt.After(a.EndsAt) || r.Header.Get("Authorization") != "Bearer "+d.secret {
				return seen{}, http.StatusBadRequest
			}
			labels, err := json.Marshal(a.Labels)
			if err != nil {
				return seen{}, http.StatusBadRequest
			}
			kept = slices.DeleteFunc(kept, func(m managed) bool { return m.labels == string(labels) })
			kept = append(kept, managed{string(labels), a.StartsAt, a.EndsAt})
			s := asMarkdown(a.Annotations["summary"] + "\n" + a.Annotations["description"] + "\n" + string(labels))
			s.links = regexp.MustCompile(`https?://[^\s"]+`).FindAllString(s.text, -1)
			return s, nil
		})
	return d, func() []managed {
		d.mu.Lock()
		defer d.mu.Unlock()
		return slices.Clone(kept)
	}
}
