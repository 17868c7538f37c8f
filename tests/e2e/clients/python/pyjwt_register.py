"""A machine registers itself with a key that it proves by PyJWT, renames itself, and ends its registration."""

import base64
import hashlib
import json
import time

import job
import jwt
import requests


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(jwk):
    """RFC 7638, for a key on an elliptic curve."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return b64(hashlib.sha256(text.encode()).digest())


def proof(key, bearer):
    now = int(time.time())
    claims = {
        "aud": task["issuer"],
        "iat": now,
        "exp": now + 60,
        "jkt": thumbprint(task["public_jwk"]),
        "ath": b64(hashlib.sha256(bearer.encode()).digest()),
    }
    return jwt.encode(claims, key, "ES256", headers={"typ": "client-key-proof+jwt"})


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


task = job.read()
endpoint = job.discover(task["issuer"])["registration_endpoint"]
initial = task["initial_access_token"]
signing = jwt.PyJWK(task["private_jwk"]).key
metadata = {
    "client_name": "gate scanner",
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": {"keys": [task["public_jwk"]]},
}
unproven = requests.post(endpoint, json=metadata, headers=bearer(initial), timeout=10)
metadata["jwks_proof"] = [proof(signing, initial)]
made = requests.post(endpoint, json=metadata, headers=bearer(initial), timeout=10)
made.raise_for_status()
registered = made.json()
address, old = registered["registration_client_uri"], registered["registration_access_token"]
renamed = metadata | {"client_id": registered["client_id"], "client_name": "gate scanner 2"}
del renamed["jwks_proof"]
replaced = requests.put(address, json=renamed, headers=bearer(old), timeout=10)
replaced.raise_for_status()
new = replaced.json()["registration_access_token"]
read = requests.get(address, headers=bearer(new), timeout=10)
stale = requests.get(address, headers=bearer(old), timeout=10)
ended = requests.delete(address, headers=bearer(new), timeout=10)
gone = requests.get(address, headers=bearer(new), timeout=10)
job.done(
    unproven=[unproven.status_code, unproven.json()["error"]],
    registered=registered,
    name=read.json()["client_name"],
    statuses=[stale.status_code, ended.status_code, gone.status_code],
)
