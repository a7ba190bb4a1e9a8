package app

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/standby"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
)

var updateMetrics = flag.Bool("update-metrics", false, "write the table of docs/operate/metrics.md")

// metricsPage tells operators of every metric.
const metricsPage = "../../docs/operate/metrics.md"

// mostSeries is what a server may have in all, whatever is in its store.
const mostSeries = 3000

// labelSets are how many values each label takes at most, of one metric or of all. A
// new label needs a line here, and a set that has an end.
var labelSets = map[string]int{
	"group": len(catalogue.Groups()) + 2, "class": len(callClasses) + 3, "via": 3,
	"kind": 4, "zhanggui_refreshes_total.result": 32, "state": 6, "left": len(sqlstore.TokenLeft), "door": 7,
	"zhanggui_logins_total.result": 3, "zhanggui_settle_seconds.result": 2,
	"outcome": 4, "reason": 12, // together: taken and seen have two, refused those of package push
	"room": 13, "zhanggui_http_requests_total.class": 6, "code": 300,
	"zhanggui_store_seconds.class": 10,
	"channel":                      mostLabels + 1, "result": 3, "decision": 2,
	"zhanggui_alerts.kind": 30, "zhanggui_alerts.state": 2,
	"version": 1, "revision": 1, "goversion": 1,
}

// buckets are how many series a histogram has for each value of its labels, those of
// the default buckets if it is not named here.
var buckets = map[string]int{"zhanggui_store_seconds": 15, "zhanggui_http_request_duration_seconds": 18}

// histograms are those with labels, which show what they are only when they are used.
var histograms = map[string]bool{
	"zhanggui_refresh_seconds": true, "zhanggui_settle_seconds": true, "zhanggui_gateway_seconds": true, "zhanggui_push_seconds": true,
	"zhanggui_store_seconds": true, "zhanggui_http_request_duration_seconds": true,
}

// otherSeries is what the runtime, the process and the scrape itself add.
const otherSeries = 90

// metric is what a collector says of one of its metrics.
type metric struct {
	name, help string
	labels     []string
	histogram  bool
}

var descForm = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "(.*?)"(?:, unit: "[^"]*")?, constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}\}$`)

// describe gives what a registry has of ours, by name.
func describe(t *testing.T, r *prometheus.Registry) map[string]metric {
	t.Helper()
	descs := make(chan *prometheus.Desc, 1000)
	r.Describe(descs)
	close(descs)
	all := map[string]metric{}
	for d := range descs {
		m := descForm.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("a metric is described as %s", d)
		}
		if !strings.HasPrefix(m[1], "zhanggui_") {
			continue
		}
		x := metric{name: m[1], help: m[2]}
		for pair := range strings.SplitSeq(m[3]+","+m[4], ",") {
			if name, _, _ := strings.Cut(pair, "="); name != "" {
				x.labels = append(x.labels, name)
			}
		}
		all[x.name] = x
	}
	return all
}

// everyMetric gives all metrics that a server can have: of one on SQLite, and what a
// replica adds.
func everyMetric(t *testing.T) map[string]metric {
	t.Helper()
	c, err := config.Load(config.Source{Flags: map[string]string{"data": t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), Options{Config: *c, Version: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() //nolint:errcheck // what matters is over
	families, err := a.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	(&replica{file: &standby.File{}}).meter(a.metrics.Registry) // it can be described, not asked
	all := describe(t, a.metrics.Registry)
	for _, f := range families {
		if m := all[f.GetName()]; f.GetType() == dto.MetricType_HISTOGRAM && m.name != "" {
			m.histogram = true
			all[m.name] = m
		}
	}
	return all
}

// most is how many series a metric can have.
func (m metric) most(t *testing.T) int {
	t.Helper()
	n := 1
	for _, l := range m.labels {
		values := cmp.Or(labelSets[m.name+"."+l], labelSets[l])
		if values == 0 {
			t.Errorf("the label %s of %s has no set of values; say in labelSets how many it takes", l, m.name)
		}
		n *= values
	}
	if m.histogram || histograms[m.name] {
		n *= cmp.Or(buckets[m.name], len(prometheus.DefBuckets)+3)
	}
	return n
}

// TestSeriesAreBounded: with every value of every label used, there are not more.
func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	total := otherSeries
	for _, m := range everyMetric(t) {
		total += m.most(t)
	}
	t.Logf("%d series at most", total)
	if total > mostSeries {
		t.Errorf("there can be %d series, want %d at most; give a label fewer values, or split a metric", total, mostSeries)
	}
}

// TestMetricsPage: the page names every metric as the server describes it.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	all := everyMetric(t)
	var b strings.Builder
	b.WriteString("| metric | labels | series at most | meaning |\n|---|---|--:|---|\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		fmt.Fprintf(&b, "| `%s` | %s | %d | %s |\n", name, strings.Join(m.labels, ", "), m.most(t), strings.ReplaceAll(m.help, "|", "\\|"))
	}
	page, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "<!-- metrics -->\n", "<!-- end of metrics -->"
	before, rest, ok := strings.Cut(string(page), from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", metricsPage)
	}
	want := before + from + b.String() + to + after
	if *updateMetrics {
		if err := os.WriteFile(metricsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(page) {
		t.Errorf("%s does not show the server's metrics; write it with: go test ./internal/app -run TestMetricsPage -update-metrics", metricsPage)
	}
}
