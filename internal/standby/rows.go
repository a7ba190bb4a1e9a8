package standby

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// Sealer seals rows and opens them.
type Sealer interface {
	Seal(v secret.Value, c vault.Cell) ([]byte, error)
	Open(sealed []byte, c vault.Cell) (secret.Value, error)
}

// The kinds of rows.
const (
	kindApp    = "app"
	kindShop   = "shop"
	kindClient = "client"
	kindGrant  = "grant"
)

// row is one row before it is sealed. alt is a second name to find it by; empty
// for none.
type row struct {
	kind, id, alt string
	value         any
}

func appRow(a access.App) row   { return row{kindApp, a.ID, "", a} }
func shopRow(s access.Shop) row { return row{kindShop, s.ID, "", s} }
func clientRow(c access.Client) row {
	return row{kindClient, c.ID, hex.EncodeToString(c.KeyHash), c}
}

// grantRow leaves out what no call needs. Callers ask by the shop.
func grantRow(g grant.Grant) row {
	alt := ""
	switch {
	case g.Kind == grant.Self:
		alt = g.ShopID
	case g.ShopID != "":
		alt = served(g.App, g.ShopID)
	}
	return row{kindGrant, g.ID, alt, kept{
		ID: g.ID, Kind: g.Kind, App: g.App, Shop: g.ShopID, State: g.State, Cause: g.Cause, ErrCode: g.ErrCode, Attempt: g.Attempt,
		Generation: g.Tokens.Generation, Access: g.Tokens.Access, Expires: g.Tokens.AccessExpires, Due: g.DueAt,
	}}
}

// served names the grant by which a platform serves a shop. Ids hold no slash.
func served(app, shop string) string { return app + "/" + shop }

// kept is what the file keeps of a grant. Its names are short: there may be a
// million of them.
type kept struct {
	ID         string      `json:"i"`
	Kind       grant.Kind  `json:"k"`
	App        string      `json:"a"`
	Shop       string      `json:"s,omitempty"`
	State      grant.State `json:"t"`
	Cause      string      `json:"c,omitempty"`
	ErrCode    int         `json:"r,omitempty"`
	Attempt    int         `json:"n,omitempty"`
	Generation int64       `json:"g"`
	Access     []byte      `json:"x,omitempty"` // sealed for its place in the database, as it is there
	Expires    time.Time   `json:"e,omitzero"`
	Due        time.Time   `json:"d,omitzero"`
}

func (k kept) grant() grant.Grant {
	return grant.Grant{ID: k.ID, Kind: k.Kind, App: k.App, ShopID: k.Shop, State: k.State, Cause: k.Cause, ErrCode: k.ErrCode,
		Attempt: k.Attempt, DueAt: k.Due,
		Tokens: grant.Tokens{Generation: k.Generation, Access: k.Access, AccessExpires: k.Expires}}
}

// sealJSON seals a value for its place in the file.
func (f *File) sealJSON(v any, c vault.Cell) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return f.seal.Seal(secret.New(b), c)
}

// openJSON opens what sealJSON gave for the same place.
func (f *File) openJSON(sealed []byte, c vault.Cell, v any) error {
	plain, err := f.seal.Open(sealed, c)
	if err != nil {
		return err
	}
	b := plain.Reveal()
	defer clear(b)
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", c, errDamaged) // the words of encoding/json could hold content
	}
	return nil
}

