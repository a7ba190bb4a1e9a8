package movein

import "slices"

// Report tells what became of many accounts.
type Report struct {
	Counts map[Outcome]int `json:"counts"`
	Causes map[string]int  `json:"causes,omitempty"` // of what was kept or refused
	// Skipped counts entries of a file that are not about refresh tokens.
	Skipped int      `json:"skipped,omitempty"`
	DryRun  bool     `json:"dry_run,omitempty"`
	Shops   []Result `json:"shops"`
}

// Add takes more results in.
func (r *Report) Add(results ...Result) {
	if r.Counts == nil {
		r.Counts, r.Causes = map[Outcome]int{}, map[string]int{}
	}
	for _, one := range results {
		r.Counts[one.Outcome]++
		if one.Cause != "" {
			r.Causes[one.Cause]++
		}
	}
	r.Shops = append(r.Shops, results...)
}

// Problems gives those that were refused, in their order.
func (r *Report) Problems() []Result {
	return slices.DeleteFunc(slices.Clone(r.Shops), func(one Result) bool { return one.Outcome != Refused })
}
