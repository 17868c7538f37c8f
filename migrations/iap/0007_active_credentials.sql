-- Revoked credentials stay, and the memory image reads the others: it must not have to look at both.
CREATE INDEX client_secret_active ON client_secret (id) WHERE status = 'active';
CREATE INDEX client_key_active ON client_key (id) WHERE status = 'active';
