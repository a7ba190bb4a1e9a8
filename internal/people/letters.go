package people

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

const (
	lettersShown    = 10
	lettersExported = 1000
)

// owner tells whether the person owns anything now.
func (v meView) owner() bool {
	for _, m := range v.Data.Person.Members {
		if m.Role == access.Owner && m.Active(v.Now) {
			return true
		}
	}
	return false
}

// what says what a letter was about, in the reader's language.
func what(ctx context.Context, k notice.Kind) string {
	w := k.Words()
	return ui.Pick(ctx, w.What.EN, w.What.ZH)
}

// postLetters turns letters on or off.
func (p *People) postLetters(w http.ResponseWriter, r *http.Request) error {
	_, person, err := p.o.Login.RequirePerson(r)
	if err != nil {
		return err
	}
	on := r.PostFormValue("on") == "1"
	err = p.o.Store.SetLetters(r.Context(), person.ID, on, audit.Entry{At: p.o.Now(), Actor: audit.Actor{Kind: audit.ActorPerson, ID: person.ID},
		Action: "person.letters", Subject: "person:" + person.ID, Outcome: audit.Done, Details: map[string]string{"on": strconv.FormatBool(on)}})
	if err != nil {
		return err
	}
	http.Redirect(w, r, ui.URL(r.Context(), "/me"), http.StatusSeeOther)
	return nil
}

type exportedLetter struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	Shop   string    `json:"shop"`
	Shops  int       `json:"shops"`
	App    string    `json:"app"`
	State  string    `json:"state"`
	Reason string    `json:"reason,omitempty"`
}

// exportLetters gives a person's letters in the words of the file.
func (p *People) exportLetters(ctx context.Context, id string) (all []exportedLetter, on bool, err error) {
	letters, on, err := p.o.Store.Letters(ctx, id, lettersExported)
	for _, l := range letters {
		all = append(all, exportedLetter{l.At, string(l.Kind), l.ShopID, l.Shops, l.App, string(l.State), l.Reason})
	}
	return all, on, err
}
