package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong, where it stands, and what to do.
type Problem struct {
	File    string // file, "environment variable NAME", "flag --name", or empty for a default
	Line    int    // in File; 0 if there is none
	Setting string // e.g. "tls.acme.email"; empty for the file as a whole
	What    string
	Remedy  string
}

// String gives one line: place, setting, what is wrong, what to do.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(cmp.Or(p.File, "default"))
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Setting != "" {
		b.WriteString(p.Setting + " ")
	}
	b.WriteString(p.What + "; " + p.Remedy)
	return b.String()
}

// Problems is every problem that was found, in the order of the file.
type Problems []Problem

// Error lists the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, 0, len(ps)+1)
	lines = append(lines, fmt.Sprintf("config: %d problem(s) to mend:", len(ps)))
	for _, p := range ps {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

// err gives the problems as an error in a readable order, or nil.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return ps
}

// place is where a setting was written.
type place struct {
	file string
	line int
}

// report collects problems and knows where each setting was written.
type report struct {
	file     string
	places   map[string]place
	broken   map[string]bool // settings that could not be read
	problems Problems
}

func newReport(file string) *report {
	return &report{file: file, places: map[string]place{}, broken: map[string]bool{}}
}

// at notes a problem at a line of the file.
func (r *report) at(line int, setting, what, remedy string) {
	r.problems = append(r.problems, Problem{r.file, line, setting, what, remedy})
}

// unreadable notes a setting whose text does not have the right form.
func (r *report) unreadable(line int, setting, what, remedy string) {
	r.at(line, setting, what, remedy)
	r.broken[setting] = true
}

// bad notes a problem of a setting, wherever it was written. A setting that
// was not written is placed at the section around it. Of a setting that could
// not be read, nothing more is said.
func (r *report) bad(setting, what, remedy string) {
	for s := setting; s != ""; s = outer(s) {
		if r.broken[s] {
			return
		}
	}
	p := r.placeOf(setting)
	r.problems = append(r.problems, Problem{p.file, p.line, setting, what, remedy})
}

// want notes a problem unless ok.
func (r *report) want(ok bool, setting, what, remedy string) bool {
	if !ok {
		r.bad(setting, what, remedy)
	}
	return ok
}

func (r *report) placeOf(setting string) place {
	for s := setting; s != ""; s = outer(s) {
		if p, ok := r.places[s]; ok {
			return p
		}
	}
	return place{}
}

// outer gives the setting around a setting: "a.b[1]", "a.b", "a", "".
func outer(setting string) string {
	return setting[:max(0, strings.LastIndexAny(setting, ".["))]
}
