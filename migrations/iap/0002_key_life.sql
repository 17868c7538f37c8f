-- The life of a signing key (announced → active → retiring → retired, or revoked), and the decisions that no
-- restore may undo.

-- When a successor was announced: it signs only after the lead, so that every cache has seen it.
ALTER TABLE sealed_key ADD COLUMN announced_at BIGINT;
-- Until when a retiring key stays published, milliseconds since 1970-01-01 UTC.
ALTER TABLE sealed_key ADD COLUMN retires_at BIGINT;
-- One successor at a time: this index decides which of several nodes announces it.
CREATE UNIQUE INDEX sealed_key_announced ON sealed_key (purpose, alg) WHERE state = 'announced';

-- Every decision against something: what was revoked, disabled, suspended or dropped. The sequence is the
-- journal's. Rows are never changed; what was enabled again later stands in the registry.
CREATE TABLE negative_decision (
    sequence   BIGINT NOT NULL,
    -- token, client, participant, one_record_id, client_secret, client_key, signing_key, and others to come.
    kind       TEXT   NOT NULL,
    -- The id of what it is about; for a token its jti.
    value      TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    -- What the revocation feed says of it: member name and value; NULL when no token is concerned.
    feed_member TEXT,
    feed_value  TEXT,
    -- Until when the feed must say it, milliseconds since 1970-01-01 UTC: then the last token has expired.
    feed_until  BIGINT,
    PRIMARY KEY (sequence, kind, value)
);
CREATE INDEX negative_decision_feed ON negative_decision (feed_until);
