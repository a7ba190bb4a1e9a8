package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// browser is a person's browser as far as the server can tell: cookies, a user
// agent, forms. It follows redirects on the server's own host and stops where
// the server sends it elsewhere, so that the story can see each link.
type browser struct {
	client *http.Client
	base   *url.URL
	agent  string
}

// page is what a browser ended up with.
type page struct {
	URL      *url.URL // of the page
	Status   int
	Body     []byte
	Location string // where the server sent the browser next, if elsewhere
}

func newBrowser(base *url.URL, agent string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // cannot happen: no options
	}
	b := &browser{base: base, agent: agent}
	b.client = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != base.Host || len(via) > 10 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return b
}

// open visits a path of the server or an absolute URL.
func (b *browser) open(ctx context.Context, ref string) (page, error) {
	return b.send(ctx, http.MethodGet, ref, nil)
}

// submit sends the form on p whose action contains part, with values over its
// own fields.
func (b *browser) submit(ctx context.Context, p page, part string, values url.Values) (page, error) {
	f, err := findForm(p, part)
	if err != nil {
		return page{}, err
	}
	maps.Copy(f.fields, values)
	return b.send(ctx, http.MethodPost, f.action, f.fields)
}

func (b *browser) send(ctx context.Context, method, ref string, form url.Values) (page, error) {
	target, err := b.base.Parse(ref)
	if err != nil {
		return page{}, fmt.Errorf("a link that does not parse: %w", err)
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return page{}, err
	}
	req.Header.Set("User-Agent", b.agent)
	req.Header.Set("Accept-Language", "zh-CN,zh;q=0.9")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return page{}, err
	}
	return page{URL: resp.Request.URL, Status: resp.StatusCode, Body: text, Location: resp.Header.Get("Location")}, nil
}

// has tells whether the page shows text.
func (p page) has(text string) bool { return bytes.Contains(p.Body, []byte(text)) }

// form is what a form would send if its button was pressed.
type form struct {
	action string
	fields url.Values
}

func findForm(p page, part string) (form, error) {
	doc, err := html.Parse(bytes.NewReader(p.Body))
	if err != nil {
		return form{}, fmt.Errorf("parse the page: %w", err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || !strings.Contains(attr(n, "action"), part) {
			continue
		}
		action, err := p.URL.Parse(attr(n, "action"))
		if err != nil {
			return form{}, fmt.Errorf("a form action that does not parse: %w", err)
		}
		f := form{action: action.String(), fields: url.Values{}}
		for in := range n.Descendants() {
			if in.Type == html.ElementNode && in.Data == "input" && attr(in, "name") != "" {
				f.fields.Set(attr(in, "name"), attr(in, "value"))
			}
		}
		return f, nil
	}
	return form{}, fmt.Errorf("the page (status %d) has no form for %q", p.Status, part)
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
