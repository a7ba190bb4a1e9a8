package wechat

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Explanation is what we know about one errcode at one kind of endpoint. The
// texts are our own words.
type Explanation struct {
	Code             int
	Kind             EndpointKind // KindAny when it holds wherever no other row does
	Class            Class
	What             string // what a program does
	CauseZH, CauseEN string // why it happened
	NextZH, NextEN   string // what a human does next
}

// errcodeTable is the one place where codes are classed. A code has one row
// per set of kinds where it means something of its own.
//
//go:embed errcodes.tsv
var errcodeTable string

// rowKey finds a row.
type rowKey struct {
	kind EndpointKind
	code int
}

// errcodes parses the table once. A broken table is a broken build: the
// tests read every row.
var errcodes = sync.OnceValue(func() map[rowKey]Explanation {
	table, err := parseErrcodes(errcodeTable)
	if err != nil {
		panic(err)
	}
	return table
})

// Explain returns what code means at this kind of endpoint. Every code gets
// an answer: a code without a row is of [ClassUnknown], zero of [ClassOK].
// See developers.weixin.qq.com/doc/oplatform/developers/errCode and
// /doc/store/shop/dev_before/commErrCode for the official lists.
func Explain(kind EndpointKind, code int) Explanation {
	if e, ok := errcodes()[rowKey{kind, code}]; ok {
		return e
	}
	if e, ok := errcodes()[rowKey{KindAny, code}]; ok {
		return e
	}
	if code == 0 {
		return okExplanation
	}
	e := unknownExplanation
	e.Code, e.Kind = code, kind
	return e
}

// Errcodes returns every row, ordered by code and kind.
func Errcodes() []Explanation {
	rows := make([]Explanation, 0, len(errcodes()))
	for _, e := range errcodes() {
		rows = append(rows, e)
	}
	slices.SortFunc(rows, func(a, b Explanation) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Kind, b.Kind))
	})
	return rows
}

var okExplanation = Explanation{
	Class: ClassOK, What: ClassOK.Action(),
	CauseEN: "no error", CauseZH: "成功",
	NextEN: "nothing to do", NextZH: "无需处理",
}

var unknownExplanation = Explanation{
	Class: ClassUnknown, What: ClassUnknown.Action(),
	CauseEN: "this code is on none of the lists we know",
	CauseZH: "此错误码不在已知列表中",
	NextEN:  "delete nothing; look up the rid with rid/get and report the code",
	NextZH:  "不要删除任何授权;请用 rid/get 查询 rid 并反馈此错误码",
}

// parseErrcodes reads the table: seven columns, tab separated, # for remarks.
func parseErrcodes(text string) (map[rowKey]Explanation, error) {
	table := make(map[rowKey]Explanation)
	for number, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		rows, err := parseErrcodeRow(line)
		if err != nil {
			return nil, fmt.Errorf("errcodes.tsv:%d: %w", number+1, err)
		}
		for _, e := range rows {
			key := rowKey{e.Kind, e.Code}
			if _, twice := table[key]; twice {
				return nil, fmt.Errorf("errcodes.tsv:%d: %d at %s is there twice; keep one row", number+1, e.Code, e.Kind)
			}
			table[key] = e
		}
	}
	return table, nil
}

// parseErrcodeRow returns one explanation for each kind of the row.
func parseErrcodeRow(line string) ([]Explanation, error) {
	cols := strings.Split(line, "\t")
	if len(cols) != 7 {
		return nil, fmt.Errorf("%d columns; write 7", len(cols))
	}
	code, err := strconv.Atoi(cols[0])
	if err != nil {
		return nil, fmt.Errorf("code %q is not a number; write digits", cols[0])
	}
	class := slices.Index(classNames[:], cols[2])
	if class < 0 {
		return nil, fmt.Errorf("class %q is not known; use a name of Class", cols[2])
	}
	var rows []Explanation
	for name := range strings.SplitSeq(cols[1], ",") {
		kind := slices.Index(kindNames[:], name)
		if kind < 0 {
			return nil, fmt.Errorf("kind %q is not known; use a name of EndpointKind", name)
		}
		rows = append(rows, Explanation{
			Code: code, Kind: EndpointKind(kind), Class: Class(class), What: Class(class).Action(),
			CauseEN: cols[3], CauseZH: cols[4], NextEN: cols[5], NextZH: cols[6],
		})
	}
	return rows, nil
}
