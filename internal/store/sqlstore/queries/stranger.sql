-- name: Stranger :one
SELECT * FROM strangers WHERE grant_id = @grant_id;

-- name: Strangers :many
SELECT * FROM strangers ORDER BY grant_id;

-- name: PutStranger :exec
INSERT INTO strangers (grant_id, last_at, evidence) VALUES (@grant_id, @last_at, @evidence)
ON CONFLICT (grant_id) DO UPDATE SET last_at = excluded.last_at, evidence = excluded.evidence;

-- name: PurgeStrangers :exec
DELETE FROM strangers WHERE last_at < @before;

-- name: OweKills :execrows
-- Forced refreshes that an active grant owes; those that it owes already count.
UPDATE grants SET kills = @kills, due_at = @due_at, updated_at = @updated_at
WHERE id = @id AND kind = 'self' AND state = 'active';
