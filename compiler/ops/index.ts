/** Every op there is. An op is added by its own file and a line here. */
import { add } from "./add.js";
import { attention } from "./attention.js";
import { attentionGrad } from "./attentionGrad.js";
import { cachedAttention } from "./cachedAttention.js";
import { cacheWrite } from "./cacheWrite.js";
import { combine, combineGradGates } from "./combine.js";
import { concat } from "./concat.js";
import { dispatch } from "./dispatch.js";
import { div } from "./div.js";
import { exp } from "./exp.js";
import { expand } from "./expand.js";
import { fill } from "./fill.js";
import { latentAttention } from "./latentAttention.js";
import { latentAttentionGrad } from "./latentAttentionGrad.js";
import { latentCachedAttention } from "./latentCachedAttention.js";
import { layernorm } from "./layernorm.js";
import { layernormGradGain, layernormGradX } from "./layernormGrad.js";
import { linear } from "./linear.js";
import { linearByHead } from "./linearByHead.js";
import { linearCrossEntropy, linearCrossEntropyGrad, linearCrossEntropyTrain } from "./linearCrossEntropy.js";
import { linearGradW, linearGradX } from "./linearGrad.js";
import { log } from "./log.js";
import { lookup, lookupGrad } from "./lookup.js";
import { mul } from "./mul.js";
import { neg } from "./neg.js";
import { nextLogits } from "./nextLogits.js";
import type { OpSpec } from "./op.js";
import { pad, part } from "./part.js";
import { relu, reluGrad } from "./relu.js";
import { rmsnorm } from "./rmsnorm.js";
import { rmsnormGradGain, rmsnormGradX } from "./rmsnormGrad.js";
import { rope } from "./rope.js";
import { route } from "./route.js";
import { routeGrad } from "./routeGrad.js";
import { rstd } from "./rstd.js";
import { scale } from "./scale.js";
import { shift } from "./shift.js";
import { sigmoid } from "./sigmoid.js";
import { silu, siluGrad } from "./silu.js";
import { softmax, softmaxGrad } from "./softmax.js";
import { sqrt } from "./sqrt.js";
import { square } from "./square.js";
import { sub } from "./sub.js";
import { sumOver } from "./sumOver.js";
import { sumRows } from "./sumRows.js";
import { swiglu, swigluGradGate, swigluGradUp } from "./swiglu.js";
import { tanh } from "./tanh.js";
import { dotOfRuns, pick, sumColumns, weigh } from "./weigh.js";

const list: readonly OpSpec[] = [
  // products
  linear,
  linearGradX,
  linearGradW,
  // norms and softmax
  rmsnorm,
  rmsnormGradX,
  rmsnormGradGain,
  layernorm,
  layernormGradX,
  layernormGradGain,
  sumRows,
  softmax,
  softmaxGrad,
  // gates of experts' rows
  weigh,
  pick,
  dotOfRuns,
  sumColumns,
  // element by element
  add,
  sub,
  mul,
  div,
  neg,
  exp,
  log,
  sqrt,
  square,
  tanh,
  sigmoid,
  silu,
  siluGrad,
  relu,
  reluGrad,
  scale,
  shift,
  swiglu,
  swigluGradGate,
  swigluGradUp,
  // columns and dimensions
  rope,
  expand,
  sumOver,
  concat,
  part,
  pad,
  fill,
  // attention
  attention,
  attentionGrad,
  latentAttention,
  latentAttentionGrad,
  // generating: attention over what was kept of earlier tokens
  cacheWrite,
  cachedAttention,
  latentCachedAttention,
  linearByHead,
  rstd,
  // experts
  route,
  routeGrad,
  dispatch,
  combine,
  combineGradGates,
  // vocabulary
  lookup,
  lookupGrad,
  linearCrossEntropy,
  linearCrossEntropyGrad,
  linearCrossEntropyTrain,
  nextLogits,
];

export const ops: ReadonlyMap<string, OpSpec> = new Map(list.map((op) => [op.name, op]));

/** The record of an op that is known to be in the list. */
export function spec(kind: string): OpSpec {
  const op = ops.get(kind);
  if (!op) throw new Error(`there is no op called ${kind}`);
  return op;
}
