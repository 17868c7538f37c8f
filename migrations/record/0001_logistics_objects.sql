-- Logistics objects of the reference ONE Record server.
-- TEXT and BIGINT only: one text for SQLite and PostgreSQL. Times are milliseconds since 1970-01-01 UTC,
-- flags 0 or 1, lists JSON text, hashes base64url of SHA-256.

CREATE TABLE lo (
    id          TEXT   NOT NULL PRIMARY KEY, -- ULID
    tenant      TEXT   NOT NULL,             -- path of the company on this server
    local_id    TEXT   NOT NULL,
    owner       TEXT   NOT NULL,             -- company identifier
    root_type   TEXT   NOT NULL,             -- first class of the document
    types       TEXT   NOT NULL,             -- all classes
    revision    BIGINT NOT NULL,             -- the latest, dense from 1
    created_at  BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    has_own_acl BIGINT NOT NULL,             -- 1: nothing is inherited
    UNIQUE (tenant, local_id)
);

-- A full snapshot per revision: sorted N-Quads without blank nodes.
CREATE TABLE lo_rev (
    lo         TEXT   NOT NULL REFERENCES lo (id),
    revision   BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    nquads     TEXT   NOT NULL,
    bytes      BIGINT NOT NULL,              -- length of nquads, known before it is loaded
    sha256     TEXT   NOT NULL,
    prev_hash  TEXT,                         -- sha256 of the revision before
    change_id  TEXT,                         -- the request that made it; none for the first
    PRIMARY KEY (lo, revision)
);

-- Nodes that live inside a logistics object: the blank nodes of the documents that made it.
CREATE TABLE embedded (
    lo          TEXT NOT NULL REFERENCES lo (id),
    internal_id TEXT NOT NULL,               -- internal:<uuid5>
    PRIMARY KEY (lo, internal_id)
);

-- What the latest revision points to.
CREATE TABLE link (
    lo_from TEXT NOT NULL REFERENCES lo (id),
    lo_to   TEXT NOT NULL,                   -- IRI, here or elsewhere
    PRIMARY KEY (lo_from, lo_to)
);
CREATE INDEX link_to ON link (lo_to);

-- URLs that the owner wrote at the top level of the object. A company whose identifier stands here may read,
-- as long as the object has no ACL of its own.
CREATE TABLE named (
    lo  TEXT NOT NULL REFERENCES lo (id),
    iri TEXT NOT NULL,
    PRIMARY KEY (lo, iri)
);

-- One row per Authorization and agent.
CREATE TABLE acl_rule (
    lo            TEXT   NOT NULL REFERENCES lo (id),
    fragment      TEXT   NOT NULL,           -- of the Authorization's hash IRI
    agent         TEXT   NOT NULL,           -- company identifier
    modes         TEXT   NOT NULL,           -- JSON list of Read, Write, Append, Control
    introduced_by TEXT   NOT NULL,           -- company identifier
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (lo, fragment, agent)
);
CREATE INDEX acl_rule_agent ON acl_rule (lo, agent);
