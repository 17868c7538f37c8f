-- Introspection, revocation and its feed, and clients that register themselves.

-- Resource servers whose tokens a client may introspect: JSON array of their ids.
ALTER TABLE client ADD COLUMN introspects TEXT NOT NULL DEFAULT '[]';

-- Which tokens of its subject a decision concerns: those issued in this second or before it, seconds since
-- 1970-01-01 UTC; NULL: all of them.
ALTER TABLE negative_decision ADD COLUMN feed_iat_before BIGINT;
CREATE INDEX negative_decision_subject ON negative_decision (feed_value, feed_member);

-- The revocation feed as it was signed last, once for all nodes: the whole (since = 0) and what came after a
-- sequence. The primary key decides which node signs an epoch.
CREATE TABLE revocation_feed (
    epoch     BIGINT NOT NULL,
    since     BIGINT NOT NULL,
    -- The highest decision in it; it never falls.
    sequence  BIGINT NOT NULL,
    signed_at BIGINT NOT NULL,
    kid       TEXT   NOT NULL,
    jws       TEXT   NOT NULL,
    PRIMARY KEY (epoch, since)
);

-- With one of these a company's machine registers itself: only a digest is kept.
CREATE TABLE initial_access_token (
    id             TEXT   PRIMARY KEY,
    participant_id TEXT   NOT NULL REFERENCES participant (id),
    digest         TEXT   NOT NULL UNIQUE,
    status         TEXT   NOT NULL CHECK (status IN ('active', 'revoked')),
    -- How many registrations it is good for, and how many there were.
    uses           BIGINT NOT NULL,
    used           BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX initial_access_token_participant ON initial_access_token (participant_id);

-- Clients that registered themselves, and the token with which each changes its registration.
CREATE TABLE registration (
    client_id               TEXT   PRIMARY KEY REFERENCES client (id),
    initial_access_token_id TEXT   NOT NULL REFERENCES initial_access_token (id),
    digest                  TEXT   NOT NULL,
    updated_at              BIGINT NOT NULL
);
