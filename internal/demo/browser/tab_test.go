package browser

import (
	"context"
	"iter"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// tab is a person in front of one tab. Its methods fail the test when
// something does not come in time.
type tab struct {
	t     *testing.T
	h     *house
	ctx   context.Context
	name  string
	width int64
	heard journal
}

// page is what the tab shows.
type page struct {
	URL    string  `json:"url"`
	Origin float64 `json:"origin"` // when it began to load; tells documents apart
	Ready  bool    `json:"ready"`
	Status int     `json:"status"`
	Title  string  `json:"title"`
	H1     string  `json:"h1"`
	Text   string  `json:"text"` // of the main part
	Kind   string  `json:"kind"` // of the emulator's pages
}

const readPage = `(() => {
	const nav = performance.getEntriesByType('navigation')[0], main = document.querySelector('main') || document.body;
	return {url: location.href, origin: performance.timeOrigin, ready: document.readyState === 'complete',
		status: nav ? nav.responseStatus : 0, title: document.title,
		h1: document.querySelector('h1')?.innerText ?? '', text: main?.innerText ?? '', kind: main?.dataset?.page ?? ''};
})()`

// do runs actions, bounded.
func (p *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, what, err)
	}
}

// eval asks the page something. Between two documents there is no answer.
func eval[T any](p *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// must is eval until there is an answer: a page may load itself again at any
// time.
func must[T any](p *tab, expression string) T {
	p.t.Helper()
	var v T
	var err error
	for range p.tries() {
		if v, err = eval[T](p, expression); err == nil {
			return v
		}
	}
	p.t.Fatalf("%s: evaluate %s: %v", p.name, expression, err)
	return v
}

// tries comes around often, until patience is over.
func (p *tab) tries() iter.Seq[int] {
	return func(yield func(int) bool) {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		end := time.Now().Add(patience)
		for i := 0; time.Now().Before(end) && p.ctx.Err() == nil && yield(i); i++ {
			<-tick.C
		}
	}
}

// until waits for a condition on the page.
func (p *tab) until(what string, ok func(page) bool) page {
	p.t.Helper()
	var last page
	var err error
	for range p.tries() {
		var now page
		if now, err = eval[page](p, readPage); err != nil {
			continue
		}
		if last = now; now.Ready && ok(now) {
			return now
		}
	}
	p.t.Fatalf("%s: %s did not come; there is %s (status %d, %q), last error %v", p.name, what, last.URL, last.Status, last.H1, err)
	return page{}
}

// now is the page as it stands.
func (p *tab) now() page {
	p.t.Helper()
	return p.until("a page", func(page) bool { return true })
}

// after does something that leads to another document, and waits for that.
func (p *tab) after(what string, steps ...chromedp.Action[chromedp.Void]) page {
	p.t.Helper()
	before := p.now().Origin
	p.do(what, steps...)
	return p.until("a page after: "+what, func(now page) bool { return now.Origin != before })
}

// open types an address.
func (p *tab) open(address string) page {
	p.t.Helper()
	return p.after("open "+redacted(address), chromedp.Navigate(address))
}

// press clicks what a CSS selector names, and waits for the next document.
func (p *tab) press(selector string) page {
	p.t.Helper()
	return p.after("press "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// is checks where a tab got to: path (of our server) and status.
func (p *tab) is(at page, status int, path string) page {
	p.t.Helper()
	u, err := url.Parse(at.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	if base := u.Scheme + "://" + u.Host; base != p.h.Server || u.Path != path || at.Status != status {
		p.t.Fatalf("%s: is at %s (status %d, %q), want %s%s (status %d)", p.name, redacted(at.URL), at.Status, at.H1, p.h.Server, path, status)
	}
	return at
}

// sees checks the page's own kind on the emulator.
func (p *tab) sees(at page, kind string) page {
	p.t.Helper()
	if !strings.HasPrefix(at.URL, p.h.WeChat) || at.Kind != kind {
		p.t.Fatalf("%s: is at %s (status %d, %q), want the emulator's page %q", p.name, redacted(at.URL), at.Status, at.H1, kind)
	}
	return at
}

// reads checks that the page says all of these.
func (p *tab) reads(at page, words ...string) {
	p.t.Helper()
	for _, w := range words {
		if !strings.Contains(at.Text, w) {
			p.t.Errorf("%s: the page %q does not say %q; it says:\n%s", p.name, at.H1, w, at.Text)
		}
	}
}

// redacted is an address without what a log should not keep.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that does not parse"
	}
	for _, secret := range []string{"/i/", "/setup/"} {
		if strings.HasPrefix(u.Path, secret) {
			return u.Scheme + "://" + u.Host + secret + "…"
		}
	}
	return u.Scheme + "://" + u.Host + u.Path
}
