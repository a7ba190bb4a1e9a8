package app

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/zhanggui/zhanggui/internal/alert"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// What is shipped for watching.
const (
	prometheusDir = "../../deploy/prometheus"
	dashboardFile = "../../deploy/grafana/zhanggui.json"
	runbooksDir   = "../../docs/operate/runbooks"
	runbooksURL   = "https://github.com/zhanggui/zhanggui/blob/main/docs/operate/runbooks/"
)

// promRule is one rule of Prometheus.
type promRule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func promRules(t *testing.T) (all []promRule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []promRule } }
	readYAML(t, filepath.Join(prometheusDir, "rules.yml"), &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("there are %d rules", len(all))
	}
	return all
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// promtool runs a check of Prometheus's own.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatalf("%v; run make deps", err)
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestPrometheusRules: promtool takes the rules, and each alert fires in one of its
// tests and does not in another.
func TestPrometheusRules(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", filepath.Join(prometheusDir, "rules.yml"))
	promtool(t, "test", "rules", filepath.Join(prometheusDir, "rules_test.yml"))
	var file struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string
				ExpAlerts []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, filepath.Join(prometheusDir, "rules_test.yml"), &file)
	fires := map[bool]map[string]bool{true: {}, false: {}}
	for _, x := range file.Tests {
		for _, a := range x.AlertRuleTest {
			fires[len(a.ExpAlerts) > 0][a.Alertname] = true
		}
	}
	for _, r := range promRules(t) {
		if r.Alert != "" && (!fires[true][r.Alert] || !fires[false][r.Alert]) {
			t.Errorf("%s has no test in which it fires, or none in which it does not", r.Alert)
		}
	}
}

// TestPrometheusAlertsFit: alerts of Prometheus say what the server says of the same
// kind, and lead to its page. What lasts has one; its severity is that of the rule.
func TestPrometheusAlertsFit(t *testing.T) {
	t.Parallel()
	rules, told := alert.Defaults(), map[string]bool{}
	for _, r := range promRules(t) {
		if r.Alert == "" {
			continue
		}
		kind := r.Labels["notice"]
		told[kind] = true
		if want := runbooksURL + kind + ".md"; r.Annotations["runbook_url"] != want {
			t.Errorf("%s leads to %s, want %s", r.Alert, r.Annotations["runbook_url"], want)
		}
		if _, err := os.Stat(filepath.Join(runbooksDir, kind+".md")); err != nil {
			t.Errorf("%s: %v", r.Alert, err)
		}
		if r.Annotations["summary"] == "" || r.Annotations["summary_zh"] == "" {
			t.Errorf("%s is not told in both languages", r.Alert)
		}
		rule, known := rules[notice.Kind(kind)]
		if !known && !slices.Contains(unseen, kind) {
			t.Errorf("%s is about %q, which nothing tells of", r.Alert, kind)
		}
		// What is only the sign of a cause, such as figures that are old, may matter less.
		if known && r.Labels["severity"] != string(rule.Severity) && r.Alert != "ZhangguiFiguresOld" {
			t.Errorf("%s is %s, and %s is %s", r.Alert, r.Labels["severity"], kind, rule.Severity)
		}
	}
	for kind, rule := range rules {
		if !rule.Event && !rule.Recovery && !told[string(kind)] {
			t.Errorf("no rule of Prometheus tells of %s", kind)
		}
	}
}

// unseen is what only somebody else can tell of a server.
var unseen = []string{"server.gone"}

// TestRunbooks: every kind that humans are told of has a page, and every page a kind.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile(filepath.Join(runbooksDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, kind := range unseen {
		want[kind] = true
	}
	for kind, rule := range alert.Defaults() {
		if !rule.Recovery && kind != notice.Test {
			want[string(kind)] = true
		}
	}
	pages, err := filepath.Glob(filepath.Join(runbooksDir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		kind := strings.TrimSuffix(filepath.Base(path), ".md")
		if kind == "README" {
			continue
		}
		if !want[kind] {
			t.Errorf("%s is about nothing that is told", path)
		}
		delete(want, kind)
		checkRunbook(t, path, kind)
		if !strings.Contains(string(index), "]("+kind+".md)") {
			t.Errorf("the list of runbooks does not lead to %s", kind)
		}
	}
	for kind := range want {
		t.Errorf("%s has no runbook", kind)
	}
}

var runbookSections = []string{"What it means", "What works meanwhile", "Look", "Do", "Over"}

// checkRunbook holds a page to its form, and the metrics that it names to what there is.
func checkRunbook(t *testing.T, path, kind string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, part := range strings.Split(string(b), "\n## ")[1:] {
		title, text, _ := strings.Cut(part, "\n")
		sections = append(sections, title)
		if strings.TrimSpace(text) == "" {
			t.Errorf("%s: the section %q is empty", path, title)
		}
	}
	if !slices.Equal(sections, runbookSections) {
		t.Errorf("%s has the sections %q, want %q", path, sections, runbookSections)
	}
	if !strings.Contains(string(b), "\n`"+kind+"`\n") {
		t.Errorf("%s does not name its kind", path)
	}
}

