-- name: Grant :one
SELECT * FROM grants WHERE id = @id;

-- name: SelfGrant :one
SELECT * FROM grants WHERE kind = 'self' AND shop_id = @shop_id;

-- name: ShopGrant :one
-- The one of the app that serves the shop; of a shop that was removed, its own
-- before those of platforms.
SELECT a.* FROM grants AS a WHERE a.kind = 'self' AND a.shop_id = @shop_id
    AND a.app = COALESCE((SELECT s.app FROM shops s WHERE s.id = @shop_id), a.app)
UNION ALL
SELECT b.* FROM grants AS b WHERE b.kind = 'isv' AND b.shop_id = @shop_id AND b.shop_id <> ''
    AND b.app = COALESCE((SELECT s.app FROM shops s WHERE s.id = @shop_id), b.app)
LIMIT 1;

-- name: IsvGrant :one
SELECT * FROM grants WHERE kind = 'isv' AND app = @app AND authorizer = @authorizer;

-- name: ComponentGrant :one
SELECT * FROM grants WHERE kind = 'component' AND app = @app;

-- name: GrantsOfApp :many
SELECT * FROM grants WHERE app = @app;

-- name: UserGrant :one
SELECT * FROM grants WHERE kind = 'user' AND app = @app AND openid = @openid AND scope = @scope;

-- name: Grants :many
SELECT * FROM grants ORDER BY created_at, id;

-- name: KeptGrants :many
SELECT id, generation, access, access_expires, refresh, refresh_issued, refresh_expires, state
FROM grants WHERE id >= @first ORDER BY id LIMIT @max_rows;

-- name: KeptGrant :one
SELECT id, generation, access, access_expires, refresh, refresh_issued, refresh_expires, state
FROM grants WHERE id = @id;

-- name: GrantsOfPerson :many
SELECT * FROM grants WHERE person_id = @person_id AND person_id <> '' ORDER BY created_at, id;

-- name: GrantsOfShop :many
SELECT a.* FROM grants AS a WHERE a.kind = 'self' AND a.shop_id = @shop_id
UNION ALL
SELECT b.* FROM grants AS b WHERE b.kind = 'isv' AND b.shop_id = @shop_id AND b.shop_id <> ''
ORDER BY created_at, id;

-- name: CountAppGrants :one
-- A platform's own grant is no use of it.
SELECT count(*) FROM grants WHERE app = @app AND state <> 'revoked' AND kind <> 'component';

-- name: DeleteAppGrants :exec
DELETE FROM grants WHERE app = @app;

-- name: ClaimDue :many
-- Only for a database whose write transactions exclude each other.
UPDATE grants SET lease_owner = @lease_owner, lease_term = lease_term + 1, lease_until = @lease_until, updated_at = @now
WHERE id IN (
    SELECT due.id FROM grants AS due
    WHERE due.due_at > 0 AND (due.state IN ('active', 'stopped') OR due.kills > 0) AND due.due_at <= @now
        AND (due.lease_term = due.settled_term OR due.lease_until <= @now)
    ORDER BY due.due_at LIMIT @max_rows)
RETURNING *;

-- name: ClaimGrant :one
UPDATE grants SET lease_owner = @lease_owner, lease_term = lease_term + 1, lease_until = @lease_until, updated_at = @now
WHERE id = @id AND (state IN ('active', 'stopped') OR kills > 0) AND (lease_term = settled_term OR lease_until <= @now)
RETURNING *;

-- name: SettleTokens :exec
UPDATE grants SET generation = @generation, access = @access, access_expires = @access_expires, refresh = @refresh,
    refresh_issued = @refresh_issued, refresh_expires = @refresh_expires, digest = @digest
WHERE id = @id;

-- name: SettleGrant :exec
UPDATE grants SET generation = @generation, access = @access, access_expires = @access_expires, refresh = @refresh,
    refresh_issued = @refresh_issued, refresh_expires = @refresh_expires, digest = @digest,
    state = @state, cause = @cause, err_code = @err_code, due_at = @due_at, attempt = @attempt,
    proved_at = @proved_at, doubts = @doubts, kills = @kills, settled_term = @settled_term, updated_at = @updated_at, settled_at = @settled_at
WHERE id = @id;

-- name: InsertGrant :exec
INSERT INTO grants (id, kind, app, shop_id, person_id, openid, scope, state, cause, err_code,
    generation, access, access_expires, refresh, refresh_issued, refresh_expires, digest,
    due_at, attempt, lease_owner, lease_term, lease_until, settled_term, created_at, updated_at, authorizer)
VALUES (@id, @kind, @app, @shop_id, @person_id, @openid, @scope, 'active', '', 0,
    0, NULL, 0, NULL, 0, 0, '',
    @due_at, 0, '', 0, 0, 0, @created_at, @updated_at, @authorizer);

