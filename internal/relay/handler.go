package relay

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/web"
)

// maxBody bounds a client's request.
const maxBody = 64 << 10

// handler answers a client that proved itself.
type handler func(w http.ResponseWriter, r *http.Request, c access.Client) error

// Handler answers clients by their keys: their subscriptions, their events and
// their streams, under /v1/.
func (r *Relay) Handler() http.Handler {
	mux := http.NewServeMux()
	for route, h := range map[string]handler{
		"POST /v1/subscriptions":             r.create,
		"GET /v1/subscriptions":              r.list,
		"GET /v1/subscriptions/{id}":         r.get,
		"DELETE /v1/subscriptions/{id}":      r.remove,
		"POST /v1/subscriptions/{id}/rotate": r.rotate,
		"POST /v1/subscriptions/{id}/start":  r.restart,
		"POST /v1/subscriptions/{id}/test":   r.test,
		"GET /v1/subscriptions/{id}/dead":    r.dead,
		"POST /v1/subscriptions/{id}/replay": r.replay,
	} {
		mux.Handle(route, r.known(r.framed(mux, h)))
	}
	mux.Handle("GET /v1/events", r.known(r.pull))
	mux.Handle("GET /v1/events/stream", r.known(r.stream))
	mux.Handle("/", web.Machine(web.NotFound))
	return web.LimitBody(maxBody, mux)
}

// framed puts h into what [Options.Around] gives. An error is answered within it: what
// was refused is not kept for who repeats it.
func (r *Relay) framed(read http.Handler, h handler) handler {
	if r.o.Around == nil {
		return h
	}
	return func(w http.ResponseWriter, req *http.Request, c access.Client) error {
		next := web.Machine(func(w http.ResponseWriter, req *http.Request) error { return inWords(h(w, req, c)) })
		r.o.Around(actorOf(c), read, next).ServeHTTP(w, req)
		return nil
	}
}

// ForClient tells whether a request is for [Relay.Handler]: it carries a client's
// key, and administrators have operations of their own under the same paths.
func ForClient(r *http.Request) bool {
	p := r.URL.Path
	if p != "/v1/events" && p != "/v1/subscriptions" && !strings.HasPrefix(p, "/v1/events/") && !strings.HasPrefix(p, "/v1/subscriptions/") {
		return false
	}
	_, ok := clientKey(r)
	return ok || strings.HasPrefix(p, "/v1/events")
}

// maxKey bounds what is hashed for strangers.
const maxKey = 128

func clientKey(r *http.Request) (string, bool) {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	scheme, key, ok := strings.Cut(values[0], " ")
	return key, ok && strings.EqualFold(scheme, "Bearer") && strings.HasPrefix(key, access.ClientKeyPrefix) && len(key) <= maxKey
}

// known lets clients through by their keys.
func (r *Relay) known(h handler) http.Handler {
	return web.Machine(func(w http.ResponseWriter, req *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		c, err := r.caller(req)
		if err != nil {
			return err
		}
		return inWords(h(w, req, c))
	})
}

// caller finds out whose key it is.
func (r *Relay) caller(req *http.Request) (access.Client, error) {
	key, ok := clientKey(req)
	if !ok {
		return access.Client{}, r.refuse(req, access.Client{})
	}
	c, err := r.o.Clients.ClientByKey(req.Context(), access.HashKey(key))
	switch {
	case errors.Is(err, access.ErrNotFound):
		return access.Client{}, r.refuse(req, access.Client{})
	case err != nil:
		return access.Client{}, err
	case !c.Live(r.o.Now()):
		return access.Client{}, r.refuse(req, c)
	}
	return c, nil
}

// refuse records who was refused.
func (r *Relay) refuse(req *http.Request, c access.Client) error {
	by := audit.Actor{Kind: audit.ActorStranger}
	if c.ID != "" {
		by = audit.Actor{Kind: audit.ActorClient, ID: c.ID}
	}
	r.o.Tally.Refused(req.Context(), audit.Entry{At: r.o.Now(), Actor: by, Action: "relay.call", Outcome: audit.Refused, Reason: "key-unknown"},
		web.ClientAddr(req.Context()))
	return &web.Error{
		Status: http.StatusUnauthorized, Code: "key-unknown",
		EN: "The client key is missing, unknown, expired or revoked.", ZH: "客户端密钥缺失、无效、已过期或已被撤销。",
		NextEN: "Send one header \"Authorization: Bearer zgc_…\" with a key that the operator gave you.",
		NextZH: "请在请求头中携带一次 Authorization: Bearer zgc_…,密钥由管理员发放。",
	}
}