// put writes rows in place of what is there under the same names. A copy writes
// many at once: the statement is prepared for them all.
func (f *File) put(ctx context.Context, tx *sql.Tx, rows ...row) error {
	insert, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO rows (kind, id, alt, body) VALUES (?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	one := func(r row) error {
		sealed, err := f.sealJSON(r.value, vault.Standby(r.kind, r.id))
		if err == nil {
			_, err = insert.ExecContext(ctx, r.kind, r.id, r.alt, sealed)
		}
		return err
	}
	for _, r := range rows {
		if err := one(r); err != nil {
			return err
		}
		c, ok := r.value.(access.Client)
		switch {
		case !ok:
		case len(c.Next.Hash) > 0:
			err = one(row{kindClient, c.ID + second, hex.EncodeToString(c.Next.Hash), c})
		default:
			err = drop(ctx, tx, kindClient, c.ID+second)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// second ends the name of the row by which a client is found by its second key.
// Ids hold no slash.
const second = "/next"

// drop deletes a row.
func drop(ctx context.Context, tx *sql.Tx, kind, id string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM rows WHERE kind = ? AND id IN (?, ?)", kind, id, id+second)
	return err
}

// errNoRow says that the file has no such row.
var errNoRow = errors.New("standby.db has no such row")

// get reads the row of a kind whose column, id or alt, has this value.
func get[T any](ctx context.Context, f *File, kind, column, value string) (v T, err error) {
	var id string
	var body []byte
	query := "SELECT id, body FROM rows WHERE kind = ? AND id = ?"
	if column == "alt" {
		query = "SELECT id, body FROM rows WHERE kind = ? AND alt = ? AND alt <> ''"
	}
	err = f.reader.QueryRowContext(ctx, query, kind, value).Scan(&id, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return v, errNoRow
	}
	if err == nil {
		err = f.openJSON(body, vault.Standby(kind, id), &v)
	}
	if err != nil {
		return v, fmt.Errorf("standby: read %s: %w", kind, err)
	}
	return v, nil
}

// errNames says that a row was moved to another name by hand.
var errNames = fmt.Errorf("standby: a row says another name than it stands under: %w", errDamaged)

func (f *File) app(ctx context.Context, id string) (access.App, error) {
	return get[access.App](ctx, f, kindApp, "id", id)
}

func (f *File) shop(ctx context.Context, id string) (access.Shop, error) {
	return get[access.Shop](ctx, f, kindShop, "id", id)
}

func (f *File) clientByKey(ctx context.Context, hash []byte) (access.Client, error) {
	name := hex.EncodeToString(hash)
	c, err := get[access.Client](ctx, f, kindClient, "alt", name)
	if err == nil && hex.EncodeToString(c.KeyHash) != name && hex.EncodeToString(c.Next.Hash) != name {
		return access.Client{}, errNames
	}
	return c, err
}

func (f *File) grant(ctx context.Context, id string) (grant.Grant, error) {
	k, err := get[kept](ctx, f, kindGrant, "id", id)
	return k.grant(), err
}

func (f *File) shopGrant(ctx context.Context, shop string) (grant.Grant, error) {
	k, err := get[kept](ctx, f, kindGrant, "alt", shop)
	if err != nil && !errors.Is(err, errNoRow) {
		return grant.Grant{}, err
	}
	s, gone := f.shop(ctx, shop)
	switch {
	case errors.Is(gone, errNoRow): // its own may be there still, revoked
	case gone != nil:
		return grant.Grant{}, gone
	case err != nil || k.App != s.App && k.Shop == shop:
		k, err = get[kept](ctx, f, kindGrant, "alt", served(s.App, shop))
	}
	if err == nil && k.Shop != shop {
		return grant.Grant{}, errNames
	}
	return k.grant(), err
}

// apps gives all apps in the order of their ids.
func (f *File) apps(ctx context.Context) ([]access.App, error) {
	ids, err := f.ids(ctx, kindApp)
	if err != nil {
		return nil, err
	}
	all := make([]access.App, 0, len(ids))
	for _, id := range ids {
		a, err := f.app(ctx, id)
		if errors.Is(err, errNoRow) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func (f *File) ids(ctx context.Context, kind string) ([]string, error) {
	found, err := f.reader.QueryContext(ctx, "SELECT id FROM rows WHERE kind = ? ORDER BY id", kind)
	if err != nil {
		return nil, fmt.Errorf("standby: read %s: %w", kind, err)
	}
	defer found.Close()
	var ids []string
	for found.Next() {
		var id string
		if err := found.Scan(&id); err != nil {
			return nil, fmt.Errorf("standby: read %s: %w", kind, err)
		}
		ids = append(ids, id)
	}
	return ids, found.Err()
}
