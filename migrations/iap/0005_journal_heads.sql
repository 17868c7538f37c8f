-- What anchors the journal outside the database, and where it begins after old records were removed.

-- Heads that the audit key has signed: one for each sequence, whichever node was first. Every node copies them
-- into its own file, which is what proves something: whoever can rewrite the journal can rewrite this table too.
CREATE TABLE signed_head (
    sequence  BIGINT PRIMARY KEY,
    hash      TEXT   NOT NULL,
    signed_at BIGINT NOT NULL,
    kid       TEXT   NOT NULL,
    jws       TEXT   NOT NULL
);

-- The last record that retention has removed, and its hash, from which the chain goes on.
CREATE TABLE journal_start (
    singleton  BIGINT PRIMARY KEY CHECK (singleton = 1),
    sequence   BIGINT NOT NULL,
    hash       TEXT   NOT NULL,
    trimmed_at BIGINT NOT NULL
);
INSERT INTO journal_start (singleton, sequence, hash, trimmed_at) VALUES (1, 0, '', 0);

CREATE INDEX journal_at ON journal (at);
