package proof

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver; the only thing shared with the server
)

// rows are the tables that the story is told by. Times are milliseconds since
// 1970, 0 for none.
type rows struct {
	apps        []appRow
	tenants     []tenantRow
	shops       []shopRow
	clients     []clientRow
	clientShops []clientShopRow
	grants      []grantRow
	forced      int
	persons     []personRow
	profiles    []profileRow
	identities  []identityRow
	members     []memberRow
	invitations []invitationRow
	sessions    []sessionRow
	callbacks   []callbackRow
	consents    []consentRow
	entries     []entryRow
	hashes      []hashRow
	heads       []headRow
	checkpoints []checkpointRow
	keysets     []keysetRow
}

type (
	appRow struct {
		id, kind, appID, callbackHost, verifyName, verifyBody, scope string
		secret                                                       []byte
		version                                                      int64
	}
	tenantRow struct{ id string }
	shopRow   struct{ id, tenant, app string }
	clientRow struct {
		id, hint string
		hash     []byte
	}
	clientShopRow struct{ client, shop string }
	grantRow      struct {
		id, kind, app, shop, person, openid, state, digest            string
		generation, accessExpires, refreshIssued, refreshExpires, due int64
		access, refresh                                               []byte
	}
	personRow     struct{ id string }
	profileRow    struct{ person, nickname, avatar string }
	identityRow   struct{ app, openid, unionid, person string }
	memberRow     struct{ tenant, shop, person, role string }
	invitationRow struct {
		id, tenant, role, state, person, code string
		hash                                  []byte
	}
	sessionRow struct {
		id, person, admin, app, door, why string
		hash                              []byte
		created, ended                    int64
	}
	callbackRow struct {
		app, session string
		state, code  []byte
		at           int64
	}
	consentRow struct{ person, version string }
	entryRow   struct {
		seq        int64
		data, leaf []byte
	}
	hashRow struct {
		idx  int64
		hash []byte
	}
	headRow struct {
		size int64
		root []byte
	}
	checkpointRow struct {
		size, at   int64
		root, note []byte
	}
	keysetRow struct{ body []byte }
)

// readDatabase reads the tables from a copy, so that opening changes nothing
// of the evidence.
func (e *evidence) readDatabase() error {
	dir, err := os.MkdirTemp("", "zhanggui-proof-")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "copy.db")
	err = errors.Join(e.copyDatabase(path), e.load(context.Background(), path))
	return errors.Join(err, os.RemoveAll(dir))
}

func (e *evidence) copyDatabase(path string) error {
	b, ok := e.files[dataDir+"/zhanggui.db"]
	if !ok {
		return errors.New("the story left no database")
	}
	err := os.WriteFile(path, b, 0o600)
	if wal, ok := e.files[dataDir+"/zhanggui.db-wal"]; ok && err == nil {
		err = os.WriteFile(path+"-wal", wal, 0o600)
	}
	return err
}

func (e *evidence) load(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	r := reader{ctx: ctx, db: db}
	e.loadDirectory(&r)
	e.loadPeople(&r)
	e.loadLog(&r)
	return errors.Join(r.err, db.Close())
}

func (e *evidence) loadDirectory(r *reader) {
	t := &e.rows
	read(r, &t.apps, "SELECT id, kind, app_id, callback_host, verify_name, verify_body, scope, secret, secret_version FROM apps",
		func(x *appRow) []any {
			return []any{&x.id, &x.kind, &x.appID, &x.callbackHost, &x.verifyName, &x.verifyBody, &x.scope, &x.secret, &x.version}
		})
	read(r, &t.tenants, "SELECT id FROM tenants", func(x *tenantRow) []any { return []any{&x.id} })
	read(r, &t.shops, "SELECT id, tenant_id, app FROM shops", func(x *shopRow) []any { return []any{&x.id, &x.tenant, &x.app} })
	read(r, &t.clients, "SELECT id, key_hint, key_hash FROM clients", func(x *clientRow) []any { return []any{&x.id, &x.hint, &x.hash} })
	read(r, &t.clientShops, "SELECT client_id, shop_id FROM client_shops", func(x *clientShopRow) []any { return []any{&x.client, &x.shop} })
	read(r, &t.grants, `SELECT id, kind, app, shop_id, person_id, openid, state, digest, generation,
			access_expires, refresh_issued, refresh_expires, due_at, access, refresh FROM grants`,
		func(x *grantRow) []any {
			return []any{&x.id, &x.kind, &x.app, &x.shop, &x.person, &x.openid, &x.state, &x.digest, &x.generation,
				&x.accessExpires, &x.refreshIssued, &x.refreshExpires, &x.due, &x.access, &x.refresh}
		})
	var forced []tenantRow
	read(r, &forced, "SELECT grant_id FROM forced_refreshes", func(x *tenantRow) []any { return []any{&x.id} })
	t.forced = len(forced)
}

