package ui

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"rsc.io/qr"
)

// inLanguage gives a context as inside of a page.
func inLanguage(t *testing.T, lang string) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), contextKey{}, speaker{newUI(t), lang})
}

func render(t *testing.T, lang string, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(inLanguage(t, lang), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFieldHasItsLabelAndItsProblem(t *testing.T) {
	got := render(t, "en", Field(FieldInfo{Name: "code", Label: "Four digits", Value: `"x`, Hint: "see the phone", Required: true, MaxLength: 4}))
	for _, want := range []string{`<label for="f-code">Four digits`, `<small class="required">required</small>`, `id="f-code"`, `name="code"`, `type="text"`,
		`value="&#34;x"`, `autocomplete="off"`, `maxlength="4"`, ` required`, `aria-describedby="f-code-hint"`, `<small id="f-code-hint">see the phone</small>`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	got = render(t, "en", Field(FieldInfo{Name: "code", Label: "L", Type: "password", Autocomplete: "current-password", Hint: "h", Problem: "too short"}))
	for _, want := range []string{`aria-invalid="true"`, `<small id="f-code-hint" class="problem">too short</small>`, `type="password"`, `autocomplete="current-password"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

func TestAlertsInterruptOnlyForProblems(t *testing.T) {
	for kind, want := range map[AlertKind]string{AlertProblem: `role="alert"`, AlertWarn: `role="status"`, AlertDone: `role="status"`, AlertInfo: `role="status"`} {
		if got := render(t, "en", Alert(kind)); !strings.Contains(got, want) || !strings.Contains(got, `class="alert `+string(kind)) {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

func TestTableIsLabelled(t *testing.T) {
	got := render(t, "zh-CN", Table("店铺", "名称", "状态"))
	for _, want := range []string{"<caption>店铺</caption>", `<th scope="col">名称</th>`, `role="region"`, `aria-label="店铺"`, `tabindex="0"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if got := render(t, "zh-CN", EmptyRow(2)); !strings.Contains(got, `colspan="2"`) || !strings.Contains(got, "暂无内容") {
		t.Errorf("empty row %s", got)
	}
	if got := render(t, "en", Row("a", "<b>")); got != "<tr><td>a</td><td>&lt;b&gt;</td></tr>" {
		t.Errorf("row %s", got)
	}
}

var bar = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

func TestQRDrawsTheCode(t *testing.T) {
	const text = "https://keys.example.com/i/zgi_EXAMPLE"
	svg := render(t, "en", QR(text))
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	dark := map[[2]int]bool{}
	for _, m := range bar.FindAllStringSubmatch(svg, -1) {
		var n [3]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+1])
		}
		for x := range n[2] {
			dark[[2]int{n[0] + x, n[1]}] = true
		}
	}
	size := code.Size + 8
	for y := range size {
		for x := range size {
			if want := code.Black(x-4, y-4); dark[[2]int{x, y}] != want {
				t.Fatalf("module %d,%d is %v", x, y, !want)
			}
		}
	}
	for _, want := range []string{fmt.Sprintf(`viewBox="0 0 %d %d"`, size, size), `role="img"`, `aria-label="QR code"`} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestTimeAgo(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration][2]string{
		0:                             {"just now", "刚刚"},
		59 * time.Second:              {"just now", "刚刚"},
		time.Minute:                   {"1 minute ago", "1 分钟前"},
		119 * time.Minute:             {"119 minutes ago", "119 分钟前"},
		2 * time.Hour:                 {"2 hours ago", "2 小时前"},
		47*time.Hour + 59*time.Minute: {"47 hours ago", "47 小时前"},
		48 * time.Hour:                {"2 days ago", "2 天前"},
		-90 * time.Second:             {"in 1 minute", "1 分钟后"},
		-3 * time.Hour:                {"in 3 hours", "3 小时后"},
		-30 * 24 * time.Hour:          {"in 30 days", "30 天后"},
	} {
		for i, lang := range []string{"en", "zh-CN"} {
			got := render(t, lang, TimeAgo(now.Add(-d), now))
			if !strings.Contains(got, ">"+want[i]+"</time>") {
				t.Errorf("%s in %s: %s", d, lang, got)
			}
		}
	}
	if got := render(t, "en", TimeAgo(time.Time{}, now)); got != "<span>never</span>" {
		t.Errorf("zero time: %s", got)
	}
	if got := render(t, "en", TimeAgo(now.In(time.FixedZone("", 8*3600)), now)); !strings.Contains(got, `datetime="2026-11-22T08:00:00Z"`) || !strings.Contains(got, `title="2026-11-22 16:00:00 +08:00"`) {
		t.Errorf("exact time: %s", got)
	}
}

// token finds colour tokens of one scheme.
var token = regexp.MustCompile(`(--[a-z-]+): (#[0-9a-f]{3,6});`)

func TestColoursHaveContrast(t *testing.T) {
	light, dark, ok := strings.Cut(ownCSS, "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("no dark scheme")
	}
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]string{}
		for _, m := range token.FindAllStringSubmatch(css, -1) {
			colours[m[1]] = m[2]
		}
		for _, pair := range [][2]string{
			{"--zg-muted", "--zg-page"}, {"--zg-muted", "--zg-card"}, {"--zg-problem", "--zg-card"}, {"--zg-problem", "--zg-page"}, {"--zg-warn", "--zg-card"}, {"--zg-done", "--zg-card"},
			{"--pico-primary", "--zg-page"}, {"--pico-primary", "--zg-card"}, {"--pico-primary-inverse", "--pico-primary-background"}, {"--pico-primary-inverse", "--pico-primary-hover-background"},
		} {
			a, b := luminance(t, colours[pair[0]]), luminance(t, colours[pair[1]])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("%s: %s on %s has contrast %.2f, 4.5 is needed", scheme, pair[0], pair[1], ratio)
			}
		}
	}
}

// luminance follows WCAG 2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	hex = strings.TrimPrefix(hex, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 24)
	if err != nil || len(hex) != 6 {
		t.Fatalf("colour %q: %v", hex, err)
	}
	linear := func(c uint64) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(n>>16) + 0.7152*linear(n>>8) + 0.0722*linear(n)
}
