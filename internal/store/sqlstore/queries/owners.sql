-- name: OwnersOwed :many
-- Owners whom facts are owed to that they were not told of, with the facts of a kind
-- together. Those whom no app can write to, or who want no messages, are left out.
SELECT m.person_id, n.kind, count(DISTINCT s.id) AS shops, CAST(min(s.id) AS TEXT) AS shop_id, CAST(max(n.id) AS BIGINT) AS last_notice
FROM escalations e JOIN notices n ON n.id = e.notice_id JOIN shops s ON s.id = n.shop_id
    JOIN members m ON m.tenant_id = s.tenant_id AND (m.shop_id = '' OR m.shop_id = s.id)
    JOIN persons p ON p.id = m.person_id
WHERE e.told_at = 0 AND e.owed_at <= CAST(@now AS BIGINT) AND m.role = 'owner' AND (m.until = 0 OR m.until > CAST(@now AS BIGINT))
    AND p.messages_off = 0
    AND EXISTS (SELECT 1 FROM identities i JOIN apps a ON a.id = i.app WHERE i.person_id = m.person_id AND a.owner_message <> '')
    AND NOT EXISTS (SELECT 1 FROM owner_messages o WHERE o.person_id = m.person_id AND o.kind = n.kind
        AND (o.again_at > CAST(@now AS BIGINT) OR o.last_notice >= n.id))
GROUP BY m.person_id, n.kind ORDER BY m.person_id, n.kind LIMIT @max_rows;

-- name: OwnerIdentity :one
-- How the app that saw a person last, of those that can write to owners, knows them.
SELECT i.* FROM identities i JOIN apps a ON a.id = i.app
WHERE i.person_id = @person_id AND a.owner_message <> '' ORDER BY i.seen_at DESC, i.app LIMIT 1;

-- name: InsertOwnerMessage :exec
INSERT INTO owner_messages (id, person_id, kind, shop_id, shops, last_notice, app, state, reason, at, again_at)
VALUES (@id, @person_id, @kind, @shop_id, @shops, @last_notice, @app, @state, '', @at, @again_at);

-- name: SettleOwnerMessage :execrows
UPDATE owner_messages SET state = @state, reason = @reason, last_notice = CASE WHEN CAST(@again_at AS BIGINT) > 0 THEN 0 ELSE last_notice END,
    again_at = CASE WHEN CAST(@again_at AS BIGINT) > 0 THEN CAST(@again_at AS BIGINT) ELSE again_at END
WHERE id = @id AND state = 'sending';

-- name: OwnerMessages :many
SELECT * FROM owner_messages WHERE person_id = @person_id ORDER BY at DESC, id LIMIT @max_rows;

-- name: EndOldEscalations :exec
UPDATE escalations SET told_at = @now WHERE told_at = 0 AND owed_at < @before;

-- name: PurgeOwnerMessages :exec
DELETE FROM owner_messages WHERE at < @before;

-- name: SetMessagesOff :execrows
UPDATE persons SET messages_off = @messages_off WHERE id = @id;
