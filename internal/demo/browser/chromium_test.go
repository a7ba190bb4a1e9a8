package browser

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/zhanggui/zhanggui/internal/demo"
)

// storyTime bounds one story altogether, patience one wait in it. On an idle
// machine a story takes about ten seconds.
const (
	storyTime = 2 * time.Minute
	patience  = 15 * time.Second
)

// Widths at which pages are looked at, in CSS pixels.
const (
	phoneWidth = 390
	pcWidth    = 1280
)

// house is one story: a stage, and a browser that makes profiles.
type house struct {
	t *testing.T
	*demo.Stage
	ctx    context.Context // of the browser
	number int             // of the last picture
}

// enter sets the stage and starts Chromium. Both end with the test, which runs
// beside the other stories.
func enter(t *testing.T) *house {
	t.Helper()
	return enterOn(t, demo.Open)
}

// enterOn is enter for a stage of one's own.
func enterOn(t *testing.T, open func(context.Context) (*demo.Stage, error)) *house {
	t.Helper()
	t.Parallel()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("there is no chromium; `make deps` installs it: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), storyTime)
	t.Cleanup(cancel)
	stage, err := open(ctx)
	if err != nil {
		t.Fatalf("set the stage: %v", err)
	}
	t.Cleanup(func() {
		if err := stage.Close(); err != nil {
			t.Errorf("close the stage: %v", err)
		}
	})
	alloc, stop := chromedp.NewExecAllocator(ctx, flags(t, path)...)
	t.Cleanup(stop)
	first, end := chromedp.NewContext(alloc)
	t.Cleanup(end)
	if err := chromedp.Do(first); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return &house{t: t, Stage: stage, ctx: first}
}

// flags keep Chromium to this machine: what it asks of others by itself would
// be found among the requests.
func flags(t *testing.T, path string) []chromedp.ExecAllocatorOption {
	list := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	list = append(list, chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU)
	for _, name := range []string{"disable-quic", "disable-component-update", "disable-sync", "no-first-run", "disable-background-networking"} {
		list = append(list, chromedp.Flag(name, true))
	}
	return append(list, chromedp.Flag("accept-lang", "zh-CN"))
}

// profile is a new person's browser: no cookies, no history.
func (h *house) profile(name string, width int64) *tab {
	h.t.Helper()
	return h.tab(h.ctx, name, width, chromedp.WithNewBrowserContext())
}

// tab opens one more tab beside p, with the same cookies.
func (p *tab) tab(name string) *tab {
	p.t.Helper()
	return p.h.tab(p.ctx, name, p.width)
}

func (h *house) tab(parent context.Context, name string, width int64, how ...chromedp.ContextOption) *tab {
	h.t.Helper()
	p := &tab{t: h.t, h: h, name: name, width: width}
	ctx, cancel := chromedp.NewContext(parent, append(how, chromedp.WithListener(p.heard.hear))...)
	h.t.Cleanup(cancel)
	p.ctx = ctx
	err := chromedp.Do(ctx, chromedp.EmulateViewport(width, heightOf(width)), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, audits.Enable, cdp.Empty{}); err != nil {
			return err
		}
		// Without it only one tab of the machine would have the keyboard.
		if _, err := cdp.Call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	if err != nil {
		h.t.Fatalf("open a tab for %s: %v", name, err)
	}
	return p
}

func heightOf(width int64) int64 {
	if width == phoneWidth {
		return 844
	}
	return 800
}
