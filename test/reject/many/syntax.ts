/** What is not in the language. Each line that must be refused says so. */
import { dims } from "mlac";
import * as everything from "mlac"; // error syntax/import

export const sizes = dims({ D: 4 });
export const names = [everything.dims];

enum Kind { // error syntax/enum
  First,
}
class Model { // error syntax/class
  layers = 3;
}
export const model = new Model(); // error syntax/class
var old = 1; // error syntax/var
export const big = 10n; // error syntax/number
export const pattern = /a/; // error syntax/pattern
export const accessor = { get value() { return 1; } }; // error syntax/accessor
export const method = { value() { return 1; } }; // error syntax/method
export const kind = typeof sizes; // error syntax/typeof
export const none = void 0; // error syntax/void
export const both = (loops(old), Kind.First); // error syntax/comma
export const has = "D" in sizes; // error syntax/in
export const tagged = String.raw`x`; // error syntax/template

export function loops(n: number) {
  while (n > 0) n -= 1; // error syntax/loop
  do n += 1; while (n < 3); // error syntax/loop
  for (let i = 0; i < n; i++) n += 1; // error syntax/loop
  for (const key in sizes) n += key.length; // error syntax/loop
  switch (n) { // error syntax/switch
    default:
  }
  try { // error syntax/throw
    throw n;
  } finally {
  }
  debugger; // error syntax/debugger
  return n;
}
export async function later() {} // error syntax/async
export const soon = async () => 1; // error syntax/async
export function* many() { // error syntax/generator
  yield 1;
}
export const file = import("mlac"); // error syntax/module
