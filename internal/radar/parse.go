package radar

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/line"
)

// EventName is what WeChat calls its pushes of changes.
const EventName = "api_diff"

// The bounds of one announcement. WeChat states none; a real one has a few entries.
const (
	mostChanges = 1000
	mostPath    = 256
	mostName    = 200
	mostContent = 4000
	mostURL     = 1000
)

var errNoChanges = errors.New("radar: the event names no change")

// announcement is the body of an event, as the page says; numbers may come as texts.
type announcement struct {
	LogURL  text            `json:"changelog_url"`
	Changes json.RawMessage `json:"api_changes"`
	At      text            `json:"change_time"` // seconds since 1970
}

type entry struct {
	Name    text `json:"chinese_name"`
	Path    text `json:"cgi_path"`
	DocURL  text `json:"doc_url"`
	Content text `json:"change_content"`
}

// text is a JSON text or number; anything else is empty.
type text string

// UnmarshalJSON never fails: one odd field does not hide the others.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
		return nil
	}
	var n json.Number
	if json.Unmarshal(b, &n) == nil {
		*t = text(n)
	}
	return nil
}

// parse reads the changes of an event, each once, at most mostChanges of them.
func parse(e grant.Event, known *catalogue.Catalogue) ([]grant.APIChange, error) {
	var a announcement
	if err := json.Unmarshal(e.Body, &a); err != nil {
		return nil, fmt.Errorf("radar: read the announcement: %w", err)
	}
	entries, err := a.entries()
	if err != nil {
		return nil, err
	}
	at := a.at(e.At)
	seen, all := map[string]bool{}, make([]grant.APIChange, 0, min(len(entries), mostChanges))
	for _, n := range entries {
		c := n.change(known)
		c.LogURL, c.At, c.SeenAt = clean(a.LogURL, mostURL), at, e.SeenAt
		c.ID = idOf(c)
		if c.Path != "" && !seen[c.ID] {
			seen[c.ID] = true
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, errNoChanges
	}
	return cut(all, known), nil
}

// entries reads the list, or the one entry that a translation from XML made of it.
func (a announcement) entries() ([]entry, error) {
	var list []entry
	if json.Unmarshal(a.Changes, &list) == nil {
		return list, nil
	}
	var one entry
	if json.Unmarshal(a.Changes, &one) != nil || one.Path == "" {
		return nil, errNoChanges
	}
	return []entry{one}, nil
}

// at is when WeChat says that the change was made, or when the event was if it says
// nothing that can be.
func (a announcement) at(event time.Time) time.Time {
	seconds, err := strconv.ParseInt(string(a.At), 10, 64)
	if err != nil || seconds <= 0 || seconds > 1<<33 {
		return event
	}
	return time.Unix(seconds, 0)
}

func (n entry) change(known *catalogue.Catalogue) grant.APIChange {
	c := grant.APIChange{
		Path: clean(n.Path, mostPath), Name: clean(n.Name, mostName),
		Content: clean(n.Content, mostContent), DocURL: clean(n.DocURL, mostURL),
	}
	if e, ok := known.Lookup(c.Path); ok {
		c.Path = e.Path
	}
	return c
}

// clean makes one line of a text, of at most that many characters.
func clean(s text, most int) string { return line.Cut(line.Of(string(s)), most) }

// idOf names a change by what it says. The page of the change log and when it was
// seen are not part of it.
func idOf(c grant.APIChange) string {
	h := sha256.New()
	for _, s := range []string{c.Path, c.Name, c.Content, strconv.FormatInt(c.At.Unix(), 10)} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return "ch_" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
}

// cut keeps at most mostChanges, those that somebody may use before the others.
func cut(all []grant.APIChange, known *catalogue.Catalogue) []grant.APIChange {
	if len(all) <= mostChanges {
		return all
	}
	var first, rest []grant.APIChange
	for _, c := range all {
		if _, ok := known.Lookup(c.Path); ok {
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	return append(first, rest...)[:mostChanges]
}
