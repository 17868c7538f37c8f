// openid-client gets a token, a resource server asks about it, the owner takes it back, and it is asked about again.
import * as client from "openid-client";
import { done, read } from "./job.mjs";

const task = await read();
const as = (who) =>
  client.discovery(
    new URL(task.issuer),
    who.client_id,
    undefined,
    client.ClientSecretBasic(who.client_secret),
    { execute: [client.allowInsecureRequests], algorithm: "oauth2" },
  );
const owner = await as(task.client);
const server = await as(task.server);
const { access_token: token } = await client.clientCredentialsGrant(owner);
const before = await client.tokenIntrospection(server, token);
await client.tokenRevocation(owner, token);
const after = await client.tokenIntrospection(server, token);
done({ before, after });
