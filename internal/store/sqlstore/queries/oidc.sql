-- name: OIDCClient :one
SELECT * FROM oidc_clients WHERE id = @id;

-- name: OIDCClients :many
SELECT * FROM oidc_clients ORDER BY id;

-- name: PutOIDCClient :exec
INSERT INTO oidc_clients (id, name, secret_hash, redirect_uris, post_logout_uris, backchannel_uri, allow_private, tenant_id, shop_id,
    role, doors, claims, sector, email_domain, without_pkce, created_at)
VALUES (@id, @name, @secret_hash, @redirect_uris, @post_logout_uris, @backchannel_uri, @allow_private, @tenant_id, @shop_id,
    @role, @doors, @claims, @sector, @email_domain, @without_pkce, @created_at)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret_hash = excluded.secret_hash, redirect_uris = excluded.redirect_uris,
    post_logout_uris = excluded.post_logout_uris, backchannel_uri = excluded.backchannel_uri, allow_private = excluded.allow_private,
    tenant_id = excluded.tenant_id, shop_id = excluded.shop_id, role = excluded.role, doors = excluded.doors, claims = excluded.claims,
    sector = excluded.sector, email_domain = excluded.email_domain, without_pkce = excluded.without_pkce;

-- name: DeleteOIDCClient :execrows
DELETE FROM oidc_clients WHERE id = @id;

-- name: OIDCLogin :one
SELECT * FROM oidc_logins WHERE id = @id;

-- name: OIDCLoginByCode :one
SELECT * FROM oidc_logins WHERE code_hash = @code_hash;

-- name: LastOIDCLogin :one
SELECT * FROM oidc_logins WHERE session_id = @session_id AND client_id = @client_id AND ended_at = 0
ORDER BY created_at DESC, id DESC LIMIT 1;

-- name: InsertOIDCLogin :exec
INSERT INTO oidc_logins (id, client_id, session_id, person_id, shop_id, scope, nonce, redirect_uri, challenge, code_hash, code_ends,
    code_used, refresh_hash, created_at, ended_at, ended_why, logout_due, logout_attempt)
VALUES (@id, @client_id, @session_id, @person_id, @shop_id, @scope, @nonce, @redirect_uri, @challenge, @code_hash, @code_ends,
    0, NULL, @created_at, 0, '', 0, 0);

-- name: RedeemOIDCCode :execrows
UPDATE oidc_logins SET code_used = @code_used, refresh_hash = @refresh_hash WHERE id = @id AND code_used = 0 AND ended_at = 0;

-- name: RotateOIDCRefresh :execrows
UPDATE oidc_logins SET refresh_hash = @refresh_hash WHERE id = @id AND refresh_hash = @before AND ended_at = 0;

-- name: OverOIDCLogins :many
SELECT l.* FROM oidc_logins AS l LEFT JOIN sessions AS s ON s.id = l.session_id
WHERE l.ended_at = 0 AND (s.id IS NULL OR s.ended_at > 0 OR s.expires_at <= @now OR s.seen_at + s.idle_ms <= @now)
ORDER BY l.id LIMIT @max_rows;

-- name: LiveOIDCLogins :many
SELECT * FROM oidc_logins WHERE ended_at = 0 AND id > @after ORDER BY id LIMIT @max_rows;

-- name: EndOIDCLogin :execrows
UPDATE oidc_logins SET ended_at = @ended_at, ended_why = @ended_why, refresh_hash = NULL, logout_due = @logout_due
WHERE id = @id AND ended_at = 0;

-- name: CountOIDCLogouts :one
SELECT count(*) FROM oidc_logins WHERE session_id = @session_id AND client_id = @client_id AND logout_due > 0;

-- name: NextOIDCLogout :one
SELECT logout_due FROM oidc_logins WHERE logout_due > 0 ORDER BY logout_due LIMIT 1;

-- name: ClaimOIDCLogouts :many
UPDATE oidc_logins SET logout_due = @until, logout_attempt = logout_attempt + 1 WHERE id IN (
    SELECT o.id FROM oidc_logins AS o WHERE o.logout_due > 0 AND o.logout_due <= @now ORDER BY o.logout_due, o.id LIMIT @max_rows)
RETURNING *;

-- name: SettleOIDCLogout :exec
UPDATE oidc_logins SET logout_due = @logout_due WHERE id = @id AND logout_attempt = @logout_attempt;

-- name: PurgeOIDCLogins :exec
DELETE FROM oidc_logins WHERE logout_due = 0 AND ended_at > 0 AND ended_at < @before;

-- name: PurgeOIDCCodes :exec
DELETE FROM oidc_logins WHERE code_used = 0 AND code_ends < @before;

-- name: EndOldOIDCLogins :exec
-- A million stands for all: a number must stand there.
UPDATE oidc_logins SET ended_at = @ended_at, ended_why = @ended_why, refresh_hash = NULL WHERE id IN (
    SELECT o.id FROM oidc_logins AS o WHERE o.session_id = @session_id AND o.client_id = @client_id AND o.ended_at = 0
    ORDER BY o.created_at DESC, o.id DESC LIMIT 1000000 OFFSET @kept);

-- name: ShopsOfTenant :many
SELECT * FROM shops WHERE tenant_id = @tenant_id ORDER BY id;

-- name: IdentityOfPerson :one
SELECT * FROM identities WHERE app = @app AND person_id = @person_id ORDER BY seen_at DESC LIMIT 1;
