-- {ns} is the schema with a dot. Times are the server's, so that the clocks of the processes may differ.

CREATE TABLE {ns}sessions (
    id         bytea       PRIMARY KEY CHECK (octet_length(id) = 16),
    revision   bigint      NOT NULL CHECK (revision > 0),
    version    bigint      NOT NULL CHECK (version >= 0),
    tag        text        NOT NULL,
    pseudonym  text        NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- json rather than jsonb, which takes no \u0000: the ids of accounts are the app's, and may hold anything.
    data       json        NOT NULL
);
CREATE INDEX sessions_expires_at ON {ns}sessions (expires_at);

-- Which sessions may hold an account. The account is SHA-256 of its id, which may be of any form and length.
CREATE TABLE {ns}enlisted (
    account bytea       NOT NULL CHECK (octet_length(account) = 32),
    session bytea       NOT NULL CHECK (octet_length(session) = 16),
    until   timestamptz NOT NULL,
    PRIMARY KEY (account, session)
);
CREATE INDEX enlisted_until ON {ns}enlisted (until);

-- One row for each account that was linked to the first one of a session. Whoever may read this view need not be allowed
-- to read the table below, with what proves cookies and stamps.
CREATE VIEW {ns}linked_accounts AS
SELECT p.value ->> 'a'                                       AS primary_account,
       m.value ->> 'a'                                       AS linked_account,
       s.pseudonym                                           AS session,
       m.value ->> 's'                                       AS status,
       coalesce(m.value ->> 'm' = r.record ->> 'cur', false) AS current,
       m.value ->> 'how'                                     AS method,
       coalesce(m.value ->> 'in_scope', '')                  AS scope,
       to_timestamp((m.value ->> 'in')::float8 / 1000)       AS linked_at,
       to_timestamp((m.value ->> 'at')::float8 / 1000)       AS authenticated_at,
       to_timestamp((m.value ->> 'till')::float8 / 1000)     AS deadline,
       s.seen_at,
       s.expires_at
FROM {ns}sessions s
-- The zero byte becomes the character for what cannot be shown: text holds none, and one account's id must not keep
-- everybody from reading.
CROSS JOIN LATERAL (SELECT replace(s.data::text, '\u0000', '\ufffd')::json AS record OFFSET 0) r
CROSS JOIN LATERAL (SELECT CASE WHEN r.record ->> 'schema' = '1' AND json_typeof(r.record -> 'acc') = 'array'
                                THEN r.record -> 'acc' ELSE '[]' END AS list) a
CROSS JOIN LATERAL json_array_elements(a.list) p
CROSS JOIN LATERAL json_array_elements(a.list) m
WHERE s.expires_at > now()
  AND p.value ->> 'm' = r.record ->> 'pri'
  AND m.value ->> 'm' <> r.record ->> 'pri';
