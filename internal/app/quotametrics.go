package app

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zhanggui/zhanggui/internal/quota"
)

// quotaMeter shows the ledgers when somebody looks, by group of the path: the label
// must not grow with shops.
type quotaMeter struct {
	book      *quota.Book
	label     func(path string) string
	now       func() time.Time
	left, dry *prometheus.Desc
}

func (m *meters) watchQuota(b *quota.Book, label func(string) string, now func() time.Time) {
	m.registry.MustRegister(&quotaMeter{book: b, label: label, now: now,
		left: prometheus.NewDesc("zhanggui_quota_left_ratio",
			"What is left of WeChat's daily quota, of the ledger (shop and path) of the group that has the least left.", []string{"group"}, nil),
		dry: prometheus.NewDesc("zhanggui_quota_dry_seconds",
			"Time until the first ledger of the group runs dry at the rate of the last hour; infinite: none does today.", []string{"group"}, nil),
	})
}

// Describe implements prometheus.Collector.
func (q *quotaMeter) Describe(out chan<- *prometheus.Desc) {
	out <- q.left
	out <- q.dry
}

// Collect implements prometheus.Collector.
func (q *quotaMeter) Collect(out chan<- prometheus.Metric) {
	now := q.now()
	left, dry := map[string]float64{}, map[string]float64{}
	for _, s := range q.book.All(now) {
		if s.Limit <= 0 {
			continue
		}
		group, in := q.label(s.Path), math.Inf(1)
		if !s.Dry.IsZero() {
			in = max(0, s.Dry.Sub(now).Seconds())
		}
		least(left, group, float64(s.Left)/float64(s.Limit))
		least(dry, group, in)
	}
	for desc, values := range map[*prometheus.Desc]map[string]float64{q.left: left, q.dry: dry} {
		for group, v := range values {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, group)
		}
	}
}

func least(values map[string]float64, group string, v float64) {
	if old, ok := values[group]; !ok || v < old {
		values[group] = v
	}
}
