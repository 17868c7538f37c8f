"""schemathesis against the administration API: what its OpenAPI document allows, and much that it does not.

{"admin_url", "token_endpoint", "requester", "approver", "spared", "seed", "arguments"} -> what it tried and found.
`approver`, if not null, is a second administrator, who decides what waits for approval. No path names one of these two,
nor an administrator that is `spared`.
"""

import contextlib
import io
import json
import re
import tempfile
from collections import Counter

import job
import requests
import schemathesis
from schemathesis.cli import schemathesis as command
from schemathesis.core.parameters import ParameterLocation

# Not positive_data_acceptance: no schema can say that a cursor was given out, that an Idempotency-Key is new, that a
# version is the current one, or that of two members exactly one must be there. Nor ensure_resource_availability: who
# asks for approval gets an id of what is not there yet.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ignored_auth",
]
# 412 is a refusal, too: a precondition comes before the content of the request (RFC 9110 section 13.2.1).
SETTINGS = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422]
"""
DECISIONS = ("/approve", "/reject")
KEY = re.compile("[!-~]{1,255}")

task = job.read()
people = [who for who in (task["requester"], task["approver"]) if who]
spared = {who["client_id"] for who in people} | set(task["spared"])
# What there is, by the last part of the path of its list: ids that answers named, each with those of its owners.
known = {}
# How often each operation answered with each status.
answers = {}
calls = 0


def token(who):
    answer = requests.post(
        task["token_endpoint"],
        auth=(who["client_id"], who["client_secret"]),
        data={"grant_type": "client_credentials", "scope": "admin:read admin:write"},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.json()["access_token"]


def decides(case):
    return task["approver"] is not None and case.operation.path.endswith(DECISIONS)


# A token lives for five minutes at most.
@schemathesis.auth(refresh_interval=120, cache_by_key=lambda case, context: str(decides(case)))
class Tokens:
    def get(self, case, context):
        return token(task["approver"] if decides(case) else task["requester"])

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


def collection(path, name):
    """The part of the path before a parameter: of what its values are ids."""
    before = path.split("{" + name + "}")[0].rstrip("/").rsplit("/", 1)[-1]
    # An administrator is a client, too.
    return "clients" if before == "administrators" else before


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes of a request one that gets further: most would stop at an id that nobody has, or at a key used before."""
    global calls
    calls += 1
    meta = case.meta
    # What was made wrong on purpose, or comes from an earlier answer, stays.
    free = meta and not meta.is_negative_at(ParameterLocation.PATH) and meta.phase.name.value != "stateful"
    parts = case.path_parameters
    for name in parts:
        ids = known.get(collection(case.operation.path, name))
        if free and ids and calls % 4:
            # What is rejected is lost to the others: the oldest.
            found, owner = ids[0 if case.operation.path.endswith("/reject") else calls % len(ids)]
            parts |= {name: found} | {part: of for part, of in owner.items() if part in parts}
    for name, value in parts.items():
        # Whoever disables the administrator that asks, or takes its secret, would see 401 from then on.
        if value in spared:
            parts[name] = "0" * 26
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("participant_id"), str) and known.get("participants"):
        if calls % 4 and not (meta and meta.is_negative_at(ParameterLocation.BODY)):
            body["participant_id"] = known["participants"][calls % len(known["participants"])][0]
    if calls % 2 and not (meta and meta.is_negative_at(ParameterLocation.HEADER)):
        # No version of anything is made up by chance.
        case.headers.pop("If-Match", None)
    key = case.headers.get("Idempotency-Key")
    # Some stay as they are, so that there are repeats, and keys that belong to another request.
    if isinstance(key, str) and KEY.fullmatch(key) and calls % 8:
        case.headers["Idempotency-Key"] = f"call-{calls}"


@schemathesis.hook
def after_call(context, case, response):
    answers.setdefault(case.operation.label, Counter())[response.status_code] += 1
    if not 200 <= response.status_code < 300 or response.status_code == 204:
        return
    answer = response.json()
    name = case.operation.path.rstrip("/").rsplit("/", 1)[-1]
    if response.status_code == 202:
        name = "approvals"
    for item in answer.get("items", [answer]):
        kind = "clients" if name == "administrators" else name
        found = item.get("kid") if kind in ("keys", "signing-keys") else item.get("id", item.get("client_id"))
        ids = known.setdefault(kind, [])
        if isinstance(found, str) and found not in [id for id, _ in ids]:
            ids.append((found, dict(case.path_parameters)))
            # The newest: what is old has been disabled or revoked by now.
            del ids[:-10]


said = io.StringIO()
with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(said):
    arguments = ["--seed", str(task["seed"]), "--checks", ",".join(CHECKS), *task["arguments"]]
    arguments += ["--generation-database", "none", "--continue-on-failure", "--no-color"]
    arguments += ["--report", "json", "--report-json-path", "report.json"]
    with open("schemathesis.toml", "w") as file:
        file.write(SETTINGS)
    # It ends its process, whatever it found.
    with contextlib.suppress(SystemExit):
        command.main(["run", f"{task['admin_url']}/openapi.json", *arguments], standalone_mode=False)
    with open("report.json") as file:
        report = json.load(file)
for who in people:
    token(who)
job.done(
    operations=report["operations"],
    cases=report["test_cases"],
    findings=report["failures"] + report["errors"],
    phases=report["phases"],
    answers=answers,
    said=said.getvalue(),
)
