package scale

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cost is what something took: by the clock, and of the processor in each
// part.
type cost struct{ took, server, database, emulator time.Duration }

func (c *cost) add(d cost) {
	c.took, c.server, c.database, c.emulator = c.took+d.took, c.server+d.server, c.database+d.database, c.emulator+d.emulator
}

func (c cost) minus(d cost) cost {
	return cost{c.took - d.took, c.server - d.server, c.database - d.database, c.emulator - d.emulator}
}

// report gives the processor time of each refresh.
func (c cost) report(b *testing.B, refreshes int) {
	for unit, d := range map[string]time.Duration{
		"server-µs": c.server, "database-µs": c.database, "emulator-µs": c.emulator,
	} {
		b.ReportMetric(float64(d.Microseconds())/float64(refreshes), unit)
	}
	b.ReportMetric(0, "ns/op")
}

// since is when this process began to measure.
var since = time.Now()

// spent is what was used up to now. SQLite works inside the server.
func (w *world) spent(e *emulator) cost {
	w.tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		w.tb.Fatal(err)
	}
	return cost{
		took: time.Since(since), server: time.Duration(u.Utime.Nano() + u.Stime.Nano()),
		database: w.databaseTime(), emulator: processTime(e.cmd.Process.Pid, nil),
	}
}

// databaseTime is the processor time of the PostgreSQL server and all its
// processes.
func (w *world) databaseTime() time.Duration {
	w.tb.Helper()
	if w.url.IsZero() {
		return 0
	}
	u, err := url.Parse(w.url.RevealString())
	if err != nil {
		w.tb.Fatal("the database's URL cannot be read")
	}
	pidFile, err := os.ReadFile(filepath.Join(u.Query().Get("host"), "data", "postmaster.pid"))
	if err != nil {
		w.tb.Fatal(err)
	}
	first, _, _ := strings.Cut(string(pidFile), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		w.tb.Fatal(err)
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		w.tb.Fatal(err)
	}
	var sum time.Duration
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil {
			sum += processTime(pid, func(parent int) bool { return pid == postmaster || parent == postmaster })
		}
	}
	return sum
}

// processTime is the processor time of a process and of its children that
// ended, if its parent is wanted; see proc(5). A process that is gone has none.
func processTime(pid int, wanted func(parent int) bool) time.Duration {
	const tick = time.Second / 100
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // behind the name
	fields := strings.Fields(rest)
	if parent, err := strconv.Atoi(fields[1]); err != nil || wanted != nil && !wanted(parent) {
		return 0
	}
	var ticks time.Duration
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.Atoi(f)
		if err == nil {
			ticks += time.Duration(n)
		}
	}
	return ticks * tick
}
