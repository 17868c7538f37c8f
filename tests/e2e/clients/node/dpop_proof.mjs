// The proofs of the package `dpop`, at both servers, by plain requests.
import * as dpop from "dpop";
import { done, keyPair, read } from "./job.mjs";

const task = await read();
const pair = await keyPair(task);
const tokenEndpoint = `${task.issuer}/token`;
const authorization = `Basic ${Buffer.from(`${task.client_id}:${task.client_secret}`).toString("base64")}`;
const ask = async (nonce) =>
  fetch(tokenEndpoint, {
    method: "POST",
    headers: { authorization, dpop: await dpop.generateProof(pair, tokenEndpoint, "POST", nonce) },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
const refused = await ask();
const answer = await ask(refused.headers.get("dpop-nonce"));
const token = await answer.json();
const get = async (proof) =>
  (await fetch(task.url, { headers: { authorization: `DPoP ${token.access_token}`, dpop: proof } })).status;
const proof = await dpop.generateProof(pair, task.url, "GET", undefined, token.access_token);
done({
  token,
  refused: (await refused.json()).error,
  status: await get(proof),
  again: await get(proof),
  without_token: await get(await dpop.generateProof(pair, task.url, "GET")),
});
