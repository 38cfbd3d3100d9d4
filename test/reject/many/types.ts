/** What TypeScript itself refuses, in mlac's words where it has better ones. */
import { add, block, linear, stack, type Tensor, weight } from "mlac";

type X = Tensor<"B T D">;
const Layer = block({ w: weight("D -> D"), v: weight("F -> D") }, (p, x: X) => linear(x, p.v)); // error type/TS2345: linear: the weight reads [F]; x is [B T D], which does not end in it
const Sum = block({ w: weight("D -> D") }, (p, x: X) => {
  const y = x + linear(x, p.w); // error syntax/operator: tensors are not computed with +
  const z = x * 2; // error syntax/operator: tensors are not computed with *
  console.log(y); // error syntax/global: a model is read and never run: there is no console in it
  return add(x, z as never);
});
export const Model = block({ layers: stack(3, Sum), layer: Layer }, (p, x: X) => {
  const first = p.layers[0]; // error syntax/stack-element: the layers of a stack are all alike and have no numbers
  p.layers.map(String); // error syntax/stack-method: a stack has no .map
  return p.missing(first(x)); // error type/TS2339: p has no missing
});
export const text: number = "four"; // error type/TS2322: Type 'string' is not assignable to type 'number'.
