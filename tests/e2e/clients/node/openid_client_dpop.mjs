// openid-client gets a DPoP-bound token, answering the nonce that it is asked for, and reads an object with it.
import * as client from "openid-client";
import { done, keyPair, parameters, read } from "./job.mjs";

const task = await read();
const configuration = await client.discovery(
  new URL(task.issuer),
  task.client_id,
  undefined,
  client.ClientSecretBasic(task.client_secret),
  { execute: [client.allowInsecureRequests], algorithm: "oauth2" },
);
const DPoP = client.getDPoPHandle(configuration, await keyPair(task));
const token = await client.clientCredentialsGrant(configuration, parameters(task), { DPoP });
const get = async () =>
  client.fetchProtectedResource(configuration, token.access_token, new URL(task.url), "GET", undefined, undefined, {
    DPoP,
  });
const answer = await get();
const object = await answer.json();
done({ token, status: answer.status, object, second: (await get()).status });
