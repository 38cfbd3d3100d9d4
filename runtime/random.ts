/** Seeded random numbers whose state can be stored: the same seed gives the same numbers on every machine. */

/** Scrambles 32 bits so that each bit of the result depends on all of them (the finalizer of splitmix32). */
export function scramble(bits: number): number {
  let x = bits | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** 32 bits that depend on every one of `numbers`, which are integers of at most 53 bits. */
export function scrambleAll(...numbers: readonly number[]): number {
  let bits = 0x9e3779b9;
  for (const number of numbers) {
    bits = scramble(bits ^ (number >>> 0));
    bits = scramble(bits + Math.floor(number / 2 ** 32) + 0x9e3779b9);
  }
  return bits;
}

/** Four 32-bit words, not all zero; stored as JSON. */
export type RandomState = readonly [number, number, number, number];

/** xoshiro128** of Blackman and Vigna, 2018 (arXiv 1805.01407), seeded through splitmix32. */
export class Random {
  readonly #words = new Uint32Array(4);

  /** `seed` is an integer of at most 53 bits, or the state of another one to go on from. */
  constructor(seed: number | RandomState) {
    if (typeof seed !== "number") this.#words.set(seed);
    else for (let i = 0; i < 4; i++) this.#words[i] = scrambleAll(seed, i);
    if (this.#words.every((word) => word === 0)) this.#words[0] = 1;
  }

  get state(): RandomState {
    const [a = 0, b = 0, c = 0, d = 0] = this.#words;
    return [a, b, c, d];
  }

  /** 32 random bits. */
  bits(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#words;
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    this.#words[0] = a ^ fourth;
    this.#words[1] = b ^ third;
    this.#words[2] = third ^ (b << 9);
    this.#words[3] = rotate(fourth, 11);
    return result;
  }

  /** At least 0 and below 1, with 53 random bits. */
  next(): number {
    return ((this.bits() >>> 5) * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53;
  }
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/**
 * The place of `index` in a shuffled order of 0 … count-1 that `key` names, without storing the order: a Feistel network
 * over the next power of four, walked until it lands inside (Black and Rogaway 2002). count is at most 2^52.
 */
export function shuffled(index: number, count: number, key: number): number {
  let half = 1;
  while (4 ** half < count) half++;
  const side = 2 ** half;
  for (let at = index; ; ) {
    let left = Math.floor(at / side);
    let right = at % side;
    for (let round = 0; round < 8; round++) [left, right] = [right, (left ^ scrambleAll(key, round, right)) & (side - 1)];
    at = left * side + right;
    if (at < count) return at;
  }
}
