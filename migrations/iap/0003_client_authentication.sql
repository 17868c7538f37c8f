-- Secrets that partners bring along, where a client may ask from, and looking for what expires.

-- argon2id as a PHC string, for a secret that this server did not make; its mac is then empty.
ALTER TABLE client_secret ADD COLUMN imported TEXT;

-- JSON array of address ranges; empty means anywhere.
ALTER TABLE client ADD COLUMN allowed_addresses TEXT NOT NULL DEFAULT '[]';

CREATE INDEX client_secret_expiry ON client_secret (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX client_key_expiry ON client_key (not_after) WHERE not_after IS NOT NULL;
