-- name: EventsOfShop :many
SELECT * FROM events WHERE shop_id = @shop_id AND id >= @first AND id <= @last ORDER BY id LIMIT @max_rows;

-- name: FirstEvent :one
SELECT CAST(COALESCE(min(id), 0) AS BIGINT) AS id FROM events;

-- name: InsertSubscription :exec
INSERT INTO subscriptions (id, client_id, url, events, allow_private, secret, secret_version, previous, previous_ends, state, why,
    cursor, failures, pause_until, lease_owner, lease_term, lease_until, created_at)
VALUES (@id, @client_id, @url, @events, @allow_private, @secret, @secret_version, NULL, 0, @state, '', @cursor, 0, 0, '', 0, 0, @created_at);

-- name: Subscription :one
SELECT * FROM subscriptions WHERE id = @id;

-- name: Subscriptions :many
SELECT * FROM subscriptions ORDER BY created_at, id;

-- name: SubscriptionsOf :many
SELECT * FROM subscriptions WHERE client_id = @client_id ORDER BY created_at, id;

-- name: DeleteSubscription :execrows
DELETE FROM subscriptions WHERE id = @id;

-- name: RotateSubscription :execrows
UPDATE subscriptions SET previous = secret, previous_ends = @previous_ends, secret = @secret, secret_version = secret_version + 1
WHERE id = @id AND secret_version = CAST(@from_version AS BIGINT);

-- name: StartSubscription :execrows
UPDATE subscriptions SET state = 'on', why = '', failures = 0, pause_until = 0 WHERE id = @id;

-- name: DueSubscriptions :many
SELECT s.id, s.client_id, s.events, s.cursor, CAST(EXISTS (SELECT 1 FROM held_shops h WHERE h.subscription_id = s.id AND h.due_at <= CAST(@now AS BIGINT))
        OR EXISTS (SELECT 1 FROM dead_letters d WHERE d.subscription_id = s.id AND d.again_at > 0) AS BOOLEAN) AS waiting
FROM subscriptions s
WHERE s.state = 'on' AND s.lease_until <= CAST(@now AS BIGINT) AND s.pause_until <= CAST(@now AS BIGINT)
    AND (s.cursor < CAST(@last AS BIGINT)
        OR EXISTS (SELECT 1 FROM held_shops h WHERE h.subscription_id = s.id AND h.due_at <= CAST(@now AS BIGINT))
        OR EXISTS (SELECT 1 FROM dead_letters d WHERE d.subscription_id = s.id AND d.again_at > 0))
ORDER BY s.id;

-- name: LeaseSubscription :many
UPDATE subscriptions SET lease_owner = @lease_owner, lease_term = lease_term + 1, lease_until = @lease_until
WHERE id = @id AND state = 'on' AND lease_until <= CAST(@now AS BIGINT) AND pause_until <= CAST(@now AS BIGINT) RETURNING *;

-- name: SettleSubscription :execrows
UPDATE subscriptions SET cursor = @cursor, failures = @failures, pause_until = @pause_until, lease_until = 0
WHERE id = @id AND lease_term = @lease_term;

-- name: StopSubscription :exec
UPDATE subscriptions SET state = 'off', why = @why WHERE id = @id;

-- name: HeldShops :many
SELECT * FROM held_shops WHERE subscription_id = @subscription_id ORDER BY due_at, shop_id;

-- name: PutHeldShop :exec
INSERT INTO held_shops (subscription_id, shop_id, event_id, attempt, due_at, reason)
VALUES (@subscription_id, @shop_id, @event_id, @attempt, @due_at, @reason)
ON CONFLICT (subscription_id, shop_id) DO UPDATE SET event_id = excluded.event_id, attempt = excluded.attempt,
    due_at = excluded.due_at, reason = excluded.reason;

-- name: DeleteHeldShop :exec
DELETE FROM held_shops WHERE subscription_id = @subscription_id AND shop_id = @shop_id;

-- name: WakeHeldShops :exec
UPDATE held_shops SET due_at = @due_at WHERE subscription_id = @subscription_id AND due_at > @due_at;

-- name: PutDeadLetter :exec
INSERT INTO dead_letters (subscription_id, event_id, app, shop_id, app_id, name, at, seen_at, body, attempt, reason, dead_at, again_at)
VALUES (@subscription_id, @event_id, @app, @shop_id, @app_id, @name, @at, @seen_at, @body, @attempt, @reason, @dead_at, 0)
ON CONFLICT (subscription_id, event_id) DO UPDATE SET attempt = excluded.attempt, reason = excluded.reason,
    dead_at = excluded.dead_at, again_at = 0;

-- name: DeleteDeadLetter :exec
DELETE FROM dead_letters WHERE subscription_id = @subscription_id AND event_id = @event_id;

-- name: DeadLetters :many
SELECT * FROM dead_letters WHERE subscription_id = @subscription_id AND event_id > @after ORDER BY event_id LIMIT @max_rows;

-- name: AgainLetters :many
SELECT * FROM dead_letters WHERE subscription_id = @subscription_id AND again_at > 0 ORDER BY event_id LIMIT @max_rows;

-- name: ReplayDeadLetter :execrows
UPDATE dead_letters SET again_at = @again_at WHERE subscription_id = @subscription_id AND event_id = @event_id;

-- name: ReplayDeadLetters :execrows
UPDATE dead_letters SET again_at = @again_at WHERE subscription_id = @subscription_id;

-- name: PurgeDeadLetters :exec
DELETE FROM dead_letters WHERE dead_at < @before;

-- name: LostEvents :many
-- Events before a time that a subscription waits for, by their names.
SELECT e.name, count(*) AS n FROM events AS e
JOIN client_shops AS c ON c.shop_id = e.shop_id AND c.client_id = @client_id
LEFT JOIN held_shops AS h ON h.subscription_id = @subscription_id AND h.shop_id = e.shop_id
WHERE e.seen_at < @before AND e.for_client IN ('', @client_id) AND e.id >= COALESCE(h.event_id, CAST(@first AS BIGINT))
GROUP BY e.name;
