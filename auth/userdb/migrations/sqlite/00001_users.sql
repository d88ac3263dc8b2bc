-- +goose Up
-- Times are microseconds since 1970: what PostgreSQL keeps, in a form that compares.

CREATE TABLE tenants (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
    name       TEXT    NOT NULL,
    name_key   TEXT    UNIQUE,
    private    INTEGER NOT NULL DEFAULT 0 CHECK (private IN (0, 1)),
    status     TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    created_at INTEGER NOT NULL,
    -- Only a private space may go without a name, and it has to say that it is one.
    CONSTRAINT tenants_named CHECK (private = (name = '') AND private = (coalesce(name_key, '') = '')
        AND (name_key IS NULL OR name_key <> ''))
) STRICT;

CREATE TABLE users (
    id             TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
    email          TEXT    NOT NULL,
    email_key      TEXT    UNIQUE,
    name           TEXT    NOT NULL,
    password_hash  TEXT    NOT NULL DEFAULT '',
    status         TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    home_tenant_id TEXT    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    created_at     INTEGER NOT NULL,
    -- Several users may have no address; the empty one must not make them collide, or be found.
    CONSTRAINT users_email CHECK ((email = '') = (email_key IS NULL) AND (email_key IS NULL OR email_key <> ''))
) STRICT;
CREATE INDEX users_home_tenant_id ON users (home_tenant_id);

CREATE TABLE memberships (
    seq       INTEGER PRIMARY KEY,
    tenant_id TEXT    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id   TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role      TEXT    NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    joined_at INTEGER NOT NULL,
    UNIQUE (tenant_id, user_id)
) STRICT;
CREATE INDEX memberships_user_id ON memberships (user_id);

CREATE TABLE invitations (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE CHECK (id <> ''),
    tenant_id  TEXT    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    email_key  TEXT    NOT NULL CHECK (email_key <> ''),
    role       TEXT    NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    invited_by TEXT    REFERENCES users (id) ON DELETE SET NULL,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (tenant_id, email_key)
) STRICT;
CREATE INDEX invitations_invited_by ON invitations (invited_by);
CREATE INDEX invitations_expires_at ON invitations (expires_at);

CREATE TABLE identities (
    provider TEXT NOT NULL CHECK (provider <> ''),
    subject  TEXT NOT NULL CHECK (subject <> ''),
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_user_id ON identities (user_id);

CREATE TABLE tokens (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE CHECK (id <> ''),
    purpose    TEXT    NOT NULL CHECK (purpose <> ''),
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    user_id    TEXT    REFERENCES users (id) ON DELETE CASCADE,
    data       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (purpose, hash)
) STRICT;
CREATE INDEX tokens_user_id ON tokens (user_id, purpose);
CREATE INDEX tokens_expires_at ON tokens (expires_at);

-- +goose Down
DROP TABLE tokens;
DROP TABLE identities;
DROP TABLE invitations;
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE tenants;
