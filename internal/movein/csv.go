package movein

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// csv reads a line of names and then accounts.
func (g *gather) csv(in *bufio.Reader) error {
	head, _ := in.Peek(4096)
	r := csv.NewReader(in)
	r.Comma = separator(head)
	r.ReuseRecord, r.FieldsPerRecord = true, -1
	names, err := r.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty; give one with a line of names and one account a line")
	}
	if err != nil {
		return csvError(err)
	}
	columns, err := columnsOf(names)
	if err != nil {
		return err
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(err)
		}
		g.add(rowOf(pickColumns(record, columns)))
	}
}

// separator is whichever of the usual three the first line has.
func separator(head []byte) rune {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	for _, c := range "\t;," {
		if bytes.ContainsRune(line, c) {
			return c
		}
	}
	return ','
}

// columnsOf says which field each column is.
func columnsOf(names []string) ([]string, error) {
	columns, has := make([]string, len(names)), map[string]bool{}
	for i, n := range names {
		columns[i] = fieldOf(n)
		if columns[i] != "" && has[columns[i]] {
			return nil, fmt.Errorf("two columns are the %s; leave one out", columns[i])
		}
		has[columns[i]] = true
	}
	if !has["appid"] || !has["token"] {
		return nil, errors.New("the first line does not name the columns appid and refresh_token; put it there")
	}
	return columns, nil
}

func pickColumns(record, columns []string) map[string]string {
	named := map[string]string{}
	for i, text := range record {
		if i < len(columns) && columns[i] != "" {
			named[columns[i]] = strings.Clone(strings.TrimSpace(text))
		}
	}
	return named
}

// csvError keeps the place of an error and drops everything else.
func csvError(err error) error {
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d: %w; mend the quotes there", p.Line, p.Err)
	}
	return fmt.Errorf("read the file: %w", err)
}