// inWords gives an error the words that clients read.
func inWords(err error) error {
	if invalid, ok := errors.AsType[*grant.Invalid](err); ok {
		return badInput(invalid.EN, invalid.ZH)
	}
	switch {
	case errors.Is(err, access.ErrNotFound):
		return &web.Error{Status: http.StatusNotFound, Code: "subscription-unknown", Err: err,
			EN: "There is no such subscription of this client.", ZH: "该程序没有此订阅。",
			NextEN: "List the subscriptions and take an id from there.", NextZH: "请先列出订阅以获取其标识。"}
	case errors.Is(err, access.ErrCondition):
		return &web.Error{Status: http.StatusPreconditionFailed, Code: "changed-meanwhile", Err: err,
			EN: "It is not as If-Match says.", ZH: "内容与 If-Match 不符。", NextEN: "Read it again and decide anew.", NextZH: "请重新读取后再决定。"}
	case errors.Is(err, access.ErrStale):
		return &web.Error{Status: http.StatusConflict, Code: "changed-meanwhile", Err: err,
			EN: "Somebody else changed it meanwhile.", ZH: "内容已被他人修改。", NextEN: "Repeat the request.", NextZH: "请重试。"}
	}
	return err
}

func badInput(en, zh string) error {
	return &web.Error{Status: http.StatusUnprocessableEntity, Code: "input", EN: en, ZH: zh,
		NextEN: "Mend the request; docs/guide/events.md has examples.", NextZH: "请修正请求；示例见 docs/guide/events.md。"}
}

// read decodes a body. It does not repeat what was sent.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if errors.Is(err, io.EOF) {
		return nil // no body: nothing is asked for beyond the path
	}
	if tooBig, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooBig
	}
	if err != nil || d.More() {
		return badInput("The body is not the JSON that is expected here.", "请求内容不是此处所需的 JSON。")
	}
	return nil
}

func write(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// listed is a list as every list of the server is.
type listed[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // where the next page begins; left out on the last one
}

// View is a subscription as others see it, without its secret.
type View struct {
	ID      string     `json:"id"`
	Client  string     `json:"client"`
	URL     string     `json:"url"`
	Events  []string   `json:"events"`
	State   string     `json:"state"`
	Why     string     `json:"why,omitempty"`
	After   string     `json:"after"` // the last event that is over, but for shops that are held
	Paused  *time.Time `json:"paused_until,omitempty"`
	Private bool       `json:"allow_private,omitempty"`
	Created time.Time  `json:"created"`
	Secret  string     `json:"secret,omitempty"` // in the answer that made it alone
}

// ViewOf gives a subscription as others see it.
func ViewOf(s grant.Subscription) View {
	v := View{ID: s.ID, Client: s.Client, URL: s.URL, Events: s.Events, State: string(s.State), Why: s.Why, After: MessageID(s.Cursor),
		Private: s.AllowPrivate, Created: s.CreatedAt.UTC()}
	if !s.PauseUntil.IsZero() {
		v.Paused = new(s.PauseUntil.UTC())
	}
	return v
}

func actorOf(c access.Client) audit.Actor { return audit.Actor{Kind: audit.ActorClient, ID: c.ID} }

func (r *Relay) create(w http.ResponseWriter, req *http.Request, c access.Client) error {
	var in struct {
		URL    string   `json:"url"`
		Events []string `json:"events"`
	}
	if err := read(req, &in); err != nil {
		return err
	}
	s, text, err := r.Create(req.Context(), actorOf(c), grant.NewSubscription{Client: c.ID, URL: in.URL, Events: in.Events})
	if err != nil {
		return err
	}
	v := ViewOf(s)
	v.Secret = text.RevealString()
	return write(w, http.StatusCreated, v)
}

// list answers in the order of ids. The cursor is the id of the last that was shown.
func (r *Relay) list(w http.ResponseWriter, req *http.Request, c access.Client) error {
	after := req.URL.Query().Get("after")
	if after != "" && !subscriptionID.MatchString(after) {
		return errCursor()
	}
	limit, err := limitOf(req.URL.Query())
	if err != nil {
		return err
	}
	all, err := r.List(req.Context(), c.ID)
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b grant.Subscription) int { return cmp.Compare(a.ID, b.ID) })
	out := listed[View]{Items: []View{}}
	for _, s := range all {
		switch {
		case s.ID <= after:
		case len(out.Items) == limit:
			out.Next = out.Items[limit-1].ID
		default:
			out.Items = append(out.Items, ViewOf(s))
		}
	}
	return write(w, http.StatusOK, out)
}

var subscriptionID = regexp.MustCompile(`^sub_[a-z0-9]{1,40}$`)

func (r *Relay) get(w http.ResponseWriter, req *http.Request, c access.Client) error {
	s, err := r.Get(req.Context(), c.ID, req.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, ViewOf(s))
}

