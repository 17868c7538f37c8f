-- The administration grown up: audiences that can be withdrawn, requests that may come twice, requests that a second
-- person has to approve.

-- Withdrawn servers stay registered; no token is made for them.
ALTER TABLE resource_server ADD COLUMN status TEXT NOT NULL DEFAULT 'active';

-- What was answered to a request with an Idempotency-Key. The primary key decides which of two at once was the first.
CREATE TABLE idempotency_record (
    client_id  TEXT   NOT NULL REFERENCES client (id),
    idempotency_key TEXT NOT NULL,
    method     TEXT   NOT NULL,
    path       TEXT   NOT NULL,
    -- HMAC of the body's SHA-256 under the key of the secrets, base64url.
    digest     TEXT   NOT NULL,
    status     BIGINT NOT NULL,
    -- JSON object of the headers that belong to the answer.
    headers    TEXT   NOT NULL,
    -- The answer's body without its secrets, base64url.
    body       TEXT   NOT NULL,
    -- 1 when there were secrets in it.
    withheld   BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, idempotency_key)
);
CREATE INDEX idempotency_record_expiry ON idempotency_record (expires_at);

-- Requests that wait for a second administrator, and what became of them.
CREATE TABLE approval (
    id              TEXT   PRIMARY KEY,
    operation       TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    summary         TEXT   NOT NULL,
    -- The request, exactly: this is what is executed, once.
    method          TEXT   NOT NULL,
    path            TEXT   NOT NULL,
    if_match        TEXT,
    body            TEXT   NOT NULL,
    -- SHA-256 over all of it, base64url.
    digest          TEXT   NOT NULL,
    -- 1 when its answer has a secret, which only its requester may see.
    makes_secret    BIGINT NOT NULL,
    requested_by    TEXT   NOT NULL REFERENCES client (id),
    -- The scopes of the token with which it was requested, separated by blanks.
    scope           TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('pending', 'approved', 'executed', 'rejected')),
    decided_by      TEXT   REFERENCES client (id),
    decided_at      BIGINT,
    reason          TEXT   NOT NULL,
    executed_at     BIGINT,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL
);
CREATE INDEX approval_requester ON approval (requested_by, state);
