"""Authlib gets a token, a resource server asks about it, the owner takes it back, and it is asked about again."""

import job
from authlib.integrations.requests_client import OAuth2Session

task = job.read()
metadata = job.discover(task["issuer"])


def session(who):
    return OAuth2Session(
        who["client_id"], who["client_secret"], token_endpoint_auth_method="client_secret_basic"
    )


owner, server = session(task["client"]), session(task["server"])
token = owner.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")["access_token"]


def introspect():
    answer = server.introspect_token(metadata["introspection_endpoint"], token=token)
    answer.raise_for_status()
    return answer.json()


before = introspect()
owner.revoke_token(metadata["revocation_endpoint"], token=token).raise_for_status()
job.done(before=before, after=introspect())
