package catalogue

import (
	"bufio"
	"bytes"
	_ "embed" // the file of endpoints
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed endpoints.tsv
var embedded []byte

// Default gives the catalogue that this program was built with.
var Default = sync.OnceValue(func() *Catalogue {
	endpoints, err := parse("endpoints.tsv", bytes.NewReader(embedded))
	if err != nil {
		panic(err) // the tests read the same file
	}
	return build(endpoints)
})

// Overlay gives a catalogue in which the endpoints of a file stand beside those
// of c, and in place of those with the same path. The file has the form of the
// embedded one: a line with the names of the columns, then one line for each path, with
// tabs between the columns. Empty lines and lines that begin with # are left out.
//
//	path         WeChat's, from the first slash
//	method       GET, POST, or - when the page does not say
//	group        one of Groups, or - for a path that is granted by name only
//	access       read or write
//	name_zh      WeChat's names
//	name_en
//	sets         permission sets with commas; - for none, any, or ? for not known
//	third_party  yes, no or ?
//	flags        money, personal, repeat with commas, or -
//	page         of the documentation, or -
//
// name stands in errors, with the number of the line. An endpoint cannot open
// what is closed for everybody.
func (c *Catalogue) Overlay(name string, r io.Reader) (*Catalogue, error) {
	more, err := parse(name, r)
	if err != nil {
		return nil, err
	}
	return build(append(slices.Clone(c.all), more...)), nil
}

// The columns, in their order.
var columns = []string{"path", "method", "group", "access", "name_zh", "name_en", "sets", "third_party", "flags", "page"}

// maxLine and maxEndpoints bound what is read.
const (
	maxLine      = 4 << 10
	maxEndpoints = 10_000
)

func parse(name string, r io.Reader) ([]*Endpoint, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var all []*Endpoint
	seen := map[string]int{}
	for n := 1; lines.Scan(); n++ {
		e, err := parseLine(n, lines.Text())
		if err != nil {
			return nil, fmt.Errorf("catalogue: %s:%d: %w", name, n, err)
		}
		if e == nil {
			continue
		}
		if first := seen[key(e.Path)]; first > 0 {
			return nil, fmt.Errorf("catalogue: %s:%d: the path is listed in line %d already; keep one of them", name, n, first)
		}
		if len(all) == maxEndpoints {
			return nil, fmt.Errorf("catalogue: %s:%d: more than %d paths; shorten the file", name, n, maxEndpoints)
		}
		seen[key(e.Path)] = n
		all = append(all, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("catalogue: read %s; lines have at most %d bytes: %w", name, maxLine, err)
	}
	return all, nil
}

// parseLine reads one line; nil for one that names no path.
func parseLine(n int, line string) (*Endpoint, error) {
	line = strings.TrimSuffix(line, "\r")
	if n == 1 {
		if line != strings.Join(columns, "\t") {
			return nil, fmt.Errorf("the first line does not name the columns; write %s with tabs between", strings.Join(columns, " "))
		}
		return nil, nil
	}
	if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
		return nil, nil
	}
	col := strings.Split(line, "\t")
	if len(col) != len(columns) {
		return nil, fmt.Errorf("there are %d columns instead of %d; put one tab between columns, and - where there is nothing to say", len(col), len(columns))
	}
	e := &Endpoint{Path: strings.ToLower(col[0]), ZH: orEmpty(col[4]), EN: orEmpty(col[5]), Page: orEmpty(col[9])}
	for i, read := range []func(*Endpoint, string) error{readPath, readMethod, readGroup, readAccess, readName, readName, readSets, readPlatform, readFlags, readPage} {
		if err := read(e, col[i]); err != nil {
			return nil, fmt.Errorf("%s %w", columns[i], err)
		}
	}
	return e, nil
}

// remedy is a problem of a column: what to write there.
type remedy string

// Error implements error.
func (r remedy) Error() string { return string(r) }

func orEmpty(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

func readPath(e *Endpoint, s string) error {
	rest, ok := strings.CutPrefix(s, "/")
	if !ok || len(s) > maxPath {
		return remedy("is not a path; write it from the first slash, without host and query")
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if !plain(segment) {
			return remedy("has odd parts; write plain segments of letters, digits, '-' and '_' between single slashes")
		}
	}
	return nil
}

func plain(s string) bool {
	for i := range len(s) {
		b := s[i]
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '-') {
			return false
		}
	}
	return s != ""
}

func readMethod(e *Endpoint, s string) error {
	if s != "GET" && s != "POST" && s != "-" {
		return remedy("is no method of WeChat's; write GET, POST or -")
	}
	e.Method = orEmpty(s)
	return nil
}

func readGroup(e *Endpoint, s string) error {
	if s == "-" {
		return nil
	}
	bit, ok := groupBit(s)
	if !ok {
		return remedy("is not known; write one of " + strings.Join(Grantable(), ", ") + ", or - for a path that is granted by name only")
	}
	e.Group, e.bit = groups[bitIndex(bit)].Name, bit
	return nil
}

// readAccess keeps whether the path writes.
func readAccess(e *Endpoint, s string) error {
	if s != "read" && s != "write" {
		return remedy("is neither; write read or write")
	}
	e.Writes = s == "write"
	return nil
}

// maxName bounds a name in bytes.
const maxName = 256

func readName(_ *Endpoint, s string) error {
	if s == "" || len(s) > maxName || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return remedy("is not a name; write at most 256 bytes of one line, or -")
	}
	return nil
}

// anySet is how the pages say that whatever was granted is enough.
const anySet = "any"

func readSets(e *Endpoint, s string) error {
	switch s {
	case "?":
		return nil
	case "-", anySet:
		e.Known = true
		return nil
	}
	for text := range strings.SplitSeq(s, ",") {
		id, err := strconv.ParseInt(text, 10, 32)
		if err != nil || id <= 0 {
			return remedy("are not permission sets; write numbers with commas, -, any or ?")
		}
		e.Sets = append(e.Sets, id)
	}
	slices.Sort(e.Sets)
	e.Sets, e.Known = slices.Compact(e.Sets), true
	return nil
}

func readPlatform(e *Endpoint, s string) error {
	switch s {
	case "yes", "no":
		e.Platform = Answer(s)
	case "?":
	default:
		return remedy("is no answer; write yes, no or ?")
	}
	return nil
}

func readFlags(e *Endpoint, s string) error {
	if s == "-" {
		return nil
	}
	for flag := range strings.SplitSeq(s, ",") {
		switch flag {
		case "money":
			e.Money = true
		case "personal":
			e.Personal = true
		case "repeat":
			e.Repeatable = true
		default:
			return remedy("are not known; write money, personal and repeat with commas, or -")
		}
	}
	return nil
}

func readPage(e *Endpoint, s string) error {
	if strings.Contains(s, "://") {
		return remedy("has a scheme; write what follows developers.weixin.qq.com/, or -")
	}
	return readName(e, s)
}
