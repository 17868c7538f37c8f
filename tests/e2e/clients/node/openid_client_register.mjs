// openid-client registers itself with an initial access token and shows what it got.
import * as client from "openid-client";
import { done, read } from "./job.mjs";

const task = await read();
const registered = await client.dynamicClientRegistration(
  new URL(task.issuer),
  { client_name: "gate scanner", token_endpoint_auth_method: "client_secret_basic", scope: task.scope },
  undefined,
  {
    execute: [client.allowInsecureRequests],
    algorithm: "oauth2",
    initialAccessToken: task.initial_access_token,
  },
);
done(registered.clientMetadata());
