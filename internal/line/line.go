// Package line makes one line of what strangers wrote: names of people and shops, what
// WeChat answered, what somebody pasted. Whoever shows such a text cannot know where it
// ends up, a terminal, a page or a message of WeChat's, so that nothing is left in it
// that any of them would obey. It keeps no state.
package line

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Of gives a text as one line that reads as it is. Every white space, ends of lines
// too, becomes a space, and none stands at the ends. What has no form of its own is
// left out: controls, marks that turn the direction of writing or have no width, parts
// of characters that are no UTF-8, and U+FFFD, which stands for them.
//
// What was left out no longer parts what stood around it: a word that was broken by
// such a mark is found again by whoever looks for it.
func Of(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s))
}

// cutSign stands where something was cut off.
const cutSign = "…"

// Cut gives at most n characters of a text, the sign that there were more among them.
func Cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return strings.TrimRight(string(r[:max(n-1, 0)]), " ") + cutSign
}
