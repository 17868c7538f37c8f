"""http-message-signatures signs requests that the record server accepts: {"url", "token", "kid", "private_jwk", "body"?}.

With "verify" in the job it verifies a request that was signed by somebody else instead.
"""

import datetime
import secrets

import job
import requests
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from joserfc.jwk import ECKey

task = job.read()
key = ECKey.import_key(task["private_jwk"])


class Resolver(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id):
        return key.private_key

    def resolve_public_key(self, key_id):
        return key.public_key


def signed(method, url, body):
    request = requests.Request(method, url, data=body, headers={"authorization": f"PoP {task['token']}"})
    if body is not None:
        request.headers["content-type"] = "application/ld+json"
    prepared = request.prepare()
    covered = ["@method", "@target-uri", "authorization"] + (["content-type"] if body is not None else [])
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=Resolver())
    signer.sign(
        prepared,
        key_id=task["kid"],
        created=datetime.datetime.now(),
        nonce=secrets.token_urlsafe(16),
        tag="onerecord-pop",
        covered_component_ids=covered,
        body=body,
    )
    return prepared


if "verify" in task:
    theirs = task["verify"]
    request = requests.Request(theirs["method"], theirs["url"], headers=theirs["headers"]).prepare()
    request.headers = requests.structures.CaseInsensitiveDict(theirs["headers"])
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=Resolver())
    results = verifier.verify(request, max_age=datetime.timedelta(minutes=1), expect_tag="onerecord-pop", body=theirs["body"].encode())
    job.done(verified=len(results), covered=sorted(results[0].covered_components))
else:
    session = requests.Session()
    body = task.get("body")
    method = "POST" if body is not None else "GET"
    prepared = signed(method, task["url"], body.encode() if body is not None else None)
    first = session.send(prepared)
    again = session.send(prepared)
    job.done(status=first.status_code, location=first.headers.get("location"), text=first.text, again=again.status_code)
