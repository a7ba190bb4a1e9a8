-- name: Client :one
SELECT * FROM clients WHERE id = @id;

-- name: ClientByKey :one
-- By either of its keys.
SELECT * FROM clients WHERE key_hash = @key_hash OR next_hash = @key_hash;

-- name: Clients :many
SELECT * FROM clients ORDER BY id;

-- name: PutClient :exec
INSERT INTO clients (id, name, key_hash, key_hint, mode, created_at, expires_at, revoked_at, rights, made_by)
VALUES (@id, @name, @key_hash, @key_hint, @mode, @created_at, @expires_at, @revoked_at, @rights, @made_by)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, key_hash = excluded.key_hash, key_hint = excluded.key_hint,
    mode = excluded.mode, created_at = excluded.created_at, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at,
    rights = excluded.rights, made_by = excluded.made_by,
    next_hash = CASE WHEN clients.key_hash = excluded.key_hash THEN clients.next_hash END;

-- name: SetClientKeys :execrows
UPDATE clients SET key_hash = @key_hash, key_hint = @key_hint, created_at = @created_at, made_by = @made_by, key_used_at = @key_used_at,
    next_hash = @next_hash, next_hint = @next_hint, next_at = @next_at, next_used_at = @next_used_at WHERE id = @id;

-- name: TouchKey :exec
UPDATE clients SET key_used_at = @used_at WHERE key_hash = @hash AND key_used_at < @used_at;

-- name: TouchNextKey :exec
UPDATE clients SET next_used_at = @used_at WHERE next_hash = @hash AND next_used_at < @used_at;

-- name: RevokeClient :exec
UPDATE clients SET revoked_at = @revoked_at WHERE id = @id;

-- name: DeleteClient :execrows
DELETE FROM clients WHERE id = @id;

-- name: ClientsMadeBy :many
-- Those with a live key that hold a shop of the tenant, or the one shop.
SELECT * FROM clients WHERE made_by = @made_by AND made_by <> '' AND revoked_at = 0 AND (expires_at = 0 OR expires_at > @now)
    AND EXISTS (SELECT 1 FROM client_shops AS h JOIN shops AS s ON s.id = h.shop_id
        WHERE h.client_id = clients.id AND s.tenant_id = @tenant_id AND (s.id = @shop_id OR @shop_id = ''))
    ORDER BY id;

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
INSERT INTO admins (id, name, key_hash, created_at, expires_at, revoked_at, kind, subject)
VALUES (@id, @name, @key_hash, @created_at, @expires_at, 0, @kind, @subject);

-- name: AdminBySubject :one
SELECT * FROM admins WHERE subject = @subject AND subject <> '';

-- name: SetStaff :exec
UPDATE admins SET name = @name, kind = @kind WHERE id = @id;

-- name: InsertVisit :exec
INSERT INTO visits (id, admin_id, tenant_id, reason, at, ends_at) VALUES (@id, @admin_id, @tenant_id, @reason, @at, @ends_at);

-- name: VisitsOfTenant :many
SELECT * FROM visits WHERE tenant_id = @tenant_id ORDER BY at DESC, id LIMIT @n;

-- name: LiveVisits :many
SELECT * FROM visits WHERE admin_id = @admin_id AND ends_at > @now ORDER BY tenant_id, ends_at;

-- name: EndVisits :execrows
UPDATE visits SET ends_at = @now WHERE admin_id = @admin_id AND tenant_id = @tenant_id AND ends_at > @now;

-- name: RevokeAdmin :exec
UPDATE admins SET revoked_at = @revoked_at WHERE id = @id;

-- name: CountLiveAdmins :one
SELECT count(*) FROM admins WHERE revoked_at = 0 AND (expires_at = 0 OR expires_at > @now) AND kind IN ('', 'admin');

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
