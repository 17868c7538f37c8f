// oauth4webapi as a resource server: its validateJwtAccessToken is strict about RFC 9068.
import * as oauth from "oauth4webapi";
import { done, read, refusal, tampered } from "./job.mjs";

const task = await read();
const loopback = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(task.issuer);
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...loopback }),
);
const validate = (token, audience = task.audience) =>
  oauth.validateJwtAccessToken(
    server,
    new Request(audience, { headers: { authorization: `Bearer ${token}` } }),
    audience,
    loopback,
  );
done({
  claims: await validate(task.token),
  tampered: await refusal(() => validate(tampered(task.token))),
  other_audience: await refusal(() => validate(task.token, `${task.audience}/`)),
});
