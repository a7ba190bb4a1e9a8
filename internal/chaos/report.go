package chaos

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// mostProblems is how many problems are told to people; programs get all.
const mostProblems = 40

// Print tells a report to people.
func (r *Report) Print(w io.Writer) {
	b := r.Balance
	fmt.Fprintf(w, "seed %d: %d replicas on %s, %d shops, %d people, %gs of faults (%s), well again after %.1fs\n",
		r.Seed, r.Replicas, r.Database, r.Shops, r.People, r.For, faults(r.Faults), r.Healed)
	for _, line := range []struct {
		n    int
		what string
	}{
		{b.Asked, "refreshes asked for, by the emulator's ledger"},
		{b.Due, "  due"},
		{b.Died, "  died before their time"},
		{b.Unknown, fmt.Sprintf("  recorded unknown, %d of them absent from the ledger", b.Absent)},
		{b.Renewed, "new generations kept"},
		{b.Refused, "refreshes that were answered and brought nothing"},
		{b.Late, "late sends by holders whose term was over"},
		{b.Lost, "tokens lost"},
		{b.Early, "tokens used before they were durable"},
		{b.Stale, fmt.Sprintf("stale answers, and %d by replicas that were cut off or stopped", b.StaleBlind)},
		{b.Calls, fmt.Sprintf("calls, %d failed, %d of them in the calm, %d answered for another shop", b.Failed, b.FailedCalm, b.Wrong)},
	} {
		fmt.Fprintf(w, "%8d  %s\n", line.n, line.what)
	}
	for i, p := range b.Problems {
		if i == mostProblems {
			fmt.Fprintf(w, "  and %d more\n", len(b.Problems)-i)
			break
		}
		fmt.Fprintf(w, "  PROBLEM %s\n", p)
	}
	verdict := "it does not hold"
	if b.OK() {
		verdict = "it holds"
	}
	fmt.Fprintf(w, "balance: asked %d ≤ %d due + %d died + %d unknown = %d: %s\n", b.Asked, b.Due, b.Died, b.Unknown, b.Due+b.Died+b.Unknown, verdict)
}

func faults(m map[Kind]int) string {
	var all []string
	for _, k := range slices.SortedFunc(maps.Keys(m), cmp.Compare) {
		all = append(all, fmt.Sprintf("%d %s", m[k], k))
	}
	return strings.Join(all, ", ")
}

// Sum is what came of several runs.
type Sum struct {
	Runs    int      `json:"runs"`
	Asked   int      `json:"asked"`
	Due     int      `json:"due"`
	Died    int      `json:"died"`
	Unknown int      `json:"unknown"`
	Absent  int      `json:"absent"`
	Late    int      `json:"late"`
	Lost    int      `json:"lost"`
	Stale   int      `json:"stale"`
	Calls   int      `json:"calls"`
	Broken  []uint64 `json:"broken"` // seeds of runs that do not hold
}

// Add counts one more run.
func (s *Sum) Add(r *Report) {
	b := r.Balance
	s.Runs++
	s.Asked += b.Asked
	s.Due += b.Due
	s.Died += b.Died
	s.Unknown += b.Unknown
	s.Absent += b.Absent
	s.Late += b.Late
	s.Lost += b.Lost
	s.Stale += b.Stale
	s.Calls += b.Calls
	if !b.OK() {
		s.Broken = append(s.Broken, r.Seed)
	}
}

// Print tells a sum to people.
func (s *Sum) Print(w io.Writer) {
	fmt.Fprintf(w, "sum of %d runs: asked %d ≤ %d due + %d died + %d unknown = %d (%d absent from the ledgers); %d late, %d lost, %d stale, %d calls\n",
		s.Runs, s.Asked, s.Due, s.Died, s.Unknown, s.Due+s.Died+s.Unknown, s.Absent, s.Late, s.Lost, s.Stale, s.Calls)
	if len(s.Broken) > 0 {
		fmt.Fprintf(w, "seeds that do not hold: %v\n", s.Broken)
	}
}

// PrintPlan tells what would go wrong with these settings.
func (s Settings) PrintPlan(w io.Writer) {
	p := s.Plan()
	fmt.Fprintf(w, "seed %d\n", p.Seed)
	for i, offset := range p.Offsets {
		fmt.Fprintf(w, "replica %d: its clock is off by %v\n", i, offset)
	}
	for _, f := range p.Faults {
		fmt.Fprintln(w, f)
	}
}
