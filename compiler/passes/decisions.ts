/** Why ops are one kernel, or why not: the closed list of reasons that the fuse pass gives, and what it writes down while it decides. */
import type { Op, Value } from "../ir.js";

/** What ops are called in a sentence, the earlier one first; `about` is what the pass has to say beside it. */
interface Named {
  first: string;
  second: string;
  about: string;
}

/** How two ops came to be one kernel. */
export const bonds = {
  piece: ({ first, second }) => `${first} is a piece of a parameter, which ${second} reads where it lies`,
  operand: ({ first, second }) => `${first} is computed while ${second} loads its operand`,
  epilogue: ({ first, second }) => `${second} is computed on the sums of ${first}, before they are stored`,
  wholeRows: ({ first, second }) => `${second} is computed on whole rows of ${first}, before they are stored`,
  neighbour: ({ first, second }) => `${first} and ${second} work on the same elements, which an epilogue has at hand`,
  siblings: ({ first, second }) => `${first} and ${second} are products of one size, which load their left operand once`,
  chosen: ({ first, second }) => `${first} is computed where ${second} reads it, in the epilogue of a product of few rows`,
  scatter: ({ first, second }) => `${second} adds the rows of ${first} to their tokens as they are made`,
  kept: ({ first, second }) => `the rows of ${first} are stored where ${second} keeps them as they are made`,
  beside: ({ first, second }) => `${first} and ${second} do not need one another: their blocks run side by side, in one launch`,
  rows: ({ first, second }) => `${first} and ${second} are one loop over the same rows`,
} as const satisfies Record<string, (names: Named) => string>;

/** Why they did not. The first that applies is the one that counts. */
export const reasons = {
  choice: ({ about }) => `the choice ${about} keeps them apart`,
  stored: ({ first }) => `the result of ${first} is needed outside of this part of the program, so it is stored in any case`,
  severalResults: ({ first }) => `${first} has several results, and an operand is one`,
  severalReaders: ({ first }) => `several ops read ${first}: each would compute it again, which costs more than to read it`,
  otherReader: ({ first, about }) => `${about} reads ${first} too, and cannot compute it while it loads`,
  factor: ({ first }) => `${first} gathers rows with a factor, which the hardware's copies cannot apply`,
  copies: ({ first, second }) => `the operands of ${second} are copied by hardware, which computes nothing: ${first} cannot be on the way`,
  asRows: ({ first, second }) => `${second} takes its operand apart by tiles, and ${first} makes whole rows`,
  dimensions: ({ first, second }) => `${first} and ${second} have different dimensions`,
  extent: ({ first, second }) => `the products of ${first} and ${second} have different sizes`,
  layout: ({ first, second }) => `the operands of ${first} and ${second} lie in memory in different ways`,
  sums: ({ first, second, about }) => `${first} and ${second} would need ${about}, more than a kernel on tensor cores keeps`,
  normed: ({ first, second }) => `a product of ${first} or ${second} has a norm's factor put to its sums, which others cannot add to`,
  gatheredRight: ({ first, second }) => `${first} and ${second} gather the rows of their right operand, which is done for one sum only`,
  tile: ({ first, about }) => `a row of ${first} has ${about}, and no tile holds whole rows of it`,
  room: ({ second, about }) => `${second} would keep ${about} of each row, more than there is shared memory for`,
  large: ({ second }) => `${second} reads something else that is as large as the result`,
  again: ({ first, second }) => `one of ${first} and ${second} is computed again in the backward pass, the other is not`,
  gradient: ({ second }) => `${second} adds to a gradient, which an epilogue of whole rows cannot`,
  rows: ({ first, second, about }) => `${first} and ${second} work on different rows: ${about}`,
  index: ({ about }) => `${about} reads rows through an index, or of another shape`,
  between: ({ first, second }) => `another kernel stands between ${first} and ${second}: it needs the one and is needed by the other`,
  own: ({ about }) => `${about} has a template of its own, which fuses with nothing`,
  loop: ({ first, second }) => `a loop over layers begins or ends between ${first} and ${second}`,
  chain: ({ first, second }) => `each element of ${second} needs a whole row of ${first}, or all of it: a product is done before the next`,
  blocks: ({ first, second }) => `${first} makes its result in blocks, and ${second} needs more of it than a block has`,
  program: ({ first, second }) => `${first} and ${second} are in different programs`,
  unrelated: ({ first, second }) => `${first} and ${second} neither read each other nor the same operand`,
  apart: ({ first, second }) => `no rule joins ${first} and ${second}`,
} as const satisfies Record<string, (names: Named) => string>;

export type Bond = keyof typeof bonds;
export type Reason = keyof typeof reasons;

/** How often each value would be read or written less, if the two were one kernel; or is, where they are. */
export type Traffic = ReadonlyMap<Value, number>;

/** One question that the pass asked: are these two ops one kernel? */
export interface Decision {
  /** The earlier of the two. */
  first: Op;
  second: Op;
  verdict: { is: "joined"; how: Bond } | { is: "apart"; why: Reason };
  /** What the sentence says beside the names. */
  about: string;
  saved: Traffic;
}
