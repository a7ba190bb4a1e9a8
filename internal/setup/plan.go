package setup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Directory is what setup needs of the store.
type Directory interface {
	Revision(ctx context.Context) (int64, error)
	Apps(ctx context.Context) ([]access.App, error)
	Tenants(ctx context.Context) ([]access.Tenant, error)
	Shops(ctx context.Context) ([]access.Shop, error)
	Clients(ctx context.Context) ([]access.Client, error)
	OIDCClients(ctx context.Context) ([]access.OIDCClient, error)
	DeclaredChannels(ctx context.Context) ([]access.Channel, error)
	// RotationThatReplaced gives the rotation of an app that replaced a secret, by its
	// [access.ReplacedSecret], or [access.ErrNotFound].
	RotationThatReplaced(ctx context.Context, app string, digest []byte) (access.Rotation, error)
	Declare(ctx context.Context, d access.Declaration, entries ...audit.Entry) error
}

// Sealer seals and opens secrets.
type Sealer interface {
	Seal(plain secret.Value, cell vault.Cell) ([]byte, error)
	Open(sealed []byte, cell vault.Cell) (secret.Value, error)
	// MAC gives a keyed digest, for secrets that are only ever compared.
	MAC(purpose string, data []byte) []byte
}

// Setup applies manifests. It is safe for concurrent use.
type Setup struct {
	dir    Directory
	sealer Sealer
	now    func() time.Time
	rules  config.Rules
}

// New makes a Setup. rules are the server's; what they ask whether it exists is
// looked up in dir.
func New(dir Directory, sealer Sealer, now func() time.Time, rules config.Rules) *Setup {
	return &Setup{dir: dir, sealer: sealer, now: now, rules: rules}
}

// Apply makes the directory as m wishes. It returns an [*InvalidError] when m
// cannot be applied, and [access.ErrStale] when somebody else changed the
// directory meanwhile; in both cases nothing was changed.
func (s *Setup) Apply(ctx context.Context, m Manifest, by audit.Actor, o Options) (Result, error) {
	kept, err := s.read(ctx)
	if err != nil {
		return Result{}, err
	}
	return s.apply(ctx, kept, m, by, o)
}

// apply is Apply to what was read.
func (s *Setup) apply(ctx context.Context, kept kept, m Manifest, by audit.Actor, o Options) (Result, error) {
	if err := m.check(kept, s.rules); err != nil {
		return Result{}, err
	}
	p := plan{kept: kept, sealer: s.sealer, now: s.now(), by: maker(by), keys: map[string]secret.Value{}}
	if err := p.add(m); err != nil {
		return Result{}, err
	}
	if err := s.replaced(ctx, &p, o); err != nil {
		return Result{}, err
	}
	if o.Prune {
		p.prune(m)
	}
	res := Result{Changes: p.changes, Keys: p.keys}
	if o.DryRun {
		res.Keys = nil
		return res, nil
	}
	if len(p.changes) == 0 {
		return res, nil
	}
	return res, s.dir.Declare(ctx, p.declaration(), p.entries(by)...)
}

// kept is what the directory holds now.
type kept struct {
	revision int64
	apps     table[access.App]
	tenants  table[access.Tenant]
	shops    table[access.Shop]
	clients  table[access.Client]
	oidc     table[access.OIDCClient]
	channels table[access.Channel]
}

type table[T any] map[string]T

