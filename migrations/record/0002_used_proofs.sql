-- Proofs of possession that were used: each is good once, on every node.

CREATE TABLE used_proof (
    replay_key TEXT   NOT NULL PRIMARY KEY, -- base64url of SHA-256
    keep_until BIGINT NOT NULL              -- seconds since 1970-01-01 UTC
);
CREATE INDEX used_proof_expiry ON used_proof (keep_until);
