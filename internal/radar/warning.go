package radar

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// The bounds of what one warning names; the rest is counted.
const (
	mostNamed = 20 // paths and clients in a notice
	mostTold  = 50 // changes in an event
)

// warning gathers what follows from one announcement.
type warning struct {
	now     time.Time
	logURL  string
	at      time.Time
	paths   map[string]bool
	clients map[string]*told
}

// told is what one client hears.
type told struct {
	shop    string
	changes []Used
	more    int
}

// Told is the body of an event api.changed.
type Told struct {
	LogURL  string    `json:"log_url,omitempty"`
	At      time.Time `json:"changed_at"`
	Changes []Used    `json:"changes"`
	More    int       `json:"more,omitempty"` // changes that are not named here
}

// Used is a change of a path that the client used in the last 30 days.
type Used struct {
	ID      string `json:"id"`
	Path    string `json:"path"`
	Name    string `json:"name,omitempty"`
	Content string `json:"content,omitempty"`
	DocURL  string `json:"doc_url,omitempty"`
	Shops   int    `json:"shops"`
	Calls   int64  `json:"calls"`
}

// add takes in a change and those that it concerns.
func (w *warning) add(c grant.APIChange, users []access.PathUser) {
	if len(users) == 0 {
		return
	}
	if w.paths == nil {
		w.paths, w.clients = map[string]bool{}, map[string]*told{}
		w.logURL, w.at = grant.DocLink(c.LogURL), c.At
	}
	w.paths[c.Path] = true
	for _, u := range users {
		t := w.clients[u.ClientID]
		if t == nil {
			t = &told{shop: u.ShopID}
			w.clients[u.ClientID] = t
		}
		if len(t.changes) == mostTold {
			t.more++
			continue
		}
		t.changes = append(t.changes, Used{ID: c.ID, Path: c.Path, Name: c.Name, Content: c.Content,
			DocURL: grant.DocLink(c.DocURL), Shops: u.Shops, Calls: u.Calls})
	}
}

// effects are a notice for the operator and an event for each client; nothing when
// the announcement concerns nobody.
func (w *warning) effects() grant.Effects {
	e := grant.Effects{At: w.now}
	if len(w.clients) == 0 {
		return e
	}
	paths, clients := slices.Sorted(maps.Keys(w.paths)), slices.Sorted(maps.Keys(w.clients))
	subject := "api:" + paths[0]
	d := map[string]string{"paths": named(paths), "clients": named(clients), "changed": w.at.UTC().Format(time.RFC3339)}
	if w.logURL != "" {
		d["log"] = w.logURL
	}
	e.Notices = []notice.Notice{{At: w.now, Kind: notice.APIChanged, Subject: subject, Details: d}}
	e.Audit = []audit.Entry{{At: w.now, Actor: audit.Actor{Kind: audit.ActorSystem}, Action: string(notice.APIChanged),
		Subject: subject, Outcome: audit.Done, Details: d}}
	for _, id := range clients {
		e.Events = append(e.Events, w.event(id))
	}
	return e
}

func (w *warning) event(client string) grant.Event {
	t := w.clients[client]
	body, err := json.Marshal(Told{LogURL: w.logURL, At: w.at.UTC(), Changes: t.changes, More: t.more})
	if err != nil {
		panic(err) // texts and numbers
	}
	return grant.Event{ShopID: t.shop, Name: string(notice.APIChanged), At: w.now, SeenAt: w.now, Body: body, Client: client}
}

// named lists names, and counts those that are too many.
func named(all []string) string {
	if len(all) <= mostNamed {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s, … (%d)", strings.Join(all[:mostNamed], ", "), len(all))
}
