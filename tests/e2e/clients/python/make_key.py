"""Makes a key pair with joserfc: {"alg"} -> {"private", "public"} (JWKs)."""

import job
from joserfc.jwk import ECKey, OKPKey, RSAKey

MAKERS = {
    "ES256": lambda facts: ECKey.generate_key("P-256", facts, private=True),
    "RS256": lambda facts: RSAKey.generate_key(2048, facts, private=True),
    "PS256": lambda facts: RSAKey.generate_key(2048, facts, private=True),
    "EdDSA": lambda facts: OKPKey.generate_key("Ed25519", facts, private=True),
}

task = job.read()
key = MAKERS[task["alg"]]({"alg": task["alg"], "use": "sig"})
key.ensure_kid()
job.done(private=key.as_dict(private=True), public=key.as_dict(private=False))
