"""PyJWT verifies a token from discovery alone, its keys by PyJWKClient."""

import job
import jwt

task = job.read()
metadata = job.discover(task["issuer"], "openid")
keys = jwt.PyJWKClient(metadata["jwks_uri"])


def verify(token, audience=task["audience"], issuer=task["issuer"]):
    key = keys.get_signing_key_from_jwt(token)
    return jwt.decode_complete(
        token,
        key,
        algorithms=[key.algorithm_name],
        audience=audience,
        issuer=issuer,
        leeway=5,
        options={"require": ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id"]},
    )


verified = verify(task["token"])
job.done(
    header=verified["header"],
    claims=verified["payload"],
    tampered=job.refusal(lambda: verify(job.tampered(task["token"]))),
    other_audience=job.refusal(lambda: verify(task["token"], audience=task["audience"] + "/")),
    other_issuer=job.refusal(lambda: verify(task["token"], issuer=task["issuer"] + "/")),
)
