"""requests-oauthlib gets a token; its Basic credentials are not form-encoded."""

import os

# Before the import: oauthlib refuses http otherwise, loopback or not.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

import job
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

task = job.read()
metadata = job.discover(task["issuer"])
client = OAuth2Session(client=BackendApplicationClient(client_id=task["client_id"]))
extra = job.parameters(task)
if task["method"] == "client_secret_basic":
    extra["auth"] = HTTPBasicAuth(task["client_id"], task["client_secret"])
else:
    extra["include_client_id"] = True
    extra["client_secret"] = task["client_secret"]
job.done(token=client.fetch_token(metadata["token_endpoint"], **extra))
