package app_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// oldSystem is the system that a platform moves away from: it takes pushes, renews
// the accounts' tokens, and tells them to whoever has its key.
type oldSystem struct {
	t    *testing.T
	sim  string // WeChat, past everything that counts for us
	url  string
	keys *msgcrypt.Keyring

	mu        sync.Mutex
	forward   string // our public URL, without a slash at its end; empty: nothing is handed on
	forwarded []int  // what we answered
	pushes    []passed
	opened    []string // what they hold
	ticket    string
	kept      map[string]keptThere
}

// passed is a push as it came there.
type passed struct{ path, query, body string }

// keptThere is what it keeps of an account.
type keptThere struct {
	Access  string `json:"access_token"`
	Life    int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
}

const oldKey = "the old system's key for reading"

func newOldSystem(t *testing.T, sim *wechatsim.Sim) *oldSystem {
	t.Helper()
	keys, err := msgcrypt.NewKeyring([]secret.Value{secret.FromString(pushToken)}, []secret.Value{secret.FromString(pushAESKey)}, wechatsim.DefaultComponent)
	if err != nil {
		t.Fatal(err)
	}
	wx := httptest.NewServer(sim)
	t.Cleanup(wx.Close)
	o := &oldSystem{t: t, sim: wx.URL, keys: keys, kept: map[string]keptThere{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /old/", o.check)
	mux.HandleFunc("POST /old/auth", o.push)
	mux.HandleFunc("POST /old/{appid}/callback", o.push)
	mux.HandleFunc("GET /tokens/{appid}", o.tell)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	o.url = srv.URL
	return o
}

// settings are ours about it.
func (o *oldSystem) settings() []string {
	file := filepath.Join(o.t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(oldKey+"\n"), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return []string{"ZHANGGUI_MOVING_0_APP=" + platformID, "ZHANGGUI_MOVING_0_FOLLOW=" + o.url + "/tokens/{appid}", "ZHANGGUI_MOVING_0_SECRET=file:" + file,
		"ZHANGGUI_MOVING_0_PASS_ON_AUTH=" + o.url + "/old/auth", "ZHANGGUI_MOVING_0_PASS_ON_EVENT=" + o.url + "/old/$APPID$/callback",
		"ZHANGGUI_MOVING_0_ALLOW_PRIVATE=true"}
}

func (o *oldSystem) console() wechatsim.PushSettings {
	return wechatsim.PushSettings{AuthURL: o.url + "/old/auth", EventURL: o.url + "/old/$APPID$/callback", Token: pushToken, EncodingAESKey: pushAESKey}
}

func (o *oldSystem) check(w http.ResponseWriter, r *http.Request) {
	echo, err := o.keys.Echo(msgcrypt.QueryOf(r.URL.Query()))
	if err != nil {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	io.WriteString(w, echo) //nolint:errcheck // WeChat would tell
}

// push takes a push, opens it, and hands it on as it came.
func (o *oldSystem) push(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	m, openErr := o.keys.Open(msgcrypt.QueryOf(r.URL.Query()), bytes.Clone(body))
	if err != nil || openErr != nil {
		o.t.Errorf("the old system was sent what it cannot open: %v, %v", err, openErr)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pushes = append(o.pushes, passed{path: r.URL.Path, query: r.URL.RawQuery, body: string(body)})
	o.opened = append(o.opened, string(m.Plain))
	var told struct{ ComponentVerifyTicket string }
	if xml.Unmarshal(m.Plain, &told) == nil && told.ComponentVerifyTicket != "" {
		o.ticket = told.ComponentVerifyTicket
	}
	if o.forward != "" {
		o.forwarded = append(o.forwarded, o.handOn(r, body))
	}
	io.WriteString(w, "success") //nolint:errcheck // WeChat would tell
}

// handOn sends the same query and the same bytes to where the same push would go at
// our place.
func (o *oldSystem) handOn(r *http.Request, body []byte) int {
	to := o.forward + "/wechat/push/" + platformID + "/auth"
	if id := r.PathValue("appid"); id != "" {
		to = o.forward + "/wechat/push/" + platformID + "/event/" + id
	}
	resp, err := http.Post(to+"?"+r.URL.RawQuery, r.Header.Get("Content-Type"), bytes.NewReader(body)) //nolint:noctx // a test's own server
	if err != nil {
		o.t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func (o *oldSystem) tell(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k, ok := o.kept[r.PathValue("appid")]
	switch {
	case r.Header.Get("Authorization") != "Bearer "+oldKey:
		w.WriteHeader(http.StatusUnauthorized)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	default:
		json.NewEncoder(w).Encode(k) //nolint:errcheck // the server would tell
	}
}

// renew has it renew an account's token, with a platform's token of its own.
func (o *oldSystem) renew(account, refresh string) string {
	o.t.Helper()
	o.mu.Lock()
	ticket := o.ticket
	o.mu.Unlock()
	var platform struct {
		Token string `json:"component_access_token"`
	}
	o.ask("/cgi-bin/component/api_component_token", map[string]string{"component_appid": wechatsim.DefaultComponent,
		"component_appsecret": wechatsim.DefaultComponentSecret, "component_verify_ticket": ticket}, &platform)
	var got struct {
		Access  string `json:"authorizer_access_token"`
		Refresh string `json:"authorizer_refresh_token"`
	}
	o.ask("/cgi-bin/component/api_authorizer_token?access_token="+platform.Token, map[string]string{
		"component_appid": wechatsim.DefaultComponent, "authorizer_appid": account, "authorizer_refresh_token": refresh}, &got)
	if got.Access == "" {
		o.t.Fatalf("the old system got no token for %s", account)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept[account] = keptThere{Access: got.Access, Life: 7200, Refresh: got.Refresh}
	return got.Access
}

func (o *oldSystem) ask(path string, in, out any) {
	o.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		o.t.Fatal(err)
	}
	resp, err := http.Post(o.sim+path, "application/json", bytes.NewReader(body)) //nolint:noctx // a test's own server
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		o.t.Fatal(err)
	}
}

// handsOnTo has it hand on what it is pushed from now on.
func (o *oldSystem) handsOnTo(base string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forward = base
}

// heard gives what it was pushed since its first n pushes, and what we answered to
// those that it handed on.
func (o *oldSystem) heard(n int) (pushes []passed, opened []string, forwarded []int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]passed(nil), o.pushes[n:]...), append([]string(nil), o.opened[n:]...), append([]int(nil), o.forwarded...)
}

// comesFromTheOld plays the first half of a cut-over: the old system has the pushes
// and the tokens.
func (r *rig) comesFromTheOld(accounts ...string) {
	r.t.Helper()
	r.must(r.sim.SetPush(r.t.Context(), wechatsim.DefaultComponent, r.old.console()))
	_, err := r.sim.IssueTicket(wechatsim.DefaultComponent)
	r.must(err)
	r.deliver()
	for _, id := range accounts {
		g, err := r.sim.Grant(wechatsim.DefaultComponent, id)
		r.must(err)
		r.old.renew(id, g.RefreshToken)
	}
}

// asksFor counts how often we asked WeChat for something.
func (r *rig) asksFor(path string) (n int) {
	r.gave.mu.Lock()
	defer r.gave.mu.Unlock()
	for _, m := range r.gave.all {
		if strings.Contains(m.path, path) {
			n++
		}
	}
	return n
}

// ticketAt is when the newest ticket came here.
func (r *rig) ticketAt() time.Time {
	r.t.Helper()
	var all struct{ Items []adminapi.PlatformView }
	r.ask("GET", "/v1/platforms", nil, &all)
	if len(all.Items) == 0 || all.Items[0].TicketAt == nil {
		return time.Time{}
	}
	return *all.Items[0].TicketAt
}

// modeOf changes the mode of one grant.
func (r *rig) modeOf(id, mode string) string {
	r.t.Helper()
	var g struct{ State string }
	r.ask("POST", fmt.Sprintf("/v1/grants/%s/mode", id), map[string]string{"mode": mode}, &g)
	return g.State
}
