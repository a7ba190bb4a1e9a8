package chaos

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// visitor is a person's phone: it opens an invitation and logs in, which makes
// a grant that the keeper renews.
type visitor struct {
	client *http.Client
	last   *http.Response
	body   string
}

func newVisitor(server string) (*visitor, error) {
	base, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &visitor{client: &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != base.Host || len(via) > 10 {
			return http.ErrUseLastResponse
		}
		return nil
	}}}, nil
}

var (
	consentForm = regexp.MustCompile(`<form method="post" action="([^"]*/i/[^"]*)"`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	fourDigits  = regexp.MustCompile(`<strong>([0-9]{4})</strong>`)
)

// accept walks from an invitation to the page with the four digits.
func (v *visitor) accept(ctx context.Context, e *emulator, who, link string) (code string, err error) {
	if err := v.send(ctx, http.MethodGet, link, nil); err != nil {
		return "", err
	}
	form := consentForm.FindStringSubmatch(v.body)
	if form == nil {
		return "", fmt.Errorf("the invitation's page (status %d) shows no consent", v.last.StatusCode)
	}
	action, err := v.last.Request.URL.Parse(html.UnescapeString(form[1]))
	if err != nil {
		return "", err
	}
	fields := url.Values{}
	for _, f := range hiddenField.FindAllStringSubmatch(v.body, -1) {
		fields.Set(html.UnescapeString(f[1]), html.UnescapeString(f[2]))
	}
	if err := v.send(ctx, http.MethodPost, action.String(), fields); err != nil {
		return "", err
	}
	callback, err := e.sim.Visit(ctx, who, v.last.Header.Get("Location"), wechatsim.Agree)
	if err != nil {
		return "", fmt.Errorf("at the emulator: %w", err)
	}
	if err := v.send(ctx, http.MethodGet, callback, nil); err != nil {
		return "", err
	}
	digits := fourDigits.FindStringSubmatch(v.body)
	if digits == nil {
		return "", errors.New("after the login there is no page with four digits")
	}
	return digits[1], nil
}

func (v *visitor) send(ctx context.Context, method, ref string, form url.Values) error {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, ref, body)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", wechatsim.WeChatUserAgent)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if v.last, err = v.client.Do(req); err != nil {
		return err
	}
	defer v.last.Body.Close()
	text, err := io.ReadAll(io.LimitReader(v.last.Body, 1<<20))
	v.body = string(text)
	return err
}
