package app

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"net/http"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/bundle"
)

const (
	// supportWithin bounds each part of a bundle, so that one that hangs is left out
	// and the rest is there.
	supportWithin = 15 * time.Second
	// supportEntries of the audit log are summed up, and supportLines of them shown.
	supportEntries = 2000
	supportLines   = 200
	// supportAlerts is how many open alerts a bundle shows.
	supportAlerts = 500
)

// processBegan is when this process started, nearly.
var processBegan = time.Now()

// support makes bundles for whoever helps.
type support struct{ *App }

// Bundle implements adminapi.Support. That it was made is on record before anything is
// handed out.
func (s support) Bundle(ctx context.Context, by audit.Actor, w io.Writer) error {
	e := audit.Entry{At: s.o.Now(), Actor: by, Action: "support.bundle", Subject: "server", Outcome: audit.Done}
	if err := s.store.Append(ctx, e); err != nil {
		return err
	}
	_, err := s.contents(ctx).Write(w)
	return err
}

// contents reads every part. What cannot be read is missing, and says so.
func (s support) contents(ctx context.Context) bundle.Contents {
	c := bundle.Contents{Made: s.o.Now(), Missing: map[string]bundle.Word{}, Settings: s.settings()}
	ready := s.readiness(ctx)
	c.Readiness = bundle.Readiness{Ready: ready.Ready, Degraded: append([]string{}, ready.Degraded...)}
	for name, read := range map[string]func(context.Context, *bundle.Contents) error{
		"program.json": s.program, "counts.json": s.counts, "doctor.json": s.findings, "alerts.json": s.alerting,
		"audit.json": s.audited, "metrics.txt": s.measured, "goroutines.txt": s.stacks,
	} {
		within, cancel := context.WithTimeout(ctx, supportWithin)
		if err := read(within, &c); err != nil {
			c.Missing[name] = "it could not be read"
			s.o.Log.Warn("a part of a support bundle is missing", "part", name, "error", err)
		}
		cancel()
	}
	return c
}

func (s support) settings() (all []bundle.Setting) {
	for _, x := range s.o.Config.Outline() {
		all = append(all, bundle.Setting(x))
	}
	return all
}

func (s support) program(ctx context.Context, c *bundle.Contents) (err error) {
	c.Program = bundle.Program{Version: s.o.Version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Database: "sqlite", Started: processBegan.UTC(), CPUs: runtime.GOMAXPROCS(0)}
	if s.replica != nil {
		c.Program.Database = "postgres"
	}
	c.Program.Schema, err = s.store.SchemaVersion(ctx)
	return err
}

func (s support) counts(ctx context.Context, c *bundle.Contents) (err error) {
	for _, step := range []func() error{
		func() error { return count(ctx, s.store.Tenants, &c.Counts.Tenants) },
		func() error { return count(ctx, s.store.Shops, &c.Counts.Shops) },
		func() error { return count(ctx, s.store.Apps, &c.Counts.Apps) },
		func() error { return count(ctx, s.store.Clients, &c.Counts.Clients) },
		func() error { return count(ctx, s.store.Admins, &c.Counts.Admins) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	grants, err := s.store.CountGrants(ctx, s.o.Now())
	if err != nil {
		return err
	}
	type key struct{ kind, state string }
	sums := map[key]int64{}
	for _, g := range grants {
		sums[key{string(g.Kind), string(g.State)}] += g.N
	}
	for _, k := range slices.SortedFunc(maps.Keys(sums), func(a, b key) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.state, b.state)) }) {
		c.Counts.Grants = append(c.Counts.Grants, bundle.GrantCount{Kind: bundle.Word(k.kind), State: bundle.Word(k.state), N: sums[k]})
	}
	sessions, err := s.store.CountSessions(ctx, s.o.Now())
	for _, x := range sessions {
		c.Counts.Sessions = append(c.Counts.Sessions, bundle.DoorCount{Door: bundle.Word(x.Door), N: x.N})
	}
	return err
}

// count tells how many a list has.
func count[T any](ctx context.Context, list func(context.Context) ([]T, error), n *int) error {
	all, err := list(ctx)
	*n = len(all)
	return err
}

func (s support) findings(ctx context.Context, c *bundle.Contents) error {
	report, err := s.doctor.Examine(ctx, "")
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		x := bundle.Finding{Check: bundle.Word(f.Check), Subject: bundle.Word(f.Subject), Verdict: bundle.Word(f.Verdict),
			Cause: f.Cause.EN, Next: f.Next.EN, ErrCode: f.ErrCode}
		for _, p := range f.Proof {
			x.Proof = append(x.Proof, bundle.Fact{Name: bundle.Word(p.Name), Value: p.Value})
		}
		c.Findings = append(c.Findings, x)
	}
	return nil
}

func (s support) alerting(ctx context.Context, c *bundle.Contents) error {
	open, err := s.store.AlertsBefore(ctx, true, 0, supportAlerts)
	for _, a := range open {
		c.Alerts = append(c.Alerts, bundle.Alert{Kind: bundle.Word(a.Kind), State: bundle.Word(a.State), Severity: bundle.Word(a.Severity),
			Opened: a.Opened.UTC(), Last: a.LastAt.UTC(), Count: a.Count, Members: a.Members})
	}
	return err
}

// audited sums up the newest entries, and shows the last of them without who and whom.
func (s support) audited(ctx context.Context, c *bundle.Contents) error {
	size, _, err := s.store.AuditHead(ctx)
	if err != nil {
		return err
	}
	c.Audit.Size = size
	sums := map[bundle.ActionStat]int{}
	for after := max(size-supportEntries, 0) - 1; ; {
		records, err := s.store.AuditEntries(ctx, after, supportLines)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			after = r.Seq
			line, err := lineOf(r)
			if err != nil {
				return err
			}
			sums[bundle.ActionStat{Action: line.Action, Outcome: line.Outcome, Reason: line.Reason}]++
			c.Audit.Newest = append(c.Audit.Newest, line)
		}
	}
	c.Audit.Newest = c.Audit.Newest[max(0, len(c.Audit.Newest)-supportLines):]
	for stat, n := range sums {
		stat.N = n
		c.Audit.Actions = append(c.Audit.Actions, stat)
	}
	slices.SortFunc(c.Audit.Actions, func(a, b bundle.ActionStat) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Reason, b.Reason))
	})
	return nil
}

func lineOf(r audit.Record) (bundle.Line, error) {
	e, err := audit.Decode(r.Data)
	return bundle.Line{Seq: r.Seq, At: e.At, Actor: bundle.Word(e.Actor.Kind), Action: bundle.Word(e.Action), Outcome: bundle.Word(e.Outcome), Reason: bundle.Word(e.Reason)}, err
}

// measured asks for the metrics as Prometheus does.
func (s support) measured(ctx context.Context, c *bundle.Contents) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/metrics", http.NoBody)
	if err != nil {
		return err
	}
	w := page{header: http.Header{}}
	s.metrics.Handler().ServeHTTP(&w, r)
	c.Metrics = w.Bytes()
	return nil
}

// page keeps what a handler writes.
type page struct {
	bytes.Buffer
	header http.Header
}

// Header implements http.ResponseWriter.
func (p *page) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *page) WriteHeader(int) {}

// stacks counts the goroutines by what they do; arguments are not in that form.
func (s support) stacks(_ context.Context, c *bundle.Contents) error {
	var b bytes.Buffer
	err := pprof.Lookup("goroutine").WriteTo(&b, 1)
	c.Goroutines = b.Bytes()
	return err
}
