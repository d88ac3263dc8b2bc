-- Tries at signing in, see Counter. The bucket is SHA-256 of its key; at is in Unix milliseconds of this server.
CREATE TABLE {ns}tries (
    bucket bytea       PRIMARY KEY CHECK (octet_length(bucket) = 32),
    used   bigint      NOT NULL DEFAULT 0,
    at     bigint      NOT NULL DEFAULT 0,
    until  timestamptz NOT NULL
);
CREATE INDEX tries_until ON {ns}tries (until);

-- Takes one try from every bucket, or from none, and answers 0 or the milliseconds until all of them have one. Rows are
-- locked in one order, so that two calls never wait for each other in a circle.
CREATE FUNCTION {ns}take(buckets bytea[], tries bigint[], steps bigint[], longest bigint[], memory bigint[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    clock  timestamptz;
    moment bigint;
    wait   bigint;
    locked bigint;
BEGIN
    -- Some counts may get lost when the server crashes. In return nobody holds the row of everybody while a disk writes.
    PERFORM set_config('synchronous_commit', 'off', true);
    LOOP -- again when a row was removed between the two
        INSERT INTO {ns}tries AS t (bucket, until)
            SELECT DISTINCT b, now() + interval '1 minute' FROM unnest(buckets) b ORDER BY b
            ON CONFLICT (bucket) DO NOTHING;
        PERFORM FROM {ns}tries t WHERE t.bucket = ANY (buckets) ORDER BY t.bucket FOR UPDATE;
        GET DIAGNOSTICS locked = ROW_COUNT;
        EXIT WHEN locked = (SELECT count(DISTINCT b) FROM unnest(buckets) b);
    END LOOP;

    clock := clock_timestamp(); -- not that of the beginning: waiting for the rows takes time
    moment := floor(extract(epoch FROM clock) * 1000);
    UPDATE {ns}tries t SET used = 0, at = 0 WHERE t.bucket = ANY (buckets) AND t.until <= clock;
    SELECT max(t.at - CASE WHEN g.longest = 0 THEN (g.tries - 1) * g.step ELSE 0 END - moment) INTO wait
        FROM unnest(buckets, tries, steps, longest) g (bucket, tries, step, longest) JOIN {ns}tries t USING (bucket);
    IF wait > 0 THEN
        RETURN wait;
    END IF;

    UPDATE {ns}tries t SET used = n.used, at = n.at, until = clock + n.memory * interval '1 millisecond'
        FROM (SELECT g.bucket,
                     CASE WHEN g.longest = 0 THEN o.used ELSE o.used + 1 END AS used,
                     CASE WHEN g.longest = 0 THEN greatest(o.at, moment) + g.step
                          WHEN o.used + 1 < g.tries THEN moment
                          ELSE moment + least(g.longest, g.step * 2::numeric ^ least(o.used + 1 - g.tries, 62))::bigint END AS at,
                     CASE WHEN g.longest = 0 THEN greatest(o.at, moment) + g.step - moment ELSE g.memory END AS memory
              FROM unnest(buckets, tries, steps, longest, memory) g (bucket, tries, step, longest, memory)
              JOIN {ns}tries o USING (bucket)) n
        WHERE t.bucket = n.bucket;
    RETURN 0;
END $$;

-- Messages that are too long for a notification, see Bus. Nobody needs them after a crash.
CREATE UNLOGGED TABLE {ns}messages (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    body    bytea       NOT NULL
);
CREATE INDEX messages_sent_at ON {ns}messages (sent_at);
