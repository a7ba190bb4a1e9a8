package web

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentence begins a clause with a capital and ends it with stop ("." or "。"),
// if it does not end so. WeChat's explanations are clauses.
func Sentence(clause, stop string) string {
	if clause == "" {
		return clause
	}
	first, n := utf8.DecodeRuneInString(clause)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(clause[n:], stop) + stop
}