func (r *Relay) remove(w http.ResponseWriter, req *http.Request, c access.Client) error {
	if err := r.Remove(req.Context(), actorOf(c), c.ID, req.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (r *Relay) rotate(w http.ResponseWriter, req *http.Request, c access.Client) error {
	text, err := r.Rotate(req.Context(), actorOf(c), c.ID, req.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, map[string]string{"secret": text.RevealString()})
}

func (r *Relay) restart(w http.ResponseWriter, req *http.Request, c access.Client) error {
	if err := r.Start(req.Context(), actorOf(c), c.ID, req.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (r *Relay) test(w http.ResponseWriter, req *http.Request, c access.Client) error {
	t, err := r.Test(req.Context(), c.ID, req.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, struct {
		Taken  bool   `json:"taken"`
		Reason string `json:"reason,omitempty"`
		Millis int64  `json:"millis"`
	}{t.Taken, t.Reason, t.Took.Milliseconds()})
}

// letter is a dead letter as clients see it.
type letter struct {
	Event    Body       `json:"event"`
	Attempts int        `json:"attempts"`
	Reason   string     `json:"reason"`
	At       time.Time  `json:"at"`
	Again    *time.Time `json:"again,omitempty"`
}

func (r *Relay) dead(w http.ResponseWriter, req *http.Request, c access.Client) error {
	q, err := query(req)
	if err != nil {
		return err
	}
	all, err := r.Dead(req.Context(), c.ID, req.PathValue("id"), max(q.after, 0), q.limit+1)
	if err != nil {
		return err
	}
	out := listed[letter]{Items: []letter{}}
	if len(all) > q.limit {
		all = all[:q.limit]
		out.Next = MessageID(all[q.limit-1].Event.ID)
	}
	for _, d := range all {
		if c.Holds(d.Event.ShopID) {
			l := letter{Event: r.body(d.Event), Attempts: d.Attempt, Reason: d.Reason, At: d.At.UTC()}
			if !d.AgainAt.IsZero() {
				l.Again = new(d.AgainAt.UTC())
			}
			out.Items = append(out.Items, l)
		}
	}
	return write(w, http.StatusOK, out)
}

func (r *Relay) replay(w http.ResponseWriter, req *http.Request, c access.Client) error {
	var in struct {
		Events []string `json:"events"`
	}
	if err := read(req, &in); err != nil {
		return err
	}
	ids, err := EventIDs(in.Events)
	if err != nil {
		return err
	}
	n, err := r.Replay(req.Context(), actorOf(c), c.ID, req.PathValue("id"), ids)
	if err != nil {
		return err
	}
	return write(w, http.StatusAccepted, map[string]int{"replayed": n})
}

// maxNamed bounds how many events one replay names.
const maxNamed = 1000

// EventIDs reads ids of events. What cannot be one is a [*grant.Invalid].
func EventIDs(texts []string) (ids []int64, err error) {
	if len(texts) > maxNamed {
		return nil, &grant.Invalid{EN: "at most 1000 events can be named; name none to replay all", ZH: "最多指定 1000 个事件；不指定则重放全部"}
	}
	for _, text := range texts {
		id, err := ParseMessageID(text)
		if err != nil {
			return nil, &grant.Invalid{EN: `an event is named as it came, like "ev_123"`, ZH: "事件标识须与收到的一致，如 ev_123"}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// asked is what a request for events says.
type asked struct {
	after  int64 // -1: not said
	limit  int
	shop   string
	events []string
	client string // who asks
}

// The bounds of an answer with events.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

func query(req *http.Request) (asked, error) {
	v := req.URL.Query()
	q := asked{after: -1, limit: defaultLimit, shop: v.Get("shop"), events: []string{"*"}}
	text := v.Get("after")
	if text == "" {
		text = req.Header.Get("Last-Event-ID")
	}
	if text != "" {
		n, err := ParseMessageID(text)
		if err != nil {
			return asked{}, errCursor()
		}
		q.after = n
	}
	limit, err := limitOf(v)
	if err != nil {
		return asked{}, err
	}
	q.limit = limit
	if text := v.Get("events"); text != "" {
		q.events = strings.Split(text, ",")
		if err := checkEvents(q.events); err != nil {
			return asked{}, err
		}
	}
	return q, nil
}

func errCursor() error {
	return badInput("after is not a cursor: take the one of the last answer, or the id of an event.", "after 不是有效游标：请使用上次应答中的 next 或事件标识。")
}

// limitOf is how much of a list is asked for.
func limitOf(v url.Values) (int, error) {
	if !v.Has("limit") {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(v.Get("limit"))
	if err != nil || n < 1 || n > maxLimit {
		return 0, badInput("limit must be from 1 to 1000.", "limit 须为 1 至 1000。")
	}
	return n, nil
}

// wants tells whether an event is to be told to the client.
func (q asked) wants(shops rights, e grant.Event) bool {
	return shops[e.ShopID] && meant(e, q.client) && (q.shop == "" || q.shop == e.ShopID) && grant.NameIn(q.events, e.Name)
}
