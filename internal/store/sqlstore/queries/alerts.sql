-- name: Unfolded :many
SELECT * FROM notices WHERE folded_at = 0 ORDER BY id LIMIT @max_rows;

-- name: SomethingToFold :one
SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM notices n WHERE n.folded_at = 0)
    OR EXISTS (SELECT 1 FROM alerts a WHERE (a.state <> 'over' OR a.due_at > 0) AND a.due_at > 0 AND a.due_at <= CAST(@now AS BIGINT))
    THEN 1 ELSE 0 END AS BIGINT);

-- name: WorkingAlerts :many
SELECT * FROM alerts WHERE state <> 'over' OR due_at > 0 OR ended_at > @since ORDER BY id;

-- name: HeldByUnfolded :many
SELECT DISTINCT s.alert_id, s.subject FROM notices n JOIN alert_subjects s ON s.subject = n.subject
WHERE n.folded_at = 0 AND n.id <= @last;

-- name: FoldRun :execrows
UPDATE notices SET folded_at = @now, sent_at = @now, alert_id = @alert_id WHERE id >= @low AND id <= @high AND folded_at = 0;

-- name: FreeCarrier :one
SELECT id FROM notices WHERE id = @id AND message = '';

-- name: JoinRun :exec
INSERT INTO alert_subjects (alert_id, subject, since_at)
SELECT n.alert_id, n.subject, min(n.at) FROM notices n WHERE n.id >= @low AND n.id <= @high AND n.alert_id = @alert_id GROUP BY n.alert_id, n.subject
ON CONFLICT (alert_id, subject) DO NOTHING;

-- name: EscalateRun :exec
INSERT INTO escalations (notice_id, alert_id, subject, owed_at, told_at)
SELECT n.id, n.alert_id, n.subject, n.at + CAST(@after AS BIGINT), 0 FROM notices n WHERE n.id >= @low AND n.id <= @high AND n.alert_id = @alert_id
ON CONFLICT (notice_id) DO NOTHING;

-- name: LeaveAlert :exec
DELETE FROM alert_subjects WHERE alert_id = @alert_id AND subject = @subject;

-- name: DropEscalation :exec
DELETE FROM escalations WHERE told_at = 0 AND alert_id = @alert_id AND subject = @subject;

-- name: EmptyAlert :exec
DELETE FROM alert_subjects WHERE alert_id = @alert_id;

-- name: PutAlert :exec
INSERT INTO alerts (id, kind, groups_by, state, severity, opened_at, last_at, ended_at, due_at, told_at, told_count, facts, members, last_notice, subjects, details, shop_id, silence)
VALUES (@id, @kind, @groups_by, @state, @severity, @opened_at, @last_at, @ended_at, @due_at, @told_at, @told_count, @facts, @members, @last_notice, @subjects, @details, @shop_id, @silence)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, severity = excluded.severity, last_at = excluded.last_at, ended_at = excluded.ended_at, due_at = excluded.due_at,
    told_at = excluded.told_at, told_count = excluded.told_count, facts = excluded.facts, members = excluded.members, last_notice = excluded.last_notice,
    subjects = excluded.subjects, details = excluded.details, shop_id = excluded.shop_id, silence = excluded.silence;

-- name: DeleteAlert :exec
DELETE FROM alerts WHERE id = @id;

-- name: Alert :one
SELECT * FROM alerts WHERE id = @id;

-- name: AlertsBefore :many
SELECT * FROM alerts WHERE id < @before AND state <> 'counting' ORDER BY id DESC LIMIT @max_rows;

-- name: OpenAlertsBefore :many
SELECT * FROM alerts WHERE id < @before AND state IN ('open', 'silenced') ORDER BY id DESC LIMIT @max_rows;

-- name: CountOpenAlerts :many
SELECT kind, state, count(*) AS n FROM alerts WHERE state IN ('open', 'silenced') GROUP BY kind, state;

-- name: PurgeAlerts :exec
DELETE FROM alerts WHERE ended_at > 0 AND ended_at < @before AND due_at = 0;

-- name: WakeAlerts :exec
UPDATE alerts SET due_at = @now WHERE state IN ('open', 'silenced');

-- name: AlertMembersGone :many
SELECT a.id, a.kind, s.subject FROM alerts a JOIN alert_subjects s ON s.alert_id = a.id LEFT JOIN grants g ON g.id = substr(s.subject, 7)
WHERE a.state <> 'over' AND a.kind IN ('grant.needs_owner', 'grant.stopped', 'grant.failing') AND s.since_at < @before
    AND (g.id IS NULL OR g.state = 'revoked' OR g.state = 'active' AND (a.kind <> 'grant.failing' OR g.attempt = 0))
    AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.folded_at = 0 AND n.subject = s.subject)
ORDER BY a.id, s.subject LIMIT @max_rows;

-- name: AlertMembersToEnd :many
SELECT s.subject FROM alerts a JOIN alert_subjects s ON s.alert_id = a.id
WHERE a.id = @id AND a.state <> 'over'
    AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.folded_at = 0 AND n.kind = 'alert.over' AND n.subject = s.subject)
ORDER BY s.subject LIMIT @max_rows;

-- name: ForgetConditions :exec
UPDATE meta SET number = 0 WHERE substr(name, 1, length(CAST(@prefix AS TEXT))) = CAST(@prefix AS TEXT) AND number <> 0;

-- name: InsertSilence :exec
INSERT INTO silences (id, kind, subject, shop_id, reason, made_by, made_at, until_at, ended_at)
VALUES (@id, @kind, @subject, @shop_id, @reason, @made_by, @made_at, @until_at, 0);

