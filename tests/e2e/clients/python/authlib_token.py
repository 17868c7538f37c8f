"""Authlib gets a token by the method that the job names."""

import time

import job
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import import_key


def session(task, metadata):
    if task["method"] != "private_key_jwt":
        return OAuth2Session(
            task["client_id"], task["client_secret"], token_endpoint_auth_method=task["method"]
        )
    key = import_key(task["private_jwk"])
    made = OAuth2Session(task["client_id"], key, token_endpoint_auth_method="private_key_jwt")
    made.register_client_auth_method(
        PrivateKeyJWT(
            # The audience is the issuer (RFC 7523bis); Authlib's own default would be the token endpoint.
            metadata["issuer"],
            # A fresh dictionary for each request: Authlib writes its `jti` into it and would send it again.
            # Its own `exp` is an hour ahead.
            claims={"exp": int(time.time()) + 120},
            headers={"kid": key.kid},
            alg=task["alg"],
        )
    )
    return made


task = job.read()
metadata = job.discover(task["issuer"])
tokens = []
for _ in range(2):
    client = session(task, metadata)
    tokens.append(
        client.fetch_token(
            metadata["token_endpoint"], grant_type="client_credentials", **job.parameters(task)
        )
    )
job.done(token=tokens[0], second=tokens[1])
