-- name: InsertReview :exec
INSERT INTO reviews (id, tenant_id, shop_id, digest, lines, marked, note, made_by, at)
VALUES (@id, @tenant_id, @shop_id, @digest, @lines, @marked, @note, @made_by, @at);

-- name: LastReview :one
SELECT * FROM reviews WHERE tenant_id = @tenant_id AND shop_id = @shop_id ORDER BY at DESC, id DESC LIMIT 1;

-- name: ReviewsBefore :many
SELECT * FROM reviews WHERE at < @at OR (at = @at AND id > @id) ORDER BY at DESC, id LIMIT @max_rows;

-- name: PersonsInReview :many
SELECT p.id, CAST(COALESCE(f.nickname, '') AS TEXT) AS nickname,
    CAST(COALESCE((SELECT MAX(i.seen_at) FROM identities AS i WHERE i.person_id = p.id), 0) AS BIGINT) AS named_at
FROM persons AS p LEFT JOIN profiles AS f ON f.person_id = p.id
WHERE EXISTS (SELECT 1 FROM members AS m WHERE m.person_id = p.id) ORDER BY p.id;

-- name: OpenSessions :many
SELECT * FROM sessions WHERE ended_at = 0 AND expires_at > @now ORDER BY id;

-- name: AdminsSeen :many
SELECT admin_id, CAST(MAX(seen_at) AS BIGINT) AS seen_at FROM sessions WHERE admin_id <> '' GROUP BY admin_id ORDER BY admin_id;

-- name: AuthorizersInReview :many
SELECT app, app_id, state, name, shop_id, sets, event_at FROM authorizers WHERE state = 'kept' ORDER BY app, app_id;

-- name: UsesSince :many
SELECT client_id, shop_id, path, CAST(MAX(day) AS BIGINT) AS day, CAST(SUM(calls) AS BIGINT) AS calls FROM path_uses
WHERE day >= @since GROUP BY client_id, shop_id, path ORDER BY client_id, shop_id, path;

-- name: FirstUse :one
SELECT CAST(COALESCE(MIN(day), 0) AS BIGINT) AS day FROM path_uses;

-- name: OIDCClientsSeen :many
SELECT client_id, CAST(MAX(created_at) AS BIGINT) AS seen_at FROM oidc_logins GROUP BY client_id ORDER BY client_id;

-- name: Renewal :one
SELECT * FROM renewals WHERE grant_id = @grant_id;

-- name: Renewals :many
SELECT * FROM renewals ORDER BY grant_id;

-- name: OpenRenewals :many
SELECT * FROM renewals WHERE closed_at = 0 ORDER BY asked_at, grant_id;

-- name: PutRenewal :exec
INSERT INTO renewals (grant_id, why, made_by, asked_at, due_at, renewed_at, closed_at, told)
VALUES (@grant_id, @why, @made_by, @asked_at, @due_at, @renewed_at, @closed_at, @told)
ON CONFLICT (grant_id) DO UPDATE SET why = excluded.why, made_by = excluded.made_by, asked_at = excluded.asked_at, due_at = excluded.due_at,
    renewed_at = excluded.renewed_at, closed_at = excluded.closed_at, told = excluded.told;

-- name: OldGrants :many
-- Those that serve, were authorised before a time, and that nobody is asked for.
SELECT g.id, g.shop_id, g.kind, g.created_at, g.refresh_issued,
    CAST(COALESCE(z.event_at, 0) AS BIGINT) AS event_at, CAST(COALESCE(r.renewed_at, 0) AS BIGINT) AS renewed_at
FROM grants AS g LEFT JOIN authorizers AS z ON z.app = g.app AND z.app_id = g.authorizer
    LEFT JOIN renewals AS r ON r.grant_id = g.id
WHERE g.kind IN ('isv', 'user') AND g.state = 'active' AND g.created_at < @before AND g.refresh_issued < @before
    AND (z.event_at IS NULL OR z.event_at < @before) AND (r.grant_id IS NULL OR (r.closed_at <> 0 AND r.renewed_at < @before))
    AND g.id > @after
ORDER BY g.id LIMIT @max_rows;
