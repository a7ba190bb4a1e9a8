-- name: Client :one
SELECT * FROM clients WHERE id = @id;

-- name: ClientByKey :one
SELECT * FROM clients WHERE key_hash = @key_hash;

-- name: Clients :many
SELECT * FROM clients ORDER BY id;

-- name: PutClient :exec
INSERT INTO clients (id, name, key_hash, key_hint, mode, created_at, expires_at, revoked_at, rights)
VALUES (@id, @name, @key_hash, @key_hint, @mode, @created_at, @expires_at, @revoked_at, @rights)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, key_hash = excluded.key_hash, key_hint = excluded.key_hint,
    mode = excluded.mode, created_at = excluded.created_at, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at,
    rights = excluded.rights;

-- name: RevokeClient :exec
UPDATE clients SET revoked_at = @revoked_at WHERE id = @id;

-- name: DeleteClient :execrows
DELETE FROM clients WHERE id = @id;

-- name: ClientShops :many
SELECT shop_id FROM client_shops WHERE client_id = @client_id ORDER BY shop_id;

-- name: ClientPlatformShops :many
-- The shops of a client that a platform serves.
SELECT shops.* FROM client_shops
JOIN shops ON shops.id = client_shops.shop_id
JOIN apps ON apps.id = shops.app
WHERE client_shops.client_id = @client_id AND apps.kind = 'component' AND apps.app_id = @app_id
ORDER BY client_shops.shop_id LIMIT @max_rows;

-- name: AllClientShops :many
SELECT * FROM client_shops ORDER BY client_id, shop_id;

-- name: ClearClientShops :exec
DELETE FROM client_shops WHERE client_id = @client_id;

-- name: InsertClientShop :exec
INSERT INTO client_shops (client_id, shop_id) VALUES (@client_id, @shop_id);

-- name: CountUse :one
INSERT INTO uses (client_id, shop_id, path, day, used)
VALUES (@client_id, @shop_id, @path, @day, 1)
ON CONFLICT (client_id, shop_id, path, day) DO UPDATE SET used = uses.used + 1
RETURNING used;

-- name: PurgeUses :exec
DELETE FROM uses WHERE day < @before;

-- name: Admin :one
SELECT * FROM admins WHERE id = @id;

-- name: AdminByKey :one
SELECT * FROM admins WHERE key_hash = @key_hash;

-- name: Admins :many
SELECT * FROM admins ORDER BY created_at, id;

-- name: InsertAdmin :exec
INSERT INTO admins (id, name, key_hash, created_at, expires_at, revoked_at)
VALUES (@id, @name, @key_hash, @created_at, @expires_at, 0);

-- name: RevokeAdmin :exec
UPDATE admins SET revoked_at = @revoked_at WHERE id = @id;

-- name: CountLiveAdmins :one
SELECT count(*) FROM admins WHERE revoked_at = 0 AND (expires_at = 0 OR expires_at > @now);

-- name: SetupLink :one
SELECT * FROM setup_links WHERE hash = @hash;

-- name: InsertSetupLink :exec
INSERT INTO setup_links (hash, created_at, expires_at, used_at) VALUES (@hash, @created_at, @expires_at, 0);

-- name: UseSetupLink :exec
UPDATE setup_links SET used_at = @used_at WHERE hash = @hash;

-- name: DeleteUnusedSetupLinks :exec
DELETE FROM setup_links WHERE used_at = 0;

-- name: PurgeSetupLinks :exec
DELETE FROM setup_links WHERE expires_at < @before;

-- name: Request :one
SELECT * FROM requests WHERE id = @id;

-- name: InsertRequest :exec
INSERT INTO requests (id, digest, at, until, status, kind, answer) VALUES (@id, @digest, @at, @until, 0, '', NULL);

-- name: FinishRequest :execrows
UPDATE requests SET status = @status, kind = @kind, answer = @answer WHERE id = @id AND digest = @digest AND status = 0;

-- name: DeleteRequest :exec
DELETE FROM requests WHERE id = @id;

-- name: ForgetRequest :exec
DELETE FROM requests WHERE id = @id AND digest = @digest AND status = 0;

-- name: PurgeRequests :exec
DELETE FROM requests WHERE at < @before;
