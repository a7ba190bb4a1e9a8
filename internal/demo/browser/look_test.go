package browser

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// journal keeps what a tab's browser complained of and where it asked.
type journal struct {
	mu        sync.Mutex
	problems  []complaint
	requests  []string // all, in order
	documents []string // those among them that were to become a page
}

// complaint is an entry of the browser's log. URL may be empty.
type complaint struct{ Kind, Text, URL string }

// hear takes an event. It must be quick: the tab waits.
func (j *journal) hear(ev any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		j.problems = append(j.problems, complaint{"exception", ev.ExceptionDetails.Text, ev.ExceptionDetails.URL})
	case *runtime.EventConsoleAPICalled:
		j.problems = append(j.problems, complaint{"console", string(ev.Type), ""})
	case *log.EventEntryAdded:
		if e := ev.Entry; e.Level == log.EntryLevelError || e.Level == log.EntryLevelWarning {
			j.problems = append(j.problems, complaint{string(e.Source), e.Text, e.URL})
		}
	case *audits.EventIssueAdded:
		j.problems = append(j.problems, complaint{Kind: "issue", Text: string(ev.Issue.Code)})
	case *network.EventRequestWillBeSent:
		j.requests = append(j.requests, ev.Request.URL)
		if ev.Type == network.ResourceTypeDocument {
			j.documents = append(j.documents, ev.Request.URL)
		}
	}
}

// take gives the complaints since the last time.
func (j *journal) take() []complaint {
	j.mu.Lock()
	defer j.mu.Unlock()
	taken := j.problems
	j.problems = nil
	return taken
}

// visited gives the addresses that the tab went to, since the nth.
func (j *journal) visited(n int) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.documents[n:]...)
}

// asked gives all requests so far.
func (j *journal) asked() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.requests...)
}

// anatomy is how a page is made.
type anatomy struct {
	Lang       string   `json:"lang"`
	Headings   int      `json:"headings"`
	Unlabelled []string `json:"unlabelled"`
	Nameless   []string `json:"nameless"`
	Doubled    []string `json:"doubled"`
	Scripts    int      `json:"scripts"`
	Width      int      `json:"width"`
	Inner      int      `json:"inner"`
	Wide       []string `json:"wide"`
	Own        string   `json:"own"` // text of the page in its own language
}

const readAnatomy = `(() => {
	const all = s => [...document.querySelectorAll(s)], html = e => e.outerHTML.slice(0, 160);
	const ids = all('[id]').map(e => e.id), root = document.documentElement;
	const foreign = all('main [lang]').map(e => e.innerText), text = document.querySelector('main')?.innerText ?? '';
	return {
		lang: root.lang, headings: all('h1').length, scripts: document.scripts.length,
		unlabelled: all('input:not([type=hidden]), select, textarea').filter(e => !e.labels?.length && !e.ariaLabel).map(html),
		nameless: all('a, button').filter(e => !e.innerText.trim() && !e.ariaLabel).map(html),
		doubled: ids.filter((id, i) => ids.indexOf(id) !== i),
		width: root.scrollWidth, inner: innerWidth,
		wide: all('body *').filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.table, .scroll')).map(html).slice(0, 3),
		own: foreign.reduce((s, f) => s.replace(f, ''), text),
	};
})()`

// look checks the page that the tab shows, and keeps its picture.
func (p *tab) look(name string) {
	p.t.Helper()
	for _, fault := range p.faults(name) {
		p.t.Errorf("%s: %s: %s", p.name, name, fault)
	}
}

// faults looks at the page on a phone and on a PC, and hears what the browser
// had to say.
func (p *tab) faults(name string) []string {
	p.t.Helper()
	at := p.now()
	p.h.number++
	var found []string
	for _, width := range []int64{phoneWidth, pcWidth} {
		p.do("set the width", chromedp.EmulateViewport(width, heightOf(width)))
		a := must[anatomy](p, readAnatomy)
		if a.Width > int(width) || a.Inner != int(width) {
			found = append(found, fmt.Sprintf("%d px wide in a window of %d px: %s", a.Width, width, a.Wide))
		}
		p.picture(fmt.Sprintf("%02d-%s-%s-%d.png", p.h.number, p.name, name, width))
		if width == pcWidth {
			found = append(found, a.faults(strings.HasPrefix(at.URL, p.h.Server))...)
		}
	}
	p.do("set the width", chromedp.EmulateViewport(p.width, heightOf(p.width)))
	return append(found, p.heard.faults()...)
}

var (
	han      = regexp.MustCompile(`\p{Han}`)
	hanMarks = regexp.MustCompile(`[，。：；？！]`)
)

// faults says what is wrong with how a page is made. The emulator's pages speak
// both languages at once; ours speak the one they name.
func (a anatomy) faults(ours bool) []string {
	var found []string
	fault := func(bad bool, format string, args ...any) {
		if bad {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	fault(a.Lang != "zh-CN" && a.Lang != "en", "the language is %q", a.Lang)
	fault(ours && a.Lang == "zh-CN" && !han.MatchString(a.Own), "not in Chinese: %s", a.Own)
	fault(ours && a.Lang == "en" && hanMarks.MatchString(a.Own), "not all in English: %s", a.Own)
	fault(a.Headings != 1, "%d h1, want one", a.Headings)
	fault(len(a.Unlabelled) > 0, "fields without a label: %q", a.Unlabelled)
	fault(len(a.Nameless) > 0, "buttons or links without a name: %q", a.Nameless)
	fault(len(a.Doubled) > 0, "ids that come twice: %q", a.Doubled)
	fault(a.Scripts > 0, "%d scripts", a.Scripts)
	return found
}

// faults gives what the browser logged since the last time, and everybody whom
// it asked and should not have.
func (j *journal) faults() []string {
	var found []string
	for _, c := range j.take() {
		// Chromium logs each page whose status is an error. The story knows.
		if address, _, _ := strings.Cut(c.URL, "#"); c.Kind == "network" && slices.Contains(j.visited(0), address) {
			continue
		}
		found = append(found, fmt.Sprintf("the browser said %s: %s (%s)", c.Kind, c.Text, redacted(c.URL)))
	}
	for _, r := range j.asked() {
		if u, err := url.Parse(r); err != nil || u.Scheme != "data" && u.Hostname() != "127.0.0.1" {
			found = append(found, "the browser asked "+r)
		}
	}
	return found
}

// heardNothing is look for a page whose looks were checked before.
func (p *tab) heardNothing(name string) {
	p.t.Helper()
	for _, fault := range p.heard.faults() {
		p.t.Errorf("%s: %s: %s", p.name, name, fault)
	}
}

// pictureDir is where pictures are kept; empty if nobody will look at them.
func pictureDir(t *testing.T) string {
	if dir := os.Getenv("ZHANGGUI_SCREENSHOTS"); dir != "" {
		return filepath.Join(dir, t.Name())
	}
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return t.ArtifactDir()
	}
	return ""
}

// picture keeps a screenshot for people to look at.
func (p *tab) picture(file string) {
	p.t.Helper()
	dir := pictureDir(p.t)
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("%s: picture %s: %v", p.name, file, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), png, 0o600); err != nil {
		p.t.Fatal(err)
	}
}
