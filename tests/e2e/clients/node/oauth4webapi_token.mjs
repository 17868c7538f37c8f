// oauth4webapi discovers the issuer and gets a token by the method that the job names.
import * as oauth from "oauth4webapi";
import { done, parameters, privateKey, read } from "./job.mjs";

const task = await read();
const methods = {
  client_secret_basic: () => oauth.ClientSecretBasic(task.client_secret),
  client_secret_post: () => oauth.ClientSecretPost(task.client_secret),
  private_key_jwt: async () => oauth.PrivateKeyJwt(await privateKey(task)),
};
const loopback = { [oauth.allowInsecureRequests]: true };

const issuer = new URL(task.issuer);
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: task.discovery ?? "oauth2", ...loopback }),
);
const client = { client_id: task.client_id };
const authentication = await methods[task.method]();
const get = async () =>
  oauth.processClientCredentialsResponse(
    server,
    client,
    await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters(task), loopback),
  );
done({ token: await get(), second: await get(), metadata: server });
