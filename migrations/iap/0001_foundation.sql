-- The foundation of the identity provider: who is registered, with which credentials, under which keys,
-- and the journal of what was done.
--
-- Dialect: what SQLite and PostgreSQL share. TEXT and BIGINT only; identifiers are ULID text, times are
-- milliseconds since 1970-01-01 UTC, flags 0/1, binary base64url, lists JSON text.

-- One row, made by the first start: the unique insert decides which process that is.
CREATE TABLE installation (
    singleton       BIGINT PRIMARY KEY CHECK (singleton = 1),
    id              TEXT   NOT NULL,
    -- Proves that a node holds the same master key, without saying anything about it.
    key_check_value TEXT   NOT NULL,
    issuer          TEXT   NOT NULL,
    created_at      BIGINT NOT NULL
);

CREATE TABLE participant (
    id                  TEXT   PRIMARY KEY,
    name                TEXT   NOT NULL,
    -- JSON array of role codes; the first one is the main role.
    roles               TEXT   NOT NULL,
    logistics_agent_uri TEXT   NOT NULL UNIQUE,
    status              TEXT   NOT NULL CHECK (status IN ('active', 'disabled')),
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL
);

-- A ONE Record ID names one company, for ever: the primary key is what decides a race for it.
CREATE TABLE one_record_id (
    uri            TEXT   PRIMARY KEY,
    participant_id TEXT   NOT NULL REFERENCES participant (id),
    -- 1 for the one that stands in tokens unless a client is registered for another.
    main           BIGINT NOT NULL CHECK (main IN (0, 1)),
    status         TEXT   NOT NULL CHECK (status IN ('approved', 'suspended')),
    created_at     BIGINT NOT NULL
);
CREATE INDEX one_record_id_participant ON one_record_id (participant_id);
CREATE UNIQUE INDEX one_record_id_main ON one_record_id (participant_id) WHERE main = 1;

CREATE TABLE resource_server (
    id               TEXT   PRIMARY KEY,
    identifier       TEXT   NOT NULL UNIQUE,
    name             TEXT   NOT NULL,
    access_token_typ TEXT   NOT NULL CHECK (access_token_typ IN ('at+jwt', 'JWT')),
    signing_alg      TEXT   NOT NULL,
    scopes           TEXT   NOT NULL,
    -- 1 for the audience of clients that name none.
    is_default       BIGINT NOT NULL CHECK (is_default IN (0, 1)),
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL
);
CREATE UNIQUE INDEX resource_server_default ON resource_server (is_default) WHERE is_default = 1;

CREATE TABLE client (
    id                         TEXT   PRIMARY KEY,
    -- NULL only for an administrator.
    participant_id             TEXT   REFERENCES participant (id),
    kind                       TEXT   NOT NULL CHECK (kind IN ('machine', 'administrator')),
    -- 1 for the administrator that the first start made.
    bootstrap                  BIGINT NOT NULL CHECK (bootstrap IN (0, 1)),
    name                       TEXT   NOT NULL,
    token_endpoint_auth_method TEXT   NOT NULL,
    require_bound_tokens       BIGINT NOT NULL CHECK (require_bound_tokens IN (0, 1)),
    scopes                     TEXT   NOT NULL,
    -- JSON array of resource server ids; empty means the default one.
    audiences                  TEXT   NOT NULL,
    access_token_lifetime      BIGINT,
    signing_alg                TEXT,
    -- The ONE Record ID that its tokens carry; NULL means the participant's main one.
    one_record_id              TEXT   REFERENCES one_record_id (uri),
    status                     TEXT   NOT NULL CHECK (status IN ('active', 'disabled')),
    created_at                 BIGINT NOT NULL,
    updated_at                 BIGINT NOT NULL
);
CREATE INDEX client_participant ON client (participant_id);

CREATE TABLE client_secret (
    id           TEXT   PRIMARY KEY,
    client_id    TEXT   NOT NULL REFERENCES client (id),
    -- HMAC-SHA-256 of the secret under the installation's secret-mac key.
    mac          TEXT   NOT NULL,
    status       TEXT   NOT NULL CHECK (status IN ('active', 'revoked')),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT
);
CREATE INDEX client_secret_client ON client_secret (client_id);

CREATE TABLE client_key (
    id         TEXT   PRIMARY KEY,
    client_id  TEXT   NOT NULL REFERENCES client (id),
    kid        TEXT   NOT NULL,
    alg        TEXT   NOT NULL,
    thumbprint TEXT   NOT NULL,
    jwk        TEXT   NOT NULL,
    status     TEXT   NOT NULL CHECK (status IN ('active', 'revoked')),
    created_at BIGINT NOT NULL,
    not_after  BIGINT,
    UNIQUE (client_id, kid)
);
CREATE INDEX client_key_thumbprint ON client_key (thumbprint);

-- Private keys of the installation, each sealed by the master key.
CREATE TABLE sealed_key (
    id           TEXT   PRIMARY KEY,
    kid          TEXT   NOT NULL UNIQUE,
    purpose      TEXT   NOT NULL,
    alg          TEXT   NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('announced', 'active', 'retiring', 'retired', 'revoked')),
    -- NULL for keys that have no public half.
    public_jwk   TEXT,
    jwe          TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    activated_at BIGINT
);
CREATE UNIQUE INDEX sealed_key_active ON sealed_key (purpose, alg) WHERE state = 'active';

-- Opaque administration tokens: only a digest is kept.
CREATE TABLE administration_token (
    digest     TEXT   PRIMARY KEY,
    client_id  TEXT   NOT NULL REFERENCES client (id),
    scope      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX administration_token_expiry ON administration_token (expires_at);

-- Identifiers of assertions that were used once and may not be used again.
CREATE TABLE consumed_identifier (
    replay_key TEXT   PRIMARY KEY,
    keep_until BIGINT NOT NULL
);
CREATE INDEX consumed_identifier_expiry ON consumed_identifier (keep_until);

-- The journal's head is one row, so that appending takes its lock: sequences are dense and commit in order.
CREATE TABLE journal_head (
    singleton BIGINT PRIMARY KEY CHECK (singleton = 1),
    sequence  BIGINT NOT NULL,
    hash      TEXT   NOT NULL
);
INSERT INTO journal_head (singleton, sequence, hash) VALUES (1, 0, '');

CREATE TABLE journal (
    sequence      BIGINT PRIMARY KEY,
    at            BIGINT NOT NULL,
    actor         TEXT   NOT NULL,
    action        TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    salt          TEXT   NOT NULL,
    before_digest TEXT   NOT NULL,
    after_digest  TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    previous_hash TEXT   NOT NULL,
    hash          TEXT   NOT NULL
);
CREATE INDEX journal_subject ON journal (subject);
