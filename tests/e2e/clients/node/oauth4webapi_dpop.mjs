// oauth4webapi gets a DPoP-bound token, answering the nonce that it is asked for, and reads an object with it.
import * as oauth from "oauth4webapi";
import { done, keyPair, parameters, read } from "./job.mjs";

const task = await read();
const loopback = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(task.issuer);
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...loopback }),
);
const client = { client_id: task.client_id };
const DPoP = oauth.DPoP(client, await keyPair(task));

/** Once more, if the server has given a nonce. */
async function withNonce(call) {
  let retried = false;
  for (;;) {
    try {
      return { answer: await call(), retried };
    } catch (error) {
      if (retried || !oauth.isDPoPNonceError(error)) throw error;
      retried = true;
    }
  }
}

const authentication = oauth.ClientSecretBasic(task.client_secret);
const asked = await withNonce(async () =>
  oauth.processClientCredentialsResponse(
    server,
    client,
    await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters(task), { DPoP, ...loopback }),
  ),
);
const token = asked.answer;
const { answer } = await withNonce(() =>
  oauth.protectedResourceRequest(token.access_token, "GET", new URL(task.url), undefined, undefined, {
    DPoP,
    ...loopback,
  }),
);
done({ token, nonce_asked: asked.retried, status: answer.status, object: await answer.json() });