-- name: RestartGrant :exec
-- A term that nobody holds and that counts as settled voids the lease: whoever
-- holds the term before it has lost.
UPDATE grants SET state = 'active', cause = '', err_code = 0, attempt = 0, doubts = 0, kills = 0, due_at = @due_at, app = @app, person_id = @person_id, shop_id = @shop_id,
    lease_term = lease_term + 1, settled_term = lease_term + 1, lease_owner = '', lease_until = 0, updated_at = @updated_at, settled_at = @updated_at
WHERE id = @id;

-- name: PutGrant :exec
-- A row as a whole, of accounts that are taken over in numbers.
INSERT INTO grants (id, kind, app, shop_id, person_id, openid, scope, state, cause, err_code,
    generation, access, access_expires, refresh, refresh_issued, refresh_expires, digest,
    due_at, attempt, lease_owner, lease_term, lease_until, settled_term, created_at, updated_at,
    proved_at, doubts, used_at, kills, authorizer, settled_at)
VALUES (@id, @kind, @app, @shop_id, @person_id, @openid, @scope, @state, @cause, @err_code,
    @generation, @access, @access_expires, @refresh, @refresh_issued, @refresh_expires, @digest,
    @due_at, @attempt, @lease_owner, @lease_term, @lease_until, @settled_term, @created_at, @updated_at,
    @proved_at, @doubts, @used_at, @kills, @authorizer, @settled_at)
ON CONFLICT (id) DO UPDATE SET shop_id = excluded.shop_id, state = excluded.state, cause = excluded.cause, err_code = excluded.err_code,
    generation = excluded.generation, access = excluded.access, access_expires = excluded.access_expires, refresh = excluded.refresh,
    refresh_issued = excluded.refresh_issued, refresh_expires = excluded.refresh_expires, digest = excluded.digest,
    due_at = excluded.due_at, attempt = excluded.attempt, lease_owner = excluded.lease_owner, lease_term = excluded.lease_term,
    lease_until = excluded.lease_until, settled_term = excluded.settled_term, updated_at = excluded.updated_at,
    proved_at = excluded.proved_at, doubts = excluded.doubts, settled_at = excluded.settled_at;

-- name: IsvGrantsAfter :many
SELECT * FROM grants WHERE kind = 'isv' AND app = @app AND authorizer > @after ORDER BY authorizer LIMIT @max_rows;

-- name: RevokeGrant :exec
-- The generation counts up although there are no tokens, so that no number names
-- two different pairs and whoever read the grant before has lost.
UPDATE grants SET state = @state, cause = @cause, due_at = @due_at, attempt = 0, doubts = 0, kills = @kills,
    generation = generation + 1, access = NULL, access_expires = 0, refresh = NULL, refresh_issued = 0, refresh_expires = 0, digest = '',
    lease_term = lease_term + 1, settled_term = lease_term + 1, lease_owner = '', lease_until = 0, updated_at = @updated_at, settled_at = @updated_at
WHERE id = @id;

-- name: TicketCame :exec
-- What waits for a ticket is looked at again: a grant without a token that lives,
-- and one that an operator or a ticket must mend.
UPDATE grants SET due_at = @due_at, updated_at = @due_at
WHERE kind = 'component' AND app = @app AND (state = 'stopped' OR state = 'active' AND (access IS NULL OR access_expires <= @due_at))
    AND (due_at = 0 OR due_at > @due_at);

-- name: ClearTokens :exec
UPDATE grants SET generation = generation + 1, access = NULL, access_expires = 0, refresh = NULL, refresh_issued = 0, refresh_expires = 0,
    digest = '' WHERE id = @id;

-- name: UserGrantsOf :many
SELECT * FROM grants WHERE kind = 'user' AND app = @app AND openid = @openid;

-- name: DeleteGrant :exec
DELETE FROM grants WHERE id = @id;

-- name: MoveGrants :exec
UPDATE grants SET person_id = @person_id, updated_at = @updated_at
WHERE kind = 'user' AND app = @app AND openid = @openid;

-- name: InsertForcedRefresh :exec
INSERT INTO forced_refreshes (grant_id, at, by_whom) VALUES (@grant_id, @at, @by_whom);

-- name: ForcedRefreshes :many
SELECT at, by_whom FROM forced_refreshes WHERE grant_id = @grant_id AND at >= @since ORDER BY at;

-- name: PurgeForcedRefreshes :exec
DELETE FROM forced_refreshes WHERE at < @before;

-- name: TouchGrant :exec
UPDATE grants SET used_at = @used_at WHERE id = @id AND used_at < @used_at;
