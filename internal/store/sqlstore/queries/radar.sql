-- name: AddPathUse :exec
INSERT INTO path_uses (client_id, shop_id, path, day, calls) VALUES (@client_id, @shop_id, @path, @day, @calls)
ON CONFLICT (client_id, shop_id, path, day) DO UPDATE SET calls = path_uses.calls + excluded.calls;

-- name: PathsOf :many
SELECT path, count(DISTINCT shop_id) AS shops, CAST(sum(calls) AS BIGINT) AS calls, CAST(max(day) AS BIGINT) AS last_day
FROM path_uses WHERE client_id = @client_id AND day >= @since GROUP BY path ORDER BY path;

-- name: PathsAt :many
SELECT DISTINCT path FROM path_uses WHERE client_id = @client_id AND shop_id = @shop_id AND day >= @since ORDER BY path;

-- name: UsersOf :many
-- Clients that used a path and may still do so, and the first of their shops.
SELECT u.client_id, CAST(min(u.shop_id) AS TEXT) AS shop_id, count(DISTINCT u.shop_id) AS shops, CAST(sum(u.calls) AS BIGINT) AS calls
FROM path_uses AS u
JOIN clients AS c ON c.id = u.client_id AND c.revoked_at = 0
JOIN client_shops AS s ON s.client_id = u.client_id AND s.shop_id = u.shop_id
WHERE u.path = @path AND u.day >= @since GROUP BY u.client_id ORDER BY u.client_id;

-- name: CallsOf :one
SELECT CAST(COALESCE(sum(calls), 0) AS BIGINT) AS calls FROM path_uses
WHERE client_id = @client_id AND shop_id = @shop_id AND path = @path AND day = @day;

-- name: PurgePathUses :exec
DELETE FROM path_uses WHERE day < @before;

-- name: APIDiffs :many
-- The name stands here as it does in the index that holds these events alone.
SELECT * FROM events WHERE name = 'api_diff' AND id > @after ORDER BY id LIMIT @max_rows;

-- name: KnownAPIChange :one
SELECT count(*) FROM api_changes WHERE id = @id;

-- name: InsertAPIChange :exec
INSERT INTO api_changes (id, path, name, content, doc_url, log_url, changed_at, seen_at, clients)
VALUES (@id, @path, @name, @content, @doc_url, @log_url, @changed_at, @seen_at, @clients)
ON CONFLICT (id) DO NOTHING;

-- name: APIChanges :many
SELECT * FROM api_changes WHERE changed_at < @at OR (changed_at = @at AND id > @after) ORDER BY changed_at DESC, id LIMIT @max_rows;

-- name: APIChangesOfPath :many
SELECT * FROM api_changes WHERE path = @path AND (changed_at < @at OR (changed_at = @at AND id > @after)) ORDER BY changed_at DESC, id LIMIT @max_rows;

-- name: PurgeAPIChanges :exec
DELETE FROM api_changes WHERE seen_at < @before;
