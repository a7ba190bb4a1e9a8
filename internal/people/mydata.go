package people

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/web/ui"
)

// meView is what a person sees of what is kept of them.
type meView struct {
	Data  access.PersonData
	Now   time.Time
	Keeps []keptRole // as the last owner; shown before deletion
	Again bool       // the reader did not say yes to all of it

	Letters   []notice.Letter // messages in WeChat, the newest first
	LettersOn bool
}

// keptRole is a role that stays after deletion.
type keptRole struct {
	access.Member
	Name string // of the shop or the tenant
}

// key is how a form names the role.
func (k keptRole) key() string { return k.TenantID + "/" + k.ShopID }

func (p *People) getMe(w http.ResponseWriter, r *http.Request) error {
	_, person, err := p.o.Login.RequirePerson(r)
	if err != nil {
		return err
	}
	d, err := p.o.Store.PersonData(r.Context(), person.ID)
	if err != nil {
		return err
	}
	v := meView{Data: d, Now: p.o.Now()}
	if v.Letters, v.LettersOn, err = p.o.Store.Letters(r.Context(), person.ID, lettersShown); err != nil {
		return err
	}
	return p.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "people.me.title"}, mePage(v))
}

// postExport gives a person all that is kept of them, as a file. That they took it
// is recorded first.
func (p *People) postExport(w http.ResponseWriter, r *http.Request) error {
	_, person, err := p.o.Login.RequirePerson(r)
	if err != nil {
		return err
	}
	now := p.o.Now()
	d, err := p.o.Store.PersonData(r.Context(), person.ID)
	if err != nil {
		return err
	}
	err = p.o.Store.Append(r.Context(), audit.Entry{At: now, Actor: audit.Actor{Kind: audit.ActorPerson, ID: person.ID},
		Action: "person.export", Subject: "person:" + person.ID, Outcome: audit.Done})
	if err != nil {
		return err
	}
	entries, err := p.entriesOf(r.Context(), person.ID)
	if err != nil {
		return err
	}
	x := export(d, entries, now)
	if x.Letters, x.LettersOn, err = p.exportLetters(r.Context(), person.ID); err != nil {
		return err
	}
	body, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="zhanggui-my-data.json"`)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // an error means that the reader is gone
	return nil
}

// entriesAtOnce is how many entries of the audit log are read at a time.
const entriesAtOnce = 1000

// entriesOf gives the entries of the audit log that name a person by our id.
func (p *People) entriesOf(ctx context.Context, id string) ([]json.RawMessage, error) {
	var found []json.RawMessage
	for after := int64(-1); ; {
		page, err := p.o.Store.AuditEntries(ctx, after, entriesAtOnce)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if bytes.Contains(e.Data, []byte(id)) {
				found = append(found, json.RawMessage(e.Data))
			}
			after = e.Seq
		}
		if len(page) < entriesAtOnce {
			return found, nil
		}
	}
}

// exported is the file with a person's data.
type exported struct {
	At           time.Time           `json:"at"`
	Person       string              `json:"person"`
	Since        time.Time           `json:"since"`
	Nickname     string              `json:"nickname,omitempty"`
	AvatarURL    string              `json:"avatar_url,omitempty"`
	Identities   []exportedIdentity  `json:"identities"`
	Roles        []exportedRole      `json:"roles"`
	Sessions     []exportedSession   `json:"sessions"`
	Consents     []exportedConsent   `json:"consents"`
	Invitations  []map[string]string `json:"invitations"`
	Transfers    []map[string]string `json:"transfers"`
	Letters      []exportedLetter    `json:"letters"`
	LettersOn    bool                `json:"letters_on"`
	AuditEntries []json.RawMessage   `json:"audit_entries"`
}

type exportedIdentity struct {
	App     string    `json:"app"`
	OpenID  string    `json:"openid"`
	UnionID string    `json:"unionid,omitempty"`
	Seen    time.Time `json:"seen"`
}

type exportedRole struct {
	Tenant string     `json:"tenant"`
	Shop   string     `json:"shop,omitempty"`
	Role   string     `json:"role"`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until,omitempty"`
}

type exportedSession struct {
	ID      string     `json:"id"`
	Door    string     `json:"door"`
	Device  string     `json:"device"`
	Created time.Time  `json:"created"`
	Seen    time.Time  `json:"seen"`
	Expires time.Time  `json:"expires"`
	Ended   *time.Time `json:"ended,omitempty"`
}

type exportedConsent struct {
	App     string    `json:"app"`
	Tenant  string    `json:"tenant"`
	Version string    `json:"version"`
	At      time.Time `json:"at"`
}

