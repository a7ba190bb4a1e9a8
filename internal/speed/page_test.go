package speed

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// update makes the benchmarks write what they measured into the page.
var update = flag.Bool("update", false, "write the figures into docs/perf; run it with -bench and nothing else")

// The page, and what is drawn and written from the figures.
const (
	pageFile    = "gateway.md"
	chartFile   = "gateway.svg"
	figuresFile = "gateway.json"
	tableStart  = "<!-- figures -->\n"
	tableEnd    = "<!-- end of figures -->"
)

// figure is what one case came to: medians of the rounds' ratios, server over bare.
type figure struct {
	Case   string  `json:"case"`
	What   string  `json:"what"`
	Bare   float64 `json:"bare"`   // µs
	Server float64 `json:"server"` // µs
	Ratio  float64 `json:"ratio"`
	Wanted float64 `json:"wanted"`
}

// The things that are measured.
const (
	whatSpeed = "calls a second"
	whatCPU   = "CPU time of a call"
	whatP50   = "added time, median"
	whatP99   = "added time, 99th percentile"
)

// measured are the figures of this run.
var measured []figure

func (f figure) report(b *testing.B) {
	name := strings.NewReplacer(" ", "-", ",", "").Replace(f.What)
	b.ReportMetric(f.Ratio, name+"-ratio")
	if f.Bare > 0 {
		b.ReportMetric(f.Bare, name+"-bare-µs")
		b.ReportMetric(f.Server, name+"-server-µs")
	}
	measured = append(measured, f)
}

// docs is where the page is.
func docs(name string) string { return filepath.Join("..", "..", "docs", "perf", name) }

// writePages writes the pages of what was measured.
func writePages() error {
	if len(measured) > 0 {
		if err := writePage(); err != nil {
			return err
		}
	}
	if len(asked) > 0 {
		return writeAuthPage()
	}
	return nil
}

// writePage writes this run's figures, and the page from them.
func writePage() error {
	raw, err := json.MarshalIndent(measured, "", "\t")
	if err != nil {
		return err
	}
	page, err := os.ReadFile(docs(pageFile))
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		figuresFile: string(raw) + "\n", chartFile: chart(measured), pageFile: withTable(string(page), table(measured)),
	} {
		if err := os.WriteFile(docs(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// withTable puts a table between the marks.
func withTable(page, table string) string {
	before, rest, _ := strings.Cut(page, tableStart)
	_, after, _ := strings.Cut(rest, tableEnd)
	return before + tableStart + table + tableEnd + after
}

func table(all []figure) string {
	var b strings.Builder
	b.WriteString("| case | what | bare proxy | server | ratio | wanted |\n|---|---|--:|--:|--:|--:|\n")
	for _, f := range all {
		bare, server, sign := "", "", "≤"
		if f.Bare > 0 {
			bare, server = fmt.Sprintf("%.0f µs", f.Bare), fmt.Sprintf("%.0f µs", f.Server)
		}
		if f.What == whatSpeed {
			sign = "≥"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %.2f | %s %.2f |\n", f.Case, f.What, bare, server, f.Ratio, sign, f.Wanted)
	}
	return b.String()
}

// chart draws the ratios as bars, with a line where both are alike.
func chart(all []figure) string {
	const row, left, unit, most = 22, 330, 200, 2.0
	var b strings.Builder
	height := row*len(all) + 50
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="780" height="%d" font-family="sans-serif" font-size="12">`+"\n", height)
	fmt.Fprintf(&b, `<rect width="780" height="%d" fill="#fff"/>`+"\n", height)
	b.WriteString(`<text x="10" y="20" font-size="14">the server against a bare ReverseProxy; 1 is alike</text>` + "\n")
	for i, f := range all {
		y := 35 + i*row
		color := "#b35c44"
		if f.What == whatSpeed {
			color = "#44749d"
		}
		width := min(f.Ratio, most) * unit
		fmt.Fprintf(&b, `<text x="10" y="%d">%s: %s</text>`+"\n", y+12, f.Case, f.What)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.0f" height="14" fill="%s"/>`+"\n", left, y, width, color)
		fmt.Fprintf(&b, `<text x="%.0f" y="%d">%.2f</text>`+"\n", left+width+5, y+12, f.Ratio)
	}
	fmt.Fprintf(&b, `<line x1="%d" y1="28" x2="%d" y2="%d" stroke="#333" stroke-dasharray="3 3"/>`+"\n</svg>\n", left+unit, left+unit, height-10)
	return b.String()
}

// TestThePageShowsTheFigures: table and chart are those of the figures beside them.
func TestThePageShowsTheFigures(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(docs(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var all []figure
	if err := json.Unmarshal([]byte(read(figuresFile)), &all); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{whatSpeed, whatCPU, whatP50, whatP99} {
		if !slices.ContainsFunc(all, func(f figure) bool { return f.What == what && f.Ratio > 0 }) {
			t.Errorf("no figure for %s", what)
		}
	}
	if page := read(pageFile); withTable(page, table(all)) != page {
		t.Error("the table is not that of the figures; write all with: go test -run '^$' -bench . -benchtime 20x ./internal/speed -update")
	}
	if chart(all) != read(chartFile) {
		t.Error("the chart is not that of the figures; write all with: go test -run '^$' -bench . -benchtime 20x ./internal/speed -update")
	}
}
