package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/balance"
	"github.com/zhanggui/zhanggui/wechatsim"
)

// Paths of the emulator that the judgement looks at.
const (
	stablePath   = "/cgi-bin/stable_token"
	refreshPath  = "/sns/oauth2/refresh_token"
	exchangePath = "/sns/oauth2/access_token"
	infoPath     = "/channels/ec/basics/info/get"
	authPath     = "/sns/auth"
)

// asked is a request for a token before it is known which grant it is of.
type asked struct {
	balance.Request
	AppID, OpenID string // OpenID is empty for a shop's own token
}

// emulator is the emulated WeChat with a listener for each replica, so that its
// ledger knows who asked. It is safe for concurrent use.
type emulator struct {
	sim     *wechatsim.Sim
	servers []*http.Server
	serving sync.WaitGroup
	stopped atomic.Pointer[time.Time] // its clock stands still there

	mu      sync.Mutex
	asked   []asked
	uses    []balance.Use
	openids map[string]string // by the name of a refresh token
}

// newEmulator starts the emulator with a listener for each replica, and one
// more for the setting of the scene.
func newEmulator(ctx context.Context, world *wechatsim.World, replicas int) (*emulator, []string, error) {
	e := &emulator{openids: map[string]string{}}
	var err error
	if e.sim, err = wechatsim.Open(wechatsim.Options{World: world, LedgerSize: 1_000_000, Now: e.now}); err != nil {
		return nil, nil, err
	}
	var addresses []string
	for i := range replicas {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			e.close()
			return nil, nil, err
		}
		srv := &http.Server{Handler: e.handler(i), ReadHeaderTimeout: time.Minute}
		e.servers = append(e.servers, srv)
		e.serving.Go(func() { _ = srv.Serve(l) }) // ends with close
		addresses = append(addresses, l.Addr().String())
	}
	return e, addresses, nil
}

func (e *emulator) now() time.Time {
	if at := e.stopped.Load(); at != nil {
		return *at
	}
	return time.Now()
}

// stop has no token grow older: what is kept is looked at when no replica runs
// that could renew it.
func (e *emulator) stop() {
	at := time.Now()
	e.stopped.Store(&at)
}

func (e *emulator) close() {
	for _, s := range e.servers {
		_ = s.Close() // nothing in an emulator is worth waiting for
	}
	e.serving.Wait()
}

// handler is the emulator as one replica meets it.
func (e *emulator) handler(replica int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := time.Now()
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			panic(http.ErrAbortHandler) // half a request is none
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasPrefix(r.URL.Path, "/channels/") {
			e.use(balance.Use{At: at, Token: wechatsim.Digest(r.URL.Query().Get("access_token"))})
		}
		a, lost := e.ask(r)
		if r.URL.Path == stablePath || r.URL.Path == refreshPath || r.URL.Path == exchangePath {
			e.note(replica, at, r, body, a)
		}
		if lost {
			panic(http.ErrAbortHandler)
		}
		maps.Copy(w.Header(), a.head)
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body.Bytes()) // the replica may be gone
	})
}

// ask passes a request to the emulator. lost says that the answer goes nowhere.
func (e *emulator) ask(r *http.Request) (a *kept, lost bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			lost = true
		default:
			panic(p)
		}
	}()
	a = &kept{head: http.Header{}, status: http.StatusOK}
	e.sim.ServeHTTP(a, r)
	return a, false
}

// kept is an answer that is looked at before it is sent.
type kept struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (k *kept) Header() http.Header { return k.head }

// WriteHeader implements http.ResponseWriter.
func (k *kept) WriteHeader(status int) { k.status = status }

// Write implements http.ResponseWriter.
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }

func (e *emulator) use(u balance.Use) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.uses = append(e.uses, u)
}

// tokenAnswer is what all token calls answer.
type tokenAnswer struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	OpenID  string `json:"openid"`
	Left    int    `json:"expires_in"`
}

// note writes down a token request with what was given.
func (e *emulator) note(replica int, at time.Time, r *http.Request, body []byte, a *kept) {
	var given tokenAnswer
	if json.Unmarshal(a.body.Bytes(), &given) != nil {
		given = tokenAnswer{} // half an answer is none
	}
	q := r.URL.Query()
	x := asked{AppID: q.Get("appid"), Request: balance.Request{At: at, Replica: replica,
		Given: wechatsim.Digest(given.Access), Left: time.Duration(given.Left) * time.Second}}
	e.mu.Lock()
	defer e.mu.Unlock()
	if given.Refresh != "" {
		e.openids[wechatsim.Digest(given.Refresh)] = given.OpenID
	}
	switch r.URL.Path {
	case exchangePath:
		return // a login's; the keeper has no part in it
	case refreshPath:
		x.OpenID = e.openids[wechatsim.Digest(q.Get("refresh_token"))]
	default:
		var in struct {
			AppID string `json:"appid"`
		}
		_ = json.Unmarshal(body, &in) // without one it is nobody's, which is told
		x.AppID = in.AppID
	}
	e.asked = append(e.asked, x)
}

// seen gives what was noted so far.
func (e *emulator) seen() ([]asked, []balance.Use) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]asked(nil), e.asked...), append([]balance.Use(nil), e.uses...)
}

// honours asks the emulator itself whether it takes a shop's token.
func (e *emulator) honours(token string) error {
	return e.wants(infoPath, url.Values{"access_token": {token}})
}

// honoursUser does the same for a person's pair. With renew it uses the refresh
// token, which changes the pair.
func (e *emulator) honoursUser(appid, openid, access, refresh string, renew bool) error {
	if err := e.wants(authPath, url.Values{"access_token": {access}, "openid": {openid}}); err != nil {
		return fmt.Errorf("access token: %w", err)
	}
	if !renew {
		return nil
	}
	err := e.wants(refreshPath, url.Values{"appid": {appid}, "grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	if err != nil {
		return fmt.Errorf("refresh token: %w", err)
	}
	return nil
}

// wants makes one call past all ways.
func (e *emulator) wants(path string, q url.Values) error {
	r, err := http.NewRequest(http.MethodGet, path+"?"+q.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	a, lost := e.ask(r)
	var head struct {
		ErrCode int `json:"errcode"`
	}
	switch err := json.Unmarshal(a.body.Bytes(), &head); {
	case lost || err != nil:
		return errors.New("the emulator gave no answer")
	case head.ErrCode != 0:
		return fmt.Errorf("the emulator answers errcode %d", head.ErrCode)
	}
	return nil
}
