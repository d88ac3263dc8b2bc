-- +goose Up
-- Ids are text, so that an id from outside that is none is simply not found.

CREATE TABLE tenants (
    id         text        PRIMARY KEY CHECK (id <> ''),
    name       text        NOT NULL,
    name_key   text        UNIQUE,
    private    boolean     NOT NULL DEFAULT false,
    status     text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    created_at timestamptz NOT NULL,
    -- Only a private space may go without a name, and it has to say that it is one.
    CONSTRAINT tenants_named CHECK (private = (name = '') AND private = (coalesce(name_key, '') = '')
        AND (name_key IS NULL OR name_key <> ''))
);

CREATE TABLE users (
    id             text        PRIMARY KEY CHECK (id <> ''),
    email          text        NOT NULL,
    email_key      text        UNIQUE,
    name           text        NOT NULL,
    password_hash  text        NOT NULL DEFAULT '',
    status         text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    home_tenant_id text        NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    created_at     timestamptz NOT NULL,
    -- Several users may have no address; the empty one must not make them collide, or be found.
    CONSTRAINT users_email CHECK ((email = '') = (email_key IS NULL) AND (email_key IS NULL OR email_key <> ''))
);
CREATE INDEX users_home_tenant_id ON users (home_tenant_id);

CREATE TABLE memberships (
    seq       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text        NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id   text        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role      text        NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    joined_at timestamptz NOT NULL,
    UNIQUE (tenant_id, user_id)
);
CREATE INDEX memberships_user_id ON memberships (user_id);

CREATE TABLE invitations (
    seq        bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    id         text        PRIMARY KEY CHECK (id <> ''),
    tenant_id  text        NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    email_key  text        NOT NULL CHECK (email_key <> ''),
    role       text        NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    invited_by text        REFERENCES users (id) ON DELETE SET NULL,
    hash       bytea       NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (tenant_id, email_key)
);
CREATE INDEX invitations_invited_by ON invitations (invited_by);
CREATE INDEX invitations_expires_at ON invitations (expires_at);

CREATE TABLE identities (
    provider text NOT NULL CHECK (provider <> ''),
    subject  text NOT NULL CHECK (subject <> ''),
    user_id  text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_user_id ON identities (user_id);

CREATE TABLE tokens (
    seq        bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    id         text        PRIMARY KEY CHECK (id <> ''),
    purpose    text        NOT NULL CHECK (purpose <> ''),
    hash       bytea       NOT NULL CHECK (octet_length(hash) = 32),
    user_id    text        REFERENCES users (id) ON DELETE CASCADE,
    data       text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (purpose, hash)
);
CREATE INDEX tokens_user_id ON tokens (user_id, purpose);
CREATE INDEX tokens_expires_at ON tokens (expires_at);

-- +goose Down
DROP TABLE tokens;
DROP TABLE identities;
DROP TABLE invitations;
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE tenants;
