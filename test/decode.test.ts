/** Latent attention, compiled: logits of 300 tokens, one after the other, against those of the full forward pass over the same tokens. */
import { suite } from "uvu";
import { type Case, checkTokenByToken, fixture, sigmoid } from "./decodeCases.js";

const test = suite("decode");
const cases: readonly Case[] = [
  { what: "softmax experts", model: fixture, dtype: "f64", mla: "absorb" },
  { what: "softmax experts", model: fixture, dtype: "f64", mla: "materialize" },
  { what: "softmax experts", model: fixture, dtype: "f32", mla: "absorb" },
  { what: "query latent, sigmoid experts", model: sigmoid, dtype: "f32", mla: "absorb" },
  { what: "query latent, sigmoid experts", model: sigmoid, dtype: "f32", mla: "materialize" },
];
for (const one of cases) test(`${one.what}, ${one.mla}, ${one.dtype}: 300 tokens one by one`, () => checkTokenByToken(one));

test.run();
