-- name: CountGrants :many
-- In steps of what is left until an end, in milliseconds: see census.go. It reads every
-- grant.
SELECT kind, state,
    CAST(CASE WHEN access_expires = 0 THEN 0
        WHEN access_expires <= CAST(@now AS BIGINT) THEN 1
        WHEN access_expires - CAST(@now AS BIGINT) <= 300000 THEN 2
        WHEN access_expires - CAST(@now AS BIGINT) <= 900000 THEN 3
        WHEN access_expires - CAST(@now AS BIGINT) <= 1800000 THEN 4
        WHEN access_expires - CAST(@now AS BIGINT) <= 3600000 THEN 5
        ELSE 6 END AS BIGINT) AS token_left,
    CAST(CASE WHEN refresh_expires = 0 THEN 0
        WHEN refresh_expires <= CAST(@now AS BIGINT) THEN 1
        WHEN refresh_expires - CAST(@now AS BIGINT) <= 86400000 THEN 2
        WHEN refresh_expires - CAST(@now AS BIGINT) <= 259200000 THEN 3
        WHEN refresh_expires - CAST(@now AS BIGINT) <= 604800000 THEN 4
        WHEN refresh_expires - CAST(@now AS BIGINT) <= 1209600000 THEN 5
        ELSE 6 END AS BIGINT) AS grant_left,
    count(*) AS n
FROM grants GROUP BY 1, 2, 3, 4;

-- name: CountLiveSessions :many
-- Those that hang on another are counted with it.
SELECT door, count(*) AS n FROM sessions
WHERE parent = '' AND ended_at = 0 AND expires_at > CAST(@now AS BIGINT) AND seen_at + idle_ms > CAST(@now AS BIGINT)
GROUP BY door;
