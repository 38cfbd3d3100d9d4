/** The numbers that verify works with: float32 and int32 here, bfloat16 as bits where the GPU has them. */
import { type Random, scrambleAll } from "../../runtime/random.js";
import { size, type Value } from "../ir.js";

export type Numbers = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** Room for a value's elements. */
export const numbersFor = (v: Value): Numbers => (v.type.dtype === "i32" ? new Int32Array(size(v.type)) : new Float32Array(size(v.type)));

const nearest = (bits: number): number => ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;

/** Rounds to bfloat16, ties to even, in place. For finite numbers. */
export function roundToBf16(values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = nearest(bits[i]!) << 16;
}

/** As a value's elements lie in the GPU's memory. */
export function packed(v: Value, values: Numbers): Uint8Array {
  if (v.type.dtype !== "bf16") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return new Uint8Array(Uint16Array.from(bits, nearest).buffer);
}

/** The other way; `bytes` are the value's alone. */
export function unpacked(v: Value, bytes: Uint8Array<ArrayBuffer>): Numbers {
  if (v.type.dtype === "i32") return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (v.type.dtype !== "bf16") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/**
 * Fills with numbers near a normal distribution: the sum of four random bytes, since there are hundreds of millions to draw. Then
 * makes them positive, from 0.1 to about 2 times `std`, where that is asked for.
 */
export function fillNormal(values: Float32Array, random: Random, std = 1, positive = false): Float32Array {
  const factor = std / Math.sqrt((4 * (256 ** 2 - 1)) / 12);
  for (let i = 0; i < values.length; i++) {
    const bits = random.bits();
    const x = ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510) * factor;
    values[i] = positive ? 0.1 * std + Math.abs(x) * 0.5 : x;
  }
  return values;
}

/** A number that stands for this text, to draw each kernel's inputs from a stream of its own. */
export const textSeed = (seed: number, text: string): number => scrambleAll(seed, ...[...text].map((c) => c.charCodeAt(0)));