// where gives the ids of the rows that are so, in order.
func (t table[T]) where(so func(id string, row T) bool) []string {
	var ids []string
	for id, row := range t {
		if so(id, row) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func index[T any](rows []T, id func(T) string) table[T] {
	t := make(table[T], len(rows))
	for _, r := range rows {
		t[id(r)] = r
	}
	return t
}

func (s *Setup) read(ctx context.Context) (k kept, err error) {
	// The revision is read first: a change during the reads makes it stale.
	if k.revision, err = s.dir.Revision(ctx); err != nil {
		return k, fmt.Errorf("setup: read revision: %w", err)
	}
	apps, err := s.dir.Apps(ctx)
	if err != nil {
		return k, fmt.Errorf("setup: read apps: %w", err)
	}
	tenants, err := s.dir.Tenants(ctx)
	if err != nil {
		return k, fmt.Errorf("setup: read tenants: %w", err)
	}
	shops, err := s.dir.Shops(ctx)
	if err != nil {
		return k, fmt.Errorf("setup: read shops: %w", err)
	}
	clients, err := s.dir.Clients(ctx)
	if err != nil {
		return k, fmt.Errorf("setup: read clients: %w", err)
	}
	oidc, err := s.dir.OIDCClients(ctx)
	if err != nil {
		return k, fmt.Errorf("setup: read clients of OpenID Connect: %w", err)
	}
	channels, err := s.dir.DeclaredChannels(ctx)
	if err != nil {
		return k, fmt.Errorf("setup: read channels: %w", err)
	}
	k.channels = index(channels, func(c access.Channel) string { return c.Name })
	k.oidc = index(oidc, func(c access.OIDCClient) string { return c.ID })
	k.apps = index(apps, func(a access.App) string { return a.ID })
	k.tenants = index(tenants, func(t access.Tenant) string { return t.ID })
	k.shops = index(shops, func(s access.Shop) string { return s.ID })
	k.clients = index(clients, func(c access.Client) string { return c.ID })
	return k, nil
}

// plan grows the declaration and the list of changes side by side.
type plan struct {
	kept    kept
	sealer  Sealer
	now     time.Time
	by      string // who makes keys, as access.Client.MadeBy says it
	d       access.Declaration
	changes []Change
	about   map[int]map[string]string // what the log says of changes that an id does not say, by their places
	keys    map[string]secret.Value
	secrets []freshSecret
}

// maker names who makes a key.
func maker(by audit.Actor) string {
	if by.ID == "" {
		return by.Kind
	}
	return by.Kind + ":" + by.ID
}

func (p *plan) declaration() access.Declaration {
	p.d.Revision, p.d.At = p.kept.revision, p.now
	return p.d
}

// entries is one audit entry for each change: field names, never values; of roles,
// whose and where.
func (p *plan) entries(by audit.Actor) []audit.Entry {
	entries := make([]audit.Entry, 0, len(p.changes))
	for i, c := range p.changes {
		e := audit.Entry{At: p.now, Actor: by, Action: c.Kind + "." + c.Op, Subject: c.Kind + ":" + c.ID, Outcome: audit.Done, Details: p.about[i]}
		if len(c.Fields) > 0 {
			e.Details = map[string]string{"fields": fmt.Sprint(c.Fields)}
			maps.Copy(e.Details, p.about[i])
		}
		entries = append(entries, e)
	}
	return entries
}

// tell has the log say more of the i-th change than its id and its fields.
func (p *plan) tell(i int, details map[string]string) {
	if p.about == nil {
		p.about = map[int]map[string]string{}
	}
	p.about[i] = details
}

// note records a difference and tells whether there is one.
func (p *plan) note(kind, id string, known bool, fields []string) bool {
	switch {
	case !known:
		p.changes = append(p.changes, Change{Op: "create", Kind: kind, ID: id})
	case len(fields) > 0:
		p.changes = append(p.changes, Change{Op: "change", Kind: kind, ID: id, Fields: fields})
	default:
		return false
	}
	return true
}

// alsoChanges adds fields to the difference that was recorded last.
func (p *plan) alsoChanges(d diff) {
	last := &p.changes[len(p.changes)-1]
	for _, name := range d {
		if !slices.Contains(last.Fields, name) {
			last.Fields = append(last.Fields, name)
		}
	}
}

// diff names the fields that differ.
type diff []string

func field[T comparable](d *diff, name string, was, is T) {
	if was != is {
		*d = append(*d, name)
	}
}

// rights names what differs by the words of a manifest.
func rights(d *diff, was, is access.Rights) {
	list(d, "groups", was.Groups, is.Groups)
	list(d, "paths", was.Paths, is.Paths)
	field(d, "rate", [2]float64{was.PerSecond, float64(was.Burst)}, [2]float64{is.PerSecond, float64(is.Burst)})
	list(d, "from", was.From, is.From)
	field(d, "rights", was.TokenExport, is.TokenExport)
	field(d, "observe", was.Observe, is.Observe)
	field(d, "priority", was.Low, is.Low)
}

func list[T comparable](d *diff, name string, was, is []T) {
	if !slices.Equal(was, is) {
		*d = append(*d, name)
	}
}
