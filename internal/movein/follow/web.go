package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// web asks a URL of the other system. It answers one JSON object with the names of
// WeChat's own answers: access_token and expires_in in seconds, refresh_token if
// it likes, each also with authorizer_ before it. 404 says that it keeps nothing of
// the account.
type web struct {
	url    string
	bearer secret.Value
	now    func() time.Time
	client *http.Client
}

func newWeb(p Place, now func() time.Time) *web {
	return &web{url: p.URL, bearer: p.Secret, now: now, client: &http.Client{
		Transport:     egress.NewTransport(egress.Options{AllowPrivate: p.AllowPrivate, Idle: atOnce}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (w *web) close() { w.client.CloseIdleConnections() }

// maxAnswer is more than any answer with two tokens.
const maxAnswer = 64 << 10

// Read implements [Source].
func (w *web) Read(ctx context.Context, platform, account string) (Kept, error) {
	began := w.now()
	body, err := w.get(ctx, fill(w.url, url.QueryEscape(platform), url.QueryEscape(account)))
	if err != nil {
		return Kept{}, err
	}
	k, err := keptIn(body)
	k.Left -= w.now().Sub(began)
	return k, err
}

func (w *web) get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("follow: the address is not a URL; mend moving[].follow")
	}
	req.Header.Set("User-Agent", "zhanggui")
	req.Header.Set("Accept", "application/json")
	if !w.bearer.IsZero() {
		req.Header.Set("Authorization", "Bearer "+w.bearer.RevealString())
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("follow: ask the other system: %w", bare(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, ErrNone
	case resp.StatusCode != http.StatusOK:
		return nil, errors.New("follow: the other system answered " + strconv.Itoa(resp.StatusCode) + "; look at its log, and at moving[].secret")
	case err != nil:
		return nil, fmt.Errorf("follow: read the other system's answer: %w", bare(err))
	case len(body) > maxAnswer:
		return nil, errors.New("follow: the other system's answer is too long to be about one account; look at moving[].follow")
	}
	return body, nil
}

// bare takes the address out of an error: it may hold a key.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return err
}

// fill puts ids into a text.
func fill(text, platform, account string) string {
	return strings.NewReplacer("{platform}", platform, "{appid}", account).Replace(text)
}
