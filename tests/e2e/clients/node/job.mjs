// The job of one run: one JSON object on standard input, one JSON line on standard output.
import { text } from "node:stream/consumers";

/** The job that the test wrote to standard input. */
export async function read() {
  return JSON.parse(await text(process.stdin));
}

/** Reports what happened; the test asserts on it. */
export function done(facts) {
  console.log(JSON.stringify(facts));
}

/** The optional parameters of the token request. */
export function parameters(task) {
  const made = new URLSearchParams();
  if (task.scope) made.set("scope", task.scope);
  if (task.resource) made.set("resource", task.resource);
  return made;
}

const IMPORT = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
};

/** The private key of the job as the libraries take it: `{ key, kid }`. */
export async function privateKey(task) {
  const key = await crypto.subtle.importKey("jwk", task.private_jwk, IMPORT[task.alg], false, ["sign"]);
  return { key, kid: task.private_jwk.kid };
}

/** Both halves of the key of the job. */
export async function keyPair(task) {
  const { d, ...rest } = task.private_jwk;
  const half = (jwk, usage) => crypto.subtle.importKey("jwk", { ...jwk, key_ops: [usage] }, IMPORT[task.alg], true, [usage]);
  return { privateKey: await half({ ...rest, d }, "sign"), publicKey: await half(rest, "verify") };
}

/** The same token with one changed claim and the old signature. */
export function tampered(token) {
  const [header, payload, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  claims.sub += "x";
  return [header, Buffer.from(JSON.stringify(claims)).toString("base64url"), signature].join(".");
}

/** The code or name of the error with which `check` refuses; `null` when it accepts. */
export async function refusal(check) {
  try {
    await check();
  } catch (error) {
    return error.code ?? error.name;
  }
  return null;
}
