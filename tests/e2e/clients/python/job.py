"""The job of one run: one JSON object on standard input, one JSON line on standard output.

Every script starts from the issuer alone and finds the rest by discovery, as a stranger would.
"""

import json
import sys

import requests

WELL_KNOWN = {
    "oauth": "/.well-known/oauth-authorization-server",
    "openid": "/.well-known/openid-configuration",
}


def read():
    """The job that the test wrote to standard input."""
    return json.load(sys.stdin)


def done(**facts):
    """Reports what happened; the test asserts on it."""
    print(json.dumps(facts))


def discover(issuer, kind="oauth"):
    """The issuer's metadata (RFC 8414 §3), refused when it speaks for another issuer (§3.3)."""
    answer = requests.get(issuer + WELL_KNOWN[kind], timeout=10)
    answer.raise_for_status()
    metadata = answer.json()
    if metadata["issuer"] != issuer:
        raise SystemExit(f"metadata of {issuer} says {metadata['issuer']}")
    return metadata


def parameters(job):
    """The optional parameters of the token request."""
    return {name: job[name] for name in ("scope", "resource") if job.get(name)}


def tampered(token):
    """The same token with one changed claim and the old signature."""
    import base64

    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["sub"] = claims["sub"] + "x"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{header}.{changed}.{signature}"


def refusal(check):
    """The name of the exception with which `check` refuses; `None` when it accepts."""
    try:
        check()
    except Exception as error:  # the test names the class that it expects
        return type(error).__name__
    return None
