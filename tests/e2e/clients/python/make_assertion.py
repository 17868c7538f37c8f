"""Makes a client assertion (RFC 7523) with joserfc: {"private_jwk", "alg", "client_id", "audience"} -> {"assertion"}."""

import time
import uuid

import job
from joserfc import jwt
from joserfc.jwk import import_key

task = job.read()
key = import_key(task["private_jwk"])
now = int(time.time())
claims = {
    "iss": task["client_id"],
    "sub": task["client_id"],
    "aud": task["audience"],
    "iat": now,
    "exp": now + 120,
    "jti": str(uuid.uuid4()),
}
header = {"alg": task["alg"], "kid": key.kid, "typ": "client-authentication+jwt"}
job.done(assertion=jwt.encode(header, claims, key, algorithms=[task["alg"]]))