func (e *evidence) loadPeople(r *reader) {
	t := &e.rows
	read(r, &t.persons, "SELECT id FROM persons", func(x *personRow) []any { return []any{&x.id} })
	read(r, &t.profiles, "SELECT person_id, nickname, avatar_url FROM profiles",
		func(x *profileRow) []any { return []any{&x.person, &x.nickname, &x.avatar} })
	read(r, &t.identities, "SELECT app, openid, unionid, person_id FROM identities",
		func(x *identityRow) []any { return []any{&x.app, &x.openid, &x.unionid, &x.person} })
	read(r, &t.members, "SELECT tenant_id, shop_id, person_id, role FROM members",
		func(x *memberRow) []any { return []any{&x.tenant, &x.shop, &x.person, &x.role} })
	read(r, &t.invitations, "SELECT id, tenant_id, role, state, person_id, code, token_hash FROM invitations",
		func(x *invitationRow) []any {
			return []any{&x.id, &x.tenant, &x.role, &x.state, &x.person, &x.code, &x.hash}
		})
	read(r, &t.sessions, "SELECT id, person_id, admin_id, app, door, ended_why, token_hash, created_at, ended_at FROM sessions ORDER BY created_at",
		func(x *sessionRow) []any {
			return []any{&x.id, &x.person, &x.admin, &x.app, &x.door, &x.why, &x.hash, &x.created, &x.ended}
		})
	read(r, &t.callbacks, "SELECT app, session_id, state_hash, code_hash, at FROM callbacks ORDER BY at",
		func(x *callbackRow) []any { return []any{&x.app, &x.session, &x.state, &x.code, &x.at} })
	read(r, &t.consents, "SELECT person_id, version FROM consents", func(x *consentRow) []any { return []any{&x.person, &x.version} })
}

func (e *evidence) loadLog(r *reader) {
	t := &e.rows
	read(r, &t.entries, "SELECT seq, data, leaf FROM audit_entries ORDER BY seq", func(x *entryRow) []any { return []any{&x.seq, &x.data, &x.leaf} })
	read(r, &t.hashes, "SELECT idx, hash FROM audit_hashes ORDER BY idx", func(x *hashRow) []any { return []any{&x.idx, &x.hash} })
	read(r, &t.heads, "SELECT size, root FROM audit_head", func(x *headRow) []any { return []any{&x.size, &x.root} })
	read(r, &t.checkpoints, "SELECT size, at, root, note FROM audit_checkpoints ORDER BY size, at",
		func(x *checkpointRow) []any { return []any{&x.size, &x.at, &x.root, &x.note} })
	read(r, &t.keysets, "SELECT body FROM meta WHERE name = 'keyset'", func(x *keysetRow) []any { return []any{&x.body} })
}

// reader keeps the first error.
type reader struct {
	ctx context.Context
	db  *sql.DB
	err error
}

// read appends every row of a query to into.
func read[T any](r *reader, into *[]T, query string, fields func(*T) []any) {
	if r.err != nil {
		return
	}
	found, err := r.db.QueryContext(r.ctx, query)
	if err != nil {
		r.err = fmt.Errorf("database: %w", err)
		return
	}
	defer found.Close()
	for found.Next() {
		var x T
		if r.err = found.Scan(fields(&x)...); r.err != nil {
			return
		}
		*into = append(*into, x)
	}
	r.err = found.Err()
}

// at gives a time of the database.
func at(millis int64) time.Time { return time.UnixMilli(millis).UTC() }

// app gives the row of an app by our id.
func (r rows) app(id string) (appRow, bool) {
	return first(r.apps, func(a appRow) bool { return a.id == id })
}

// first gives the first item that fits.
func first[T any](all []T, fits func(T) bool) (found T, ok bool) {
	for _, x := range all {
		if fits(x) {
			return x, true
		}
	}
	return found, false
}
