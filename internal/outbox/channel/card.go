package channel

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/zhanggui/zhanggui/internal/line"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Place is what a message does not hold: what things are called, and where to look.
// The names are text of strangers.
type Place struct {
	Shop    string // name of the message's shop
	Tenant  string // name of its tenant
	Console string // address of the page to look at; empty: none
	Again   string // address where an owner authorises again; empty: that mends nothing
}

const (
	maxDetails = 8
	maxAddress = 1000 // of a link; a longer one is left out
)

// card is a message in words of one language, before it is written for a place.
type card struct {
	t     *tongue
	Head  string // ours
	Facts []point
	Next  string // ours
	Links []link
	Cut   bool // something was left out
}

// point is a fact: a label of ours, and text of strangers that was cleaned and is
// not escaped.
type point struct{ Label, Text string }

// link is a label of ours and an address of ours.
type link struct{ Label, URL string }

// cards gives a message in each language of a channel.
func cards(l Language, m notice.Message, p Place) []card {
	var all []card
	for _, t := range l.spoken() {
		all = append(all, card{t: t, Head: t.head(m), Facts: t.facts(m, p), Next: t.pick(m.Notice.Kind.Words().Next), Links: t.links(m, p)})
	}
	return all
}

func (t *tongue) facts(m notice.Message, p Place) []point {
	var all []point
	add := func(label, text string) {
		if text = fact(text); text != "" {
			all = append(all, point{label, text})
		}
	}
	add(t.shop, named(p.Shop, m.Shop))
	add(t.tenant, named(p.Tenant, m.Tenant))
	add(t.about, subjects(m))
	add(t.direct, m.Direct)
	if m.Count > 1 {
		add(t.count, t.times(m.Count))
	}
	if !m.Since.IsZero() && !m.Since.Equal(m.Notice.At) {
		add(t.since, t.stamp(m.Since))
	}
	add(t.at, t.stamp(m.Notice.At))
	left := maxDetails
	for _, key := range slices.Sorted(maps.Keys(m.Notice.Details)) {
		if key == notice.DetailWas || key == "shop" || left == 0 {
			continue
		}
		left--
		add(fact(key), m.Notice.Details[key])
	}
	return all
}

// named is a name with the id behind it, which cannot be made up.
func named(name, id string) string {
	name = line.Cut(clean(name), maxFact/2)
	switch {
	case id == "" || name == id:
		return name
	case name == "":
		return id
	}
	return name + " (" + id + ")"
}

// subjects names what a message is about, with a sign when there is more.
func subjects(m notice.Message) string {
	all := m.Subjects
	if len(all) == 0 && m.Notice.Subject != "" {
		all = []string{m.Notice.Subject}
	}
	short := all[:min(len(all), 3)]
	text := strings.Join(short, ", ")
	if len(all) > len(short) {
		text += ", " + cutSign
	}
	return text
}

// links gives where to look. An owner's link comes first: it is what mends it.
func (t *tongue) links(m notice.Message, p Place) []link {
	var all []link
	for _, l := range []link{{t.again, p.Again}, {t.runbook, m.Runbook}, {t.console, p.Console}} {
		if m.Phase == notice.Over && l.Label == t.again {
			continue
		}
		if u, err := url.Parse(l.URL); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(u.String()) <= maxAddress {
			all = append(all, link{l.Label, address(u)})
		}
	}
	return all
}

// address writes a URL so that it ends where it ends, in brackets and in running
// text alike.
func address(u *url.URL) string {
	return strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "'", "%27", "*", "%2A", "|", "%7C", "[", "%5B", "]", "%5D", "`", "%60").Replace(u.String())
}

// fit shortens cards until size finds that they are within limit: facts go first,
// from the end, then links, then what to do next.
func fit(all []card, limit int, size func([]card) int) []card {
	all = slices.Clone(all)
	for size(all) > limit {
		shorter := false
		for i := range all {
			shorter = all[i].shorten() || shorter
		}
		if !shorter {
			break
		}
	}
	return all
}

// shorten leaves out the least of what is left, and tells whether there was any.
func (c *card) shorten() bool {
	switch {
	case len(c.Facts) > 0:
		c.Facts = c.Facts[:len(c.Facts)-1]
	case len(c.Links) > 0:
		c.Links = c.Links[:len(c.Links)-1]
	case c.Next != "":
		c.Next = ""
	case len(c.Head) > maxFact:
		c.Head = line.Cut(c.Head, maxFact/3)
	default:
		return false
	}
	c.Cut = true
	return true
}

// lines writes a card line by line: text writes a fact's text, and a link is what
// join makes of it.
func (c card) lines(text func(string) string, join func(link) string) []string {
	out := []string{c.Head}
	for _, p := range c.Facts {
		out = append(out, text(p.Label)+c.t.colon+text(p.Text))
	}
	if c.Cut {
		out = append(out, cutSign+c.t.cut)
	}
	if c.Next != "" {
		out = append(out, c.t.next+c.t.colon+c.Next)
	}
	for _, l := range c.Links {
		out = append(out, join(l))
	}
	return out
}

// title is what a notification shows of cards.
func title(all []card) string { return line.Cut(cmp.Or(all[0].Head, "Zhanggui"), maxFact) }

func plainLink(c card) func(link) string {
	return func(l link) string { return l.Label + c.t.colon + l.URL }
}