// export gives what is kept in the words of the file. Hashes of tokens are not
// somebody's data: they say nothing.
func export(d access.PersonData, entries []json.RawMessage, now time.Time) exported {
	x := exported{At: now.UTC(), Person: d.Person.ID, Since: d.Since, Nickname: d.Person.Profile.Nickname,
		AvatarURL: d.Person.Profile.AvatarURL, AuditEntries: entries}
	for _, i := range d.Identities {
		x.Identities = append(x.Identities, exportedIdentity{i.App, i.OpenID, i.UnionID, i.SeenAt})
	}
	for _, m := range d.Person.Members {
		x.Roles = append(x.Roles, exportedRole{m.TenantID, m.ShopID, string(m.Role), m.Since, stamp(m.Until)})
	}
	for _, s := range d.Sessions {
		x.Sessions = append(x.Sessions, exportedSession{s.ID, string(s.Door), s.Device, s.CreatedAt, s.SeenAt, s.ExpiresAt, stamp(s.EndedAt)})
	}
	for _, c := range d.Consents {
		x.Consents = append(x.Consents, exportedConsent{c.App, c.TenantID, c.Version, c.At})
	}
	for _, i := range d.Invitations {
		x.Invitations = append(x.Invitations, map[string]string{"id": i.ID, "tenant": i.TenantID, "shop": i.ShopID, "role": string(i.Role),
			"by": i.InvitedBy, "state": string(i.State), "created": i.CreatedAt.Format(time.RFC3339)})
	}
	for _, t := range d.Transfers {
		x.Transfers = append(x.Transfers, map[string]string{"id": t.ID, "tenant": t.TenantID, "shop": t.ShopID, "from": t.From, "to": t.To,
			"state": string(t.State), "created": t.CreatedAt.Format(time.RFC3339)})
	}
	return x
}

func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (p *People) getDelete(w http.ResponseWriter, r *http.Request) error {
	_, person, err := p.o.Login.RequirePerson(r)
	if err != nil {
		return err
	}
	return p.showDelete(w, r, person, false)
}

// showDelete says what goes, what stays and why, and asks again.
func (p *People) showDelete(w http.ResponseWriter, r *http.Request, person access.Person, again bool) error {
	d, err := p.o.Store.PersonData(r.Context(), person.ID)
	if err != nil {
		return err
	}
	keeps, err := p.lastRoles(r.Context(), person)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if again {
		status = http.StatusConflict
	}
	return p.o.UI.Render(w, r, status, ui.PageInfo{TitleKey: "people.delete.title"},
		deletePage(meView{Data: d, Now: p.o.Now(), Keeps: keeps, Again: again}))
}

// postDelete deletes what is kept of a person, when they said yes to all of it.
func (p *People) postDelete(w http.ResponseWriter, r *http.Request) error {
	_, person, err := p.o.Login.RequirePerson(r)
	if err != nil {
		return err
	}
	keeps, err := p.lastRoles(r.Context(), person)
	if err != nil {
		return err
	}
	yes := r.PostFormValue("yes") == "1"
	var keep []access.Member
	for _, k := range keeps {
		yes = yes && slices.Contains(r.PostForm["keep"], k.key())
		keep = append(keep, k.Member)
	}
	if !yes {
		return p.showDelete(w, r, person, true)
	}
	now := p.o.Now()
	by := audit.Actor{Kind: audit.ActorPerson, ID: person.ID}
	err = p.o.Store.ForgetPerson(r.Context(), person.ID, keep, grant.ForgetEffects(now, by, person.ID, keep))
	if errors.Is(err, access.ErrLastOwner) {
		return p.showDelete(w, r, person, true) // another owner left meanwhile
	}
	if err != nil {
		return err
	}
	p.o.Login.Forget(w)
	return p.o.UI.Render(w, r, http.StatusOK, ui.PageInfo{TitleKey: "people.deleted.title"}, deletedPage(len(keep) > 0))
}

// lastRoles are the ownerships that nobody else has who can still log in.
func (p *People) lastRoles(ctx context.Context, person access.Person) ([]keptRole, error) {
	now := p.o.Now()
	var kept []keptRole
	for _, m := range person.Members {
		if m.Role != access.Owner || !m.Active(now) {
			continue
		}
		owners, err := p.ownersOf(ctx, m.TenantID)
		if err != nil {
			return nil, err
		}
		others := slices.DeleteFunc(slices.Clone(owners), func(o access.Member) bool { return o.PersonID == person.ID })
		if !access.Orphans([]access.Member{m}, others, now) {
			continue
		}
		name, err := p.placeName(ctx, m)
		if err != nil {
			return nil, err
		}
		kept = append(kept, keptRole{m, name})
	}
	return kept, nil
}

// ownersOf gives the owners of a tenant and its shops who can still log in.
func (p *People) ownersOf(ctx context.Context, tenant string) ([]access.Member, error) {
	all, err := p.o.Store.Members(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var owners []access.Member
	for _, m := range all {
		if m.Role != access.Owner {
			continue
		}
		known, err := p.o.Store.Identities(ctx, m.PersonID)
		if err != nil {
			return nil, err
		}
		if len(known) > 0 {
			owners = append(owners, m)
		}
	}
	return owners, nil
}

// placeName is what people call the place of a role.
func (p *People) placeName(ctx context.Context, m access.Member) (string, error) {
	if m.ShopID != "" {
		s, err := p.o.Store.Shop(ctx, m.ShopID)
		return s.Name, err
	}
	t, err := p.o.Store.Tenant(ctx, m.TenantID)
	return t.Name, err
}
