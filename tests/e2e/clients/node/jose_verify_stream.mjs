// A resource server that verifies tokens by jose with a caching remote key set: a token a line in, "ok" or the error's
// code a line out. Arguments: issuer, audience.
import { createInterface } from 'node:readline';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const [issuer, audience] = process.argv.slice(2);
const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { cacheMaxAge: 1000, cooldownDuration: 1000 });
for await (const token of createInterface({ input: process.stdin })) {
  try {
    await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] });
    console.log('ok');
  } catch (error) {
    console.log(error.code ?? String(error));
  }
}
