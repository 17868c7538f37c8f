"""joserfc verifies a token from discovery alone, the key set imported as it was served."""

import job
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

task = job.read()
metadata = job.discover(task["issuer"])
keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())


def verify(token, audience=task["audience"]):
    verified = jwt.decode(token, keys, algorithms=["RS256", "PS256", "ES256", "EdDSA"])
    jwt.JWTClaimsRegistry(
        leeway=5,
        iss={"essential": True, "value": task["issuer"]},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    ).validate(verified.claims)
    return verified


verified = verify(task["token"])
key = next(key for key in keys.keys if key.kid == verified.header["kid"])
job.done(
    header=verified.header,
    claims=verified.claims,
    # RFC 7638, computed by joserfc from the published members.
    thumbprint=key.thumbprint(),
    tampered=job.refusal(lambda: verify(job.tampered(task["token"]))),
    other_audience=job.refusal(lambda: verify(task["token"], audience=task["audience"] + "/")),
)