-- name: EndSilence :execrows
UPDATE silences SET ended_at = @ended_at WHERE id = @id AND ended_at = 0;

-- name: Silence :one
SELECT * FROM silences WHERE id = @id;

-- name: LiveSilences :many
SELECT * FROM silences WHERE ended_at = 0 AND until_at > CAST(@now AS BIGINT) ORDER BY made_at, id;

-- name: Silences :many
SELECT * FROM silences ORDER BY made_at DESC, id LIMIT @max_rows;

-- name: PurgeSilences :exec
DELETE FROM silences WHERE until_at < @before;

-- name: TakeLease :many
INSERT INTO leases (name, owner, term, until_at) VALUES (@name, @owner, 1, @until_at)
ON CONFLICT (name) DO UPDATE SET term = leases.term + CASE WHEN leases.owner = excluded.owner THEN 0 ELSE 1 END, owner = excluded.owner, until_at = excluded.until_at
WHERE leases.until_at <= CAST(@now AS BIGINT) OR leases.until_at > excluded.until_at + 60000 OR leases.owner = excluded.owner
RETURNING term;

-- name: KeepLease :execrows
UPDATE leases SET until_at = @until_at WHERE name = @name AND owner = @owner AND term = @term;

-- name: OpenConditions :many
SELECT name FROM meta WHERE substr(name, 1, length(CAST(@prefix AS TEXT))) = CAST(@prefix AS TEXT) AND number <> 0 ORDER BY name;

-- name: HoldCondition :exec
INSERT INTO held_conditions (name, server, kind, subject, until_at) VALUES (@name, @server, @kind, @subject, @until_at)
ON CONFLICT (name, server) DO UPDATE SET kind = excluded.kind, subject = excluded.subject, until_at = excluded.until_at;

-- name: LetGoCondition :exec
DELETE FROM held_conditions WHERE name = @name AND server = @server;

-- name: LapseCondition :execrows
DELETE FROM held_conditions WHERE name = @name AND server = @server AND until_at <= CAST(@now AS BIGINT);

-- name: ConditionHolders :one
SELECT count(*) FROM held_conditions WHERE name = @name AND until_at > CAST(@now AS BIGINT);

-- name: LapsedConditions :many
SELECT * FROM held_conditions WHERE until_at <= CAST(@now AS BIGINT) ORDER BY name, server;

-- name: PendingCounts :many
SELECT channel, count(*) AS pending FROM deliveries WHERE state = 'pending' GROUP BY channel;

-- name: OldestInformational :many
SELECT d.notice_id, d.attempt FROM deliveries d JOIN notices n ON n.id = d.notice_id
WHERE d.channel = @channel AND d.state = 'pending' AND n.severity = 'info' ORDER BY d.notice_id LIMIT @max_rows;

-- name: TenantChannels :one
SELECT count(*) FROM channels WHERE tenant_id <> '';

-- name: AlertTenants :many
-- What an alert counted of each tenant that has channels of its own, and what it was
-- told. Facts are added up by shop first: there are many of them, and few shops. That the
-- alert's id is above 0 is said for the index.
WITH counted AS (
    SELECT n.shop_id, n.tenant_id, count(*) AS facts, count(x.subject) AS members
    FROM notices n LEFT JOIN alert_subjects x ON x.alert_id = n.alert_id AND x.subject = n.subject
    WHERE n.alert_id = @alert_id AND n.alert_id > 0 AND n.kind = @kind AND (n.shop_id <> '' OR n.tenant_id <> '')
    GROUP BY n.shop_id, n.tenant_id
)
SELECT CAST(COALESCE(s.tenant_id, c.tenant_id) AS TEXT) AS tenant_id, CAST(sum(c.facts) AS BIGINT) AS facts,
    CAST(min(c.shop_id) AS TEXT) AS first_shop, CAST(max(c.shop_id) AS TEXT) AS last_shop,
    CAST(COALESCE(max(p.told_count), 0) AS BIGINT) AS told_count, CAST(COALESCE(max(p.told_over), 0) AS BIGINT) AS told_over,
    CAST(sum(c.members) AS BIGINT) AS members
FROM counted c LEFT JOIN shops s ON s.id = c.shop_id
    LEFT JOIN alert_parts p ON p.alert_id = @alert_id AND p.tenant_id = COALESCE(s.tenant_id, c.tenant_id)
WHERE EXISTS (SELECT 1 FROM channels h WHERE h.tenant_id <> '' AND h.tenant_id = COALESCE(s.tenant_id, c.tenant_id))
GROUP BY COALESCE(s.tenant_id, c.tenant_id) ORDER BY COALESCE(s.tenant_id, c.tenant_id);

-- name: AlertSubjectsOfTenant :many
SELECT n.subject FROM notices n LEFT JOIN shops s ON s.id = n.shop_id
WHERE n.alert_id = @alert_id AND n.alert_id > 0 AND n.kind = @kind AND COALESCE(s.tenant_id, n.tenant_id) = CAST(@tenant_id AS TEXT) AND (n.shop_id <> '' OR n.tenant_id <> '')
GROUP BY n.subject ORDER BY min(n.id) LIMIT @max_rows;

-- name: PutAlertPart :exec
INSERT INTO alert_parts (alert_id, tenant_id, told_count, told_over) VALUES (@alert_id, @tenant_id, @told_count, @told_over)
ON CONFLICT (alert_id, tenant_id) DO UPDATE SET told_count = excluded.told_count, told_over = excluded.told_over;
