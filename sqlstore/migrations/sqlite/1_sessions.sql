-- {ns} is what names begin with. Times are Unix milliseconds.

CREATE TABLE {ns}sessions (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    revision   INTEGER NOT NULL CHECK (revision > 0),
    version    INTEGER NOT NULL CHECK (version >= 0),
    tag        TEXT    NOT NULL,
    pseudonym  TEXT    NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    data       TEXT    NOT NULL CHECK (json_valid(data))
) STRICT, WITHOUT ROWID;
CREATE INDEX {ns}sessions_expires_at ON {ns}sessions (expires_at);

-- Which sessions may hold an account. The account is SHA-256 of its id, which may be of any form and length.
CREATE TABLE {ns}enlisted (
    account BLOB    NOT NULL CHECK (length(account) = 32),
    session BLOB    NOT NULL CHECK (length(session) = 16),
    until   INTEGER NOT NULL,
    PRIMARY KEY (account, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX {ns}enlisted_until ON {ns}enlisted (until);

-- The newest changes. A number is never used twice, so a watcher sees when it has missed some.
CREATE TABLE {ns}changes (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    notice TEXT    NOT NULL
) STRICT;

-- One row for each account that was linked to the first one of a session.
CREATE VIEW {ns}linked_accounts AS
SELECT p.value ->> 'a'                                              AS primary_account,
       m.value ->> 'a'                                              AS linked_account,
       s.pseudonym                                                  AS session,
       m.value ->> 's'                                              AS status,
       coalesce(m.value ->> 'm' = s.data ->> 'cur', 0)              AS current,
       m.value ->> 'how'                                            AS method,
       coalesce(m.value ->> 'in_scope', '')                         AS scope,
       m.value ->> 'in'                                             AS linked_at,
       m.value ->> 'at'                                             AS authenticated_at,
       m.value ->> 'till'                                           AS deadline,
       s.seen_at,
       s.expires_at
FROM {ns}sessions s,
     json_each(CASE WHEN s.data ->> 'schema' = 1 THEN s.data ELSE '{"acc":[]}' END, '$.acc') p,
     json_each(CASE WHEN s.data ->> 'schema' = 1 THEN s.data ELSE '{"acc":[]}' END, '$.acc') m
WHERE s.expires_at > (julianday('now') - 2440587.5) * 86400000 -- for readers with an SQLite of before 3.42, too
  AND p.value ->> 'm' = s.data ->> 'pri'
  AND m.value ->> 'm' <> s.data ->> 'pri';
