"""Somebody else's IAP, made with joserfc: discovery, a key set, and any token that a test asks for.

Usage: foreign_iap.py PORT. `POST /mint {"header", "claims", "key"}` answers `{"token"}`; a claim that is null is left
out, one that is `{"from_now": SECONDS}` is a time; "key" is "published" or "unpublished".
"""

import base64
import hmac
import json
import sys
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc.jwk import RSAKey

PORT = int(sys.argv[1])
ISSUER = f"http://127.0.0.1:{PORT}"


def make_key():
    key = RSAKey.generate_key(2048, {"alg": "RS256", "use": "sig"}, private=True)
    key.ensure_kid()
    return key


PUBLISHED, UNPUBLISHED = make_key(), make_key()


def b64u(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# By hand: joserfc refuses to sign what an attacker would.
SIGNERS = {
    "RS256": lambda key, data: key.private_key.sign(data, padding.PKCS1v15(), hashes.SHA256()),
    "PS256": lambda key, data: key.private_key.sign(
        data, padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size), hashes.SHA256()
    ),
    # The old confusion of a public key with a shared secret (RFC 8725 §2.1).
    "HS256": lambda key, data: hmac.digest(key.as_pem(private=False), data, "sha256"),
    "none": lambda key, data: b"",
}


def mint(order):
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": "machine-1",
        "client_id": "machine-1",
        "iat": now,
        "nbf": now - 5,
        "exp": now + 600,
        "jti": str(uuid.uuid4()),
        "scope": "logistics_objects:read logistics_objects:write",
    }
    for name, value in order.get("claims", {}).items():
        if isinstance(value, dict) and "from_now" in value:
            value = now + value["from_now"]
        claims[name] = value
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": "RS256", "typ": "at+jwt", "kid": PUBLISHED.kid, **order.get("header", {})}
    key = UNPUBLISHED if order.get("key") == "unpublished" else PUBLISHED
    signed = ".".join(b64u(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{b64u(SIGNERS[header['alg']](key, signed.encode()))}"


class Handler(BaseHTTPRequestHandler):
    def answer(self, value, media_type="application/json"):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/keys":
            self.answer({"keys": [PUBLISHED.as_dict(private=False)]}, "application/jwk-set+json")
        elif self.path.startswith("/.well-known/"):
            self.answer(
                {
                    "issuer": ISSUER,
                    "token_endpoint": f"{ISSUER}/token",
                    "jwks_uri": f"{ISSUER}/keys",
                    "response_types_supported": [],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif self.path == "/readyz":
            self.answer({})
        else:
            self.send_error(404)

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer({"token": mint(order)})


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
