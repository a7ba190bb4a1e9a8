package audit

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table writes entries as CSV for people who read them in a spreadsheet. It proves
// nothing: an [Export] does. Make it with [NewTable].
type Table struct{ w *csv.Writer }

// NewTable writes the first row.
func NewTable(w io.Writer) (*Table, error) {
	t := &Table{csv.NewWriter(w)}
	return t, t.write("seq", "at", "actor", "action", "subject", "outcome", "reason", "count", "details")
}

// Entry writes an entry. One that cannot be read is written with its number and a
// word about it.
func (t *Table) Entry(r Record) error {
	seq := strconv.FormatInt(r.Seq, 10)
	e, err := Decode(r.Data)
	if err != nil {
		return t.write(seq, "", "", "unreadable", "", "", "", "", "")
	}
	return t.write(seq, e.At.UTC().Format(headTimeLayout), strings.TrimSpace(e.Actor.Kind+" "+e.Actor.ID), e.Action, e.Subject,
		string(e.Outcome), e.Reason, strconv.FormatInt(max(e.Count, 1), 10), details(e.Details))
}

// Close writes what is left.
func (t *Table) Close() error {
	t.w.Flush()
	if err := t.w.Error(); err != nil {
		return fmt.Errorf("audit: write a table: %w", err)
	}
	return nil
}

func (t *Table) write(cells ...string) error {
	for i, c := range cells {
		cells[i] = Cell(c)
	}
	if err := t.w.Write(cells); err != nil {
		return fmt.Errorf("audit: write a table: %w", err)
	}
	return nil
}

// Cell gives a text as it is put in a cell of a CSV: behind an apostrophe if a
// spreadsheet would compute it. Full-width signs count, because spreadsheets of Chinese
// and Japanese systems read them as the others; so do tabs and ends of lines, behind
// which a sign may follow.
func Cell(text string) string {
	first, _ := utf8.DecodeRuneInString(text)
	if text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + text
	}
	return text
}

func details(m map[string]string) string {
	all := make([]string, 0, len(m))
	for k, v := range m {
		all = append(all, k+"="+strings.ReplaceAll(v, "\n", " / "))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}
