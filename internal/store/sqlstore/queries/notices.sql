-- name: InsertNotice :one
INSERT INTO notices (at, kind, subject, details, sent_at, folded_at, alert_id, severity, message, shop_id, tenant_id)
VALUES (@at, @kind, @subject, @details, 0, @folded_at, @alert_id, '', '', @shop_id, @tenant_id) RETURNING id;

-- name: TellNotice :exec
UPDATE notices SET sent_at = 0, severity = @severity, message = @message WHERE id = @id;

-- name: PendingNotices :many
SELECT * FROM notices WHERE sent_at = 0 ORDER BY id LIMIT @max_rows;

-- name: Notices :many
SELECT * FROM notices ORDER BY id DESC LIMIT @max_rows;

-- name: Backlog :one
SELECT count(*) AS pending, CAST(COALESCE(min(at), 0) AS BIGINT) AS oldest FROM notices WHERE sent_at = 0;

-- name: DeliveriesOf :many
SELECT * FROM deliveries WHERE notice_id = @notice_id ORDER BY channel;

-- name: EndNotice :exec
UPDATE notices SET sent_at = @sent_at WHERE id = @id AND sent_at = 0
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice_id = notices.id AND d.state = 'pending');

-- name: EndOldNotices :exec
UPDATE notices SET sent_at = @sent_at WHERE sent_at = 0 AND folded_at > 0 AND at < @before
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice_id = notices.id AND d.state = 'pending');

-- name: PurgeNotices :exec
DELETE FROM notices WHERE sent_at > 0 AND sent_at < @before;

-- name: Channels :many
SELECT * FROM channels ORDER BY name;

-- name: InsertBacklog :exec
INSERT INTO deliveries (notice_id, channel, state, attempt, due_at, done_at, reason)
SELECT id, CAST(@channel AS TEXT), 'pending', 0, CAST(@due_at AS BIGINT), 0, '' FROM notices WHERE sent_at = 0 AND folded_at > 0
ON CONFLICT (notice_id, channel) DO NOTHING;

-- name: DeleteChannel :exec
DELETE FROM channels WHERE name = @name;

-- name: PendingOf :many
SELECT notice_id, attempt FROM deliveries WHERE channel = @channel AND state = 'pending' ORDER BY notice_id;

-- name: DueChannels :many
SELECT c.name FROM channels c WHERE c.lease_until <= CAST(@now AS BIGINT)
    AND EXISTS (SELECT 1 FROM deliveries d WHERE d.channel = c.name AND d.state = 'pending' AND d.due_at <= CAST(@now AS BIGINT))
ORDER BY c.name;

-- name: LeaseChannel :many
UPDATE channels SET lease_owner = @lease_owner, lease_term = lease_term + 1, lease_until = @lease_until
WHERE name = @name AND lease_until <= CAST(@now AS BIGINT) RETURNING lease_term;

-- name: ReleaseChannel :exec
UPDATE channels SET lease_until = 0 WHERE name = @name AND lease_term = @lease_term;

-- name: DueDeliveries :many
SELECT n.id, n.at, n.kind, n.subject, n.details, n.message, d.attempt, d.reason
FROM deliveries d JOIN notices n ON n.id = d.notice_id
WHERE d.channel = @channel AND d.state = 'pending' AND d.due_at <= CAST(@now AS BIGINT)
ORDER BY d.notice_id LIMIT @max_rows;

-- name: SettleDelivery :execrows
UPDATE deliveries SET state = @state, attempt = @attempt, due_at = @due_at, done_at = @done_at, reason = @reason
WHERE notice_id = @notice_id AND channel = @channel AND state = 'pending' AND attempt = CAST(@from_attempt AS BIGINT);

