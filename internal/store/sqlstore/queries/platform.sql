-- What a third-party platform is told, and what follows from it.

-- name: InsertTicket :exec
INSERT INTO tickets (app, created_at, value, seen_at) VALUES (@app, @created_at, @value, @seen_at);

-- name: Tickets :many
SELECT * FROM tickets WHERE app = @app ORDER BY created_at DESC;

-- name: DropTickets :exec
DELETE FROM tickets WHERE app = @app AND created_at < @before;

-- name: Authorizer :one
SELECT * FROM authorizers WHERE app = @app AND app_id = @app_id;

-- name: AuthorizersAfter :many
SELECT * FROM authorizers WHERE app = @app AND app_id > @after ORDER BY app_id LIMIT @max_rows;

-- name: PutAuthorizer :exec
INSERT INTO authorizers (app, app_id, version, state, account, name, shop_id, sets, event_at, code, code_ends, due_at, attempt, cause, checked_at)
VALUES (@app, @app_id, @version, @state, @account, @name, @shop_id, @sets, @event_at, @code, @code_ends, @due_at, @attempt, @cause, @checked_at)
ON CONFLICT (app, app_id) DO UPDATE SET version = excluded.version, state = excluded.state, account = excluded.account,
    name = excluded.name, shop_id = excluded.shop_id, sets = excluded.sets, event_at = excluded.event_at, code = excluded.code,
    code_ends = excluded.code_ends, due_at = excluded.due_at, attempt = excluded.attempt, cause = excluded.cause,
    checked_at = excluded.checked_at;

-- name: ClaimAuthorizers :many
-- Only in a transaction that is alone.
UPDATE authorizers SET due_at = @until, version = version + 1
WHERE (app, app_id) IN (
    SELECT due.app, due.app_id FROM authorizers AS due
    WHERE due.due_at > 0 AND due.due_at <= @now
    ORDER BY due.due_at LIMIT @max_rows)
RETURNING *;

-- name: NextAuthorizer :one
SELECT due_at FROM authorizers WHERE due_at > 0 ORDER BY due_at LIMIT 1;

-- name: WakeUndeclared :exec
-- An account that waited until somebody declared its shop is looked at again.
UPDATE authorizers SET due_at = @due_at WHERE app = @app AND app_id = @app_id AND cause = 'undeclared' AND due_at > @due_at;

-- name: VoidAuthorizers :execrows
-- The version rises, so that no look at an account that has begun writes it again.
UPDATE authorizers SET version = version + 1, state = 'withdrawn', sets = 'null', event_at = 0, code = NULL, code_ends = 0,
    due_at = 0, attempt = 0, cause = @cause, checked_at = 0
WHERE app = @app;

-- name: DeletePurchases :exec
DELETE FROM purchases WHERE app = @app;

-- name: PutPurchase :exec
INSERT INTO purchases (app, app_id, service, spec, order_id, paid_until, seen_at)
VALUES (@app, @app_id, @service, @spec, @order_id, @paid_until, @seen_at)
ON CONFLICT (app, app_id, service, spec) DO UPDATE SET order_id = excluded.order_id, paid_until = excluded.paid_until,
    seen_at = excluded.seen_at
WHERE purchases.seen_at <= excluded.seen_at;

-- name: Purchases :many
SELECT * FROM purchases WHERE app = @app AND app_id = @app_id ORDER BY service, spec;

-- name: InsertPush :execrows
INSERT INTO pushes (app, digest, at) VALUES (@app, @digest, @at) ON CONFLICT (app, digest) DO NOTHING;

-- name: PurgePushes :exec
DELETE FROM pushes WHERE at < @before;

-- name: InsertEvent :exec
INSERT INTO events (id, app, shop_id, app_id, name, at, seen_at, body, for_client)
VALUES (@id, @app, @shop_id, @app_id, @name, @at, @seen_at, @body, @for_client);

-- name: EventsAfter :many
SELECT * FROM events WHERE id > @after ORDER BY id LIMIT @max_rows;

-- name: PurgeEvents :exec
DELETE FROM events WHERE seen_at < @before;
