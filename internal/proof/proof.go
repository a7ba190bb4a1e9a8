package proof

import (
	"fmt"
	"slices"
)

// Finding is something that is not as the story tells it.
type Finding struct {
	Step string `json:"step"` // the name of the step, as in steps.json
	What string `json:"what"`
}

// Report is what a check found. A story that holds has all steps in Held, and
// nothing else.
type Report struct {
	Held     []string  `json:"held"`               // steps that were played and have no finding
	Findings []Finding `json:"findings,omitempty"` // in the order of the steps
	Unplayed []string  `json:"unplayed,omitempty"` // steps that the story did not finish
}

// OK tells whether every step was played and holds.
func (r Report) OK() bool { return len(r.Findings) == 0 && len(r.Unplayed) == 0 }

// Of gives what was found of one step.
func (r Report) Of(step string) []string {
	var all []string
	for _, f := range r.Findings {
		if f.Step == step {
			all = append(all, f.What)
		}
	}
	return all
}

// steps are the story in its order, each with what must follow from it.
var steps = []struct {
	name  string
	check func(*checker)
}{
	{"app registered", (*checker).registered},
	{"callback domain proven", (*checker).domainProven},
	{"owner authorised", (*checker).ownerAuthorised},
	{"tokens sealed", (*checker).tokensSealed},
	{"token refreshed by the keeper without anybody asking", (*checker).refreshed},
	{"shop API called through the gateway", (*checker).called},
	{"owner logged in silently", (*checker).silent},
	{"refused user turned away", (*checker).refused},
	{"reused code turned away", (*checker).reused},
	{"foreign state turned away", (*checker).foreign},
	{"snapshot user turned away", (*checker).snapshot},
	{"authorisation revoked and calls refused", (*checker).revoked},
	{"audit log verified", (*checker).auditVerified},
}

// Steps gives the names of the steps in their order.
func Steps() []string {
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = s.name
	}
	return names
}

// checker looks at one step.
type checker struct {
	*evidence
	step   string
	report *Report
}

// find notes that something is wrong with the step.
func (c *checker) find(format string, args ...any) {
	c.report.Findings = append(c.report.Findings, Finding{c.step, fmt.Sprintf(format, args...)})
}

// Check judges the story that was left in dir. Of a story that stopped early it
// judges the steps that were finished. The error says that the evidence could
// not be read; what is wrong with the story is in the Report.
func Check(dir string) (Report, error) {
	e, err := gather(dir)
	if err != nil {
		return Report{}, fmt.Errorf("proof: %w", err)
	}
	var r Report
	for _, s := range steps {
		if !slices.Contains(e.told, s.name) {
			r.Unplayed = append(r.Unplayed, s.name)
			continue
		}
		before := len(r.Findings)
		s.check(&checker{evidence: e, step: s.name, report: &r})
		if len(r.Findings) == before {
			r.Held = append(r.Held, s.name)
		}
	}
	return r, nil
}
