// openid-client discovers the issuer and gets a token by the method that the job names.
import * as client from "openid-client";
import { done, parameters, privateKey, read } from "./job.mjs";

const task = await read();
const methods = {
  client_secret_basic: () => client.ClientSecretBasic(task.client_secret),
  client_secret_post: () => client.ClientSecretPost(task.client_secret),
  private_key_jwt: async () => client.PrivateKeyJwt(await privateKey(task)),
};

const configuration = await client.discovery(
  new URL(task.issuer),
  task.client_id,
  undefined,
  await methods[task.method](),
  // Loopback http only; "oauth2" reads RFC 8414's address, "oidc" OpenID Connect's.
  { execute: [client.allowInsecureRequests], algorithm: task.discovery ?? "oauth2" },
);
const token = await client.clientCredentialsGrant(configuration, parameters(task));
const second = await client.clientCredentialsGrant(configuration, parameters(task));
done({ token, second });
