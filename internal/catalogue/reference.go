package catalogue

import (
	"fmt"
	"strconv"
	"strings"
)

// Reference gives the catalogue as Markdown, a table for each group and one for the
// paths that are granted by name, for the guide.
func (c *Catalogue) Reference() string {
	var b strings.Builder
	c.section(&b, "By name only", "资金与个人信息，按名称单独授权", "")
	for _, g := range groups {
		c.section(&b, "`"+g.Name+"` "+g.EN, g.ZH, g.Name)
	}
	return b.String()
}

func (c *Catalogue) section(b *strings.Builder, en, zh, group string) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| path | | what | sets | |\n|---|---|---|---|---|\n", en, zh)
	for _, e := range c.all {
		if e.Group == group {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", e.link(), e.access(), e.ZH, e.needs(), strings.Join(e.marks(), ", "))
		}
	}
}

// link is the path, leading to its page.
func (e *Endpoint) link() string {
	if e.Page == "" {
		return "`" + e.Path + "`"
	}
	return "[`" + e.Path + "`](https://developers.weixin.qq.com/" + e.Page + ")"
}

func (e *Endpoint) access() string {
	if e.Writes {
		return "write"
	}
	return "read"
}

// needs says which permission sets a platform needs one of.
func (e *Endpoint) needs() string {
	if !e.Known {
		return "?"
	}
	var ids []string
	for _, id := range e.Sets {
		ids = append(ids, strconv.FormatInt(id, 10))
	}
	return strings.Join(ids, ", ")
}

func (e *Endpoint) marks() []string {
	var marks []string
	for _, m := range []struct {
		is   bool
		word string
	}{{e.Money, "money"}, {e.Personal, "personal"}, {e.Repeatable && e.Writes, "repeatable"}, {e.Platform == No, "no platform"}} {
		if m.is {
			marks = append(marks, m.word)
		}
	}
	return marks
}
