package doctor

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
)

// Verdict says how a check came out.
type Verdict string

// The verdicts, from the best to the worst.
const (
	OK      Verdict = "ok"
	Unknown Verdict = "unknown" // it could not be found out
	Warning Verdict = "warning" // it works, and will not for ever, or not always
	Wrong   Verdict = "wrong"   // it does not work
)

// rank orders verdicts for lists: the worst first.
var rank = map[Verdict]int{Wrong: 0, Warning: 1, Unknown: 2, OK: 3}

// Fact is one thing that was looked at and what was seen: a number, a time, an id.
type Fact struct {
	Name  string `json:"name"` // of a fixed set, e.g. "newest_ticket"
	Value string `json:"value"`
}

// Finding is what a check found.
type Finding struct {
	Check   string  // name of the check, e.g. "address"
	Subject string  // what it is about: "server", "app:…", "shop:…"
	Verdict Verdict // see the verdicts
	// House marks what is the operator's alone: a merchant does not see it.
	House bool
	Cause notice.Text
	Proof []Fact
	Next  notice.Text
	Page  string // where to do it: an absolute URL, or a path of ours; may be empty
	// ErrCode is WeChat's, 0 when none was involved.
	ErrCode int
}

// text makes a text, which has no full stop: pages and lists end it as they must.
func text(en, zh string) notice.Text { return notice.Text{EN: en, ZH: zh} }

// nothing is the next step of what is well.
var nothing = text("nothing to do", "无需处理")

// fine makes a finding that all is well.
func fine(cause notice.Text, proof ...Fact) Finding {
	return Finding{Verdict: OK, Cause: cause, Proof: proof, Next: nothing}
}

// ill makes a finding of something to do.
func ill(v Verdict, cause, next notice.Text, page string, proof ...Fact) Finding {
	return Finding{Verdict: v, Cause: cause, Next: next, Page: page, Proof: proof}
}

// fact makes a Fact of a text.
func fact(name, value string) Fact { return Fact{Name: name, Value: value} }

// count makes a Fact of a number.
func count[N int | int64](name string, n N) Fact {
	return fact(name, strconv.FormatInt(int64(n), 10))
}

// moment makes a Fact of a time; "never" for none.
func moment(name string, t time.Time) Fact {
	if t.IsZero() {
		return fact(name, "never")
	}
	return fact(name, t.UTC().Format(time.RFC3339))
}

// span makes a Fact of a length of time.
func span(name string, d time.Duration) Fact { return fact(name, d.Round(time.Millisecond).String()) }

// sortFindings puts the worst first, and keeps the order of the checks otherwise.
func sortFindings(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(rank[a.Verdict], rank[b.Verdict]) })
}

// Report is what an examination found.
type Report struct {
	At       time.Time
	Took     time.Duration
	Asked    int // calls to WeChat; what was remembered costs none
	Findings []Finding
}

// Worst is the verdict of the whole.
func (r Report) Worst() Verdict {
	worst := OK
	for _, f := range r.Findings {
		if rank[f.Verdict] < rank[worst] {
			worst = f.Verdict
		}
	}
	return worst
}

// Count counts the findings of a verdict.
func (r Report) Count(v Verdict) int {
	n := 0
	for _, f := range r.Findings {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// ForMerchant is the report without what is the operator's alone.
func (r Report) ForMerchant() Report {
	r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.House })
	return r
}
