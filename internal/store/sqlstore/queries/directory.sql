-- name: App :one
SELECT * FROM apps WHERE id = @id;

-- name: Apps :many
SELECT * FROM apps ORDER BY id;

-- name: PutApp :exec
INSERT INTO apps (id, kind, app_id, name, secret, secret_version, callback_host, verify_name, verify_body, scope, egress, api_hosts,
    push, push_version, push_previous, push_previous_version, services, owner_message)
VALUES (@id, @kind, @app_id, @name, @secret, @secret_version, @callback_host, @verify_name, @verify_body, @scope, @egress, @api_hosts,
    @push, @push_version, @push_previous, @push_previous_version, @services, @owner_message)
ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, app_id = excluded.app_id, name = excluded.name,
    secret = excluded.secret, secret_version = excluded.secret_version, callback_host = excluded.callback_host,
    verify_name = excluded.verify_name, verify_body = excluded.verify_body, scope = excluded.scope,
    egress = excluded.egress, api_hosts = excluded.api_hosts, push = excluded.push, push_version = excluded.push_version,
    push_previous = excluded.push_previous, push_previous_version = excluded.push_previous_version, services = excluded.services,
    owner_message = excluded.owner_message;

-- name: DeleteApp :execrows
DELETE FROM apps WHERE id = @id;

-- name: Tenant :one
SELECT * FROM tenants WHERE id = @id;

-- name: Tenants :many
SELECT * FROM tenants ORDER BY id;

-- name: PutTenant :exec
INSERT INTO tenants (id, name) VALUES (@id, @name)
ON CONFLICT (id) DO UPDATE SET name = excluded.name;

-- name: OpenTenant :exec
INSERT INTO tenants (id, name) VALUES (@id, @name) ON CONFLICT (id) DO NOTHING;

-- name: DeleteTenant :execrows
DELETE FROM tenants WHERE id = @id;

-- name: Shop :one
SELECT * FROM shops WHERE id = @id;

-- name: Shops :many
SELECT * FROM shops ORDER BY id;

-- name: ShopsOfApp :many
SELECT * FROM shops WHERE app = @app ORDER BY id;

-- name: ShopsByAppID :many
SELECT * FROM shops WHERE app_id = @app_id AND app_id <> '' ORDER BY id;

-- name: ShopsLike :many
-- Those that a shop with this id and appid would meet.
SELECT a.* FROM shops AS a WHERE a.id = @id UNION SELECT b.* FROM shops AS b WHERE b.app_id = @app_id AND b.app_id <> '';

-- name: CountShopsOfTenant :one
SELECT count(*) FROM shops WHERE tenant_id = @tenant_id;

-- name: CountShopsWithoutAppID :one
SELECT count(*) FROM shops WHERE app_id = '';

-- name: FillShopAppIDs :exec
-- A program that knows no platforms leaves the id out. It is that of the shop's own app.
UPDATE shops SET app_id = (SELECT a.app_id FROM apps AS a WHERE a.id = shops.app)
WHERE shops.app_id = '' AND EXISTS (SELECT 1 FROM apps AS b WHERE b.id = shops.app AND b.kind <> 'component');

-- name: PutShop :exec
INSERT INTO shops (id, tenant_id, app, name, revoke_on_withdraw, app_id)
VALUES (@id, @tenant_id, @app, @name, @revoke_on_withdraw, @app_id)
ON CONFLICT (id) DO UPDATE SET tenant_id = excluded.tenant_id, app = excluded.app, name = excluded.name,
    revoke_on_withdraw = excluded.revoke_on_withdraw, app_id = excluded.app_id;

-- name: DeleteShop :execrows
DELETE FROM shops WHERE id = @id;

-- name: DeleteTenantMembers :exec
DELETE FROM members WHERE tenant_id = @tenant_id;

-- name: DeleteTenantInvitations :exec
DELETE FROM invitations WHERE tenant_id = @tenant_id;

-- name: DeleteShopMembers :exec
DELETE FROM members WHERE shop_id = @shop_id;

-- name: DeleteShopInvitations :exec
DELETE FROM invitations WHERE shop_id = @shop_id;

-- name: ForgetShop :exec
UPDATE authorizers SET shop_id = '', version = version + 1 WHERE shop_id = @shop_id AND shop_id <> '';

-- name: EndShopSessions :exec
UPDATE sessions SET ended_at = @ended_at, ended_why = @ended_why WHERE shop_id = @shop_id AND shop_id <> '' AND ended_at = 0;

-- name: DeleteAppIdentities :exec
DELETE FROM identities WHERE app = @app;

-- name: EndAppSessions :exec
UPDATE sessions SET ended_at = @ended_at, ended_why = @ended_why WHERE app = @app AND ended_at = 0;
