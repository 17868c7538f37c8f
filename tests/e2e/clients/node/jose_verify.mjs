// jose verifies a token from discovery alone, its keys by createRemoteJWKSet.
import * as jose from "jose";
import { done, read, refusal, tampered } from "./job.mjs";

const task = await read();
const metadata = await (await fetch(`${task.issuer}/.well-known/openid-configuration`)).json();
if (metadata.issuer !== task.issuer) throw new Error(`metadata of ${task.issuer} says ${metadata.issuer}`);
const keys = jose.createRemoteJWKSet(new URL(metadata.jwks_uri));
const verify = (token, audience = task.audience) =>
  jose.jwtVerify(token, keys, {
    issuer: task.issuer,
    audience,
    typ: "at+jwt",
    requiredClaims: ["sub", "exp", "iat", "nbf", "jti", "client_id"],
  });
const { payload, protectedHeader } = await verify(task.token);
done({
  header: protectedHeader,
  claims: payload,
  tampered: await refusal(() => verify(tampered(task.token))),
  other_audience: await refusal(() => verify(task.token, `${task.audience}/`)),
});