// TestShippedMetrics: rules, dashboard and pages name metrics and labels that there are.
func TestShippedMetrics(t *testing.T) {
	t.Parallel()
	all := everyMetric(t)
	recorded := map[string]bool{}
	for _, r := range promRules(t) {
		recorded[r.Record] = true
	}
	for _, r := range promRules(t) {
		checkExpr(t, all, recorded, r.Record+r.Alert, r.Expr)
	}
	for _, p := range dashboard(t).Panels {
		for _, x := range p.Targets {
			checkExpr(t, all, recorded, p.Title, x.Expr)
		}
	}
	pages, err := filepath.Glob("../../docs/operate/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(runbooksDir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(pages, more...) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range codeSpan.FindAllStringSubmatch(string(b), -1) {
			if strings.HasPrefix(span[1], "zhanggui_") {
				checkExpr(t, all, recorded, path, span[1])
			}
		}
	}
}

var (
	codeSpan   = regexp.MustCompile("`([^`\n]+)`")
	metricUse  = regexp.MustCompile(`[a-z_:]*zhanggui_[a-z_:0-9]+(?:\{[^}]*\})?`)
	matcher    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	byLabels   = regexp.MustCompile(`by \(([^)]*)\)`)
	ofEveryOne = []string{"job", "instance", "le"}
)

func checkExpr(t *testing.T, all map[string]metric, recorded map[string]bool, where, expr string) {
	t.Helper()
	labels := slices.Clone(ofEveryOne)
	for _, use := range metricUse.FindAllString(expr, -1) {
		name, match, _ := strings.Cut(use, "{")
		own := slices.Clone(ofEveryOne)
		if recorded[name] {
			level, _, _ := strings.Cut(name, ":")
			own = append(own, strings.Split(level, "_")...)
		} else {
			m, ok := all[name]
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				if base, cut := strings.CutSuffix(name, suffix); !ok && cut {
					m, ok = all[base]
					ok = ok && (m.histogram || histograms[base])
				}
			}
			if !ok {
				t.Errorf("%s: there is no metric %s", where, name)
			}
			own = append(own, m.labels...)
		}
		for _, m := range matcher.FindAllStringSubmatch(match, -1) {
			if !slices.Contains(own, m[1]) {
				t.Errorf("%s: %s has no label %s", where, name, m[1])
			}
		}
		labels = append(labels, own...)
	}
	for _, by := range byLabels.FindAllStringSubmatch(expr, -1) {
		for l := range strings.SplitSeq(by[1], ",") {
			if l = strings.TrimSpace(l); !slices.Contains(labels, l) {
				t.Errorf("%s: nothing in %s has a label %s", where, expr, l)
			}
		}
	}
}

// grid is where a panel lies.
type grid struct{ H, W, X, Y int }

// dashboardModel is what is read of a dashboard.
type dashboardModel struct {
	UID           string
	Title         string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type string }
	}
	Panels []struct {
		ID         int
		Type       string
		Title      string
		GridPos    grid
		Datasource struct{ Type, UID string }
		Targets    []struct{ RefID, Expr string }
	}
}

func dashboard(t *testing.T) (d dashboardModel) {
	t.Helper()
	b, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 20 {
		t.Fatalf("the dashboard has %d panels", len(d.Panels))
	}
	return d
}

// TestDashboard: ids are unique, nothing overlaps, everything asks the datasource that
// the viewer chose, titles are in both languages, and Prometheus reads each expression.
func TestDashboard(t *testing.T) {
	t.Parallel()
	d := dashboard(t)
	if d.UID == "" || d.Title == "" || d.SchemaVersion == 0 || d.Templating.List[0].Type != "datasource" {
		t.Errorf("the dashboard is %q %q, schema %d, variables %v", d.UID, d.Title, d.SchemaVersion, d.Templating.List)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID < 1 {
			t.Errorf("%s has the id %d of another", p.Title, p.ID)
		}
		ids[p.ID] = true
		if !bothLanguages(p.Title) {
			t.Errorf("the title %q is not in both languages", p.Title)
		}
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s lies at %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.Type != "prometheus" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%s asks %+v for %d things", p.Title, p.Datasource, len(p.Targets))
		}
		for i, x := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "1m", "$job", "zhanggui", "$instance", ".*").Replace(x.Expr)
			fmt.Fprintf(&rules, "      - record: panel%d:zhanggui:%d\n        expr: %q\n", p.ID, i, expr)
		}
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

func bothLanguages(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 'A' && r <= 'z' }) && strings.ContainsFunc(s, func(r rune) bool { return r >= 0x4e00 && r <= 0x9fff })
}
