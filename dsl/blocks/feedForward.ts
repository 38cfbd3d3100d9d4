/** Feed-forward blocks that every token goes through. Names: B sequences, T tokens, D width, W hidden width. */
import { block, linear, swiglu, type Tensor, weight } from "mlac";
import { gelu } from "./activations.js";

type X = Tensor<"B T D">;

/** (silu(x·gate) ∘ (x·up))·down: three matrices. */
export const swigluFeedForward = () =>
  block({ gate: weight("D -> W"), up: weight("D -> W"), down: weight("W -> D") }, (p, x: X) =>
    linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down),
  );

/** gelu(x·up)·down: two matrices. */
export const geluFeedForward = () =>
  block({ up: weight("D -> W"), down: weight("W -> D") }, (p, x: X) => linear(gelu(linear(x, p.up)), p.down));
