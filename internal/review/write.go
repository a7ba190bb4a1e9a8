package review

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// JSON writes a report as [ReadFile] reads it.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// ErrNotTheReport is a file that is not the report that its digest names.
var ErrNotTheReport = errors.New("review: the file is not the report that its digest names; somebody changed it, or another version wrote it")

// ReadFile reads what [Report.JSON] wrote, and finds [ErrNotTheReport] if it was
// changed since.
func ReadFile(b []byte) (Report, error) {
	var r Report
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Report{}, fmt.Errorf("review: the file is no report: %w; make one with zhanggui review --format json", err)
	}
	if r.sum() != r.Digest || !r.is(b) {
		return Report{}, ErrNotTheReport
	}
	return r, nil
}

// is tells whether a file says what the report says, however it is indented, and nothing
// else: of a name that comes twice one reader sees the first value and another the last.
func (r Report) is(file []byte) bool {
	var plain bytes.Buffer
	if json.Compact(&plain, file) != nil {
		return false
	}
	for _, escape := range []bool{false, true} { // as the command writes it, and as the server answers
		var again bytes.Buffer
		e := json.NewEncoder(&again)
		e.SetEscapeHTML(escape)
		if e.Encode(r) == nil && bytes.Equal(bytes.TrimSpace(again.Bytes()), plain.Bytes()) {
			return true
		}
	}
	return false
}

// byteOrderMark tells Excel that a file is UTF-8: without it, Excel of a Chinese
// Windows reads GBK, and every name is a riddle. Programs read the JSON.
const byteOrderMark = "\ufeff"

// columns are the heads of the CSV.
var columns = []string{"section", "id", "who", "where", "may", "since", "until", "used", "why", "remove"}

// CSV writes a report for spreadsheets, in UTF-8 with a byte order mark. Cells that a
// spreadsheet would compute stand behind an apostrophe. The last row holds the digest.
func (r Report) CSV(w io.Writer) error {
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	rows := [][]string{columns}
	for _, s := range r.Sections {
		for _, l := range s.Lines {
			rows = append(rows, []string{s.Name, l.ID, l.Who, l.Where, l.May, l.Since, l.Until, l.Used, l.sentences(), l.Remove})
		}
	}
	for _, k := range r.Credentials {
		rows = append(rows, []string{"credentials", k.Kind, k.Who.EN, "", k.Rotates, "", "", "", k.How.EN, k.Page})
	}
	rows = append(rows, []string{"digest", r.Digest, "", r.Scope, "", r.At.UTC().Format(time.RFC3339), "", "", "", ""})
	for _, row := range rows {
		for i := range row {
			row[i] = audit.Cell(row[i])
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// sentences are the reasons of a line in English.
func (l Line) sentences() string {
	var all []string
	for _, why := range l.Why {
		all = append(all, why.Words().EN)
	}
	return strings.Join(all, "; ")
}

// titles of the sections, for the text.
var titles = map[string]string{
	"staff": "Staff of the provider", "members": "People with a role", "invitations": "Open invitations", "clients": "Programs with a key",
	"rights": "Rights that were not used", "grants": "Authorisations", "sets": "Permission sets that nothing needs", "secrets": "AppSecrets",
	"keys": "Keys of this server", "sessions": "Old logins", "hosts": "Protected hosts", "programs": "Programs that people are logged into",
}

// Text writes a report for people: what stands out alone, or all of it.
func (r Report) Text(w io.Writer, all bool) error {
	lines, marked := r.Lines()
	var b bytes.Buffer
	fmt.Fprintf(&b, "Who may do what: %s, %s\n%d lines, %d stand out\ndigest %s\n", r.Scope, r.At.UTC().Format(time.RFC3339), lines, marked, r.Digest)
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n%s: %d, %d stand out\n", titles[s.Name], len(s.Lines), s.Marked())
		for _, l := range s.Lines {
			if all || len(l.Why) > 0 {
				l.text(&b)
			}
		}
	}
	b.WriteString("\nWhat can be rotated\n")
	for _, k := range r.Credentials {
		fmt.Fprintf(&b, "  %-26s %-8s %s: %s\n", k.Kind, k.Rotates, k.Who.EN, k.How.EN)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// text writes one line of a report, with why and what to do below it.
func (l Line) text(b *bytes.Buffer) {
	parts := slices.DeleteFunc([]string{l.ID, l.Who, l.Where, l.May}, func(s string) bool { return s == "" })
	b.WriteString("  " + strings.Join(parts, "  "))
	for _, d := range []struct{ word, day string }{{"since", l.Since}, {"until", l.Until}, {"used", l.Used}} {
		if d.day != "" {
			b.WriteString("  " + d.word + " " + d.day)
		}
	}
	b.WriteString("\n")
	for _, why := range l.Why {
		b.WriteString("    ! " + why.Words().EN + "\n")
	}
	if len(l.Why) > 0 && l.Remove != "" {
		b.WriteString("    " + l.Remove + "\n")
	}
}
