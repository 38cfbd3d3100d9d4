/** A short training of test/fixture/ranks.ts, alone or as one of several ranks, and what is compared of it. */
import { createHash } from "node:crypto";
import type { SessionPlace, Traffic } from "../../runtime/place.js";
import { type BuiltModel, openSession, type Session } from "../../runtime/session.js";

export interface Course {
  /** Of each step, over the whole global batch. */
  losses: number[];
  norms: number[];
  /** Gradients of the first step by name; on rank 0 only. */
  gradients: Record<string, number[]>;
  /** Of all weights and all optimizer state at the end; on rank 0 only. */
  hash: string;
  /** In the whole course, by this rank. */
  traffic?: Traffic;
  where: string;
}

/** `micro`: micro-batches of a step, of all ranks together; rank r of n takes those whose number is r modulo n. */
export async function course(built: BuiltModel, steps: number, micro: number, place?: SessionPlace): Promise<Course> {
  const { rank, size } = place ?? { rank: 0, size: 1 };
  const session = await openSession(built, { threads: 1, ...(place ? { place } : {}) });
  await session.initialize(3);
  const result: Course = { losses: [], norms: [], gradients: {}, hash: "", where: "" };
  const own = micro / size;
  for (let step = 1; step <= steps; step++) {
    const loss = new Float64Array(1);
    for (let m = 0; m < own; m++) {
      const { tokens, targets } = batch(session, step, m * size + rank);
      const losses = await session.microStep(tokens, targets, 1 / micro, m === 0, m === own - 1);
      loss[0]! += (losses.loss + losses.balance) / micro;
    }
    if (place) await session.sum(loss);
    if (step === 1) result.gradients = await gradients(session, place);
    const { norm } = await session.update(step, 1, 1);
    result.losses.push(loss[0]!);
    result.norms.push(norm);
  }
  if (place) {
    result.traffic = await session.traffic();
    result.where = session.where().collective;
  }
  result.hash = await hash(session, place);
  await session.close();
  return result;
}

/** The sequences of a global batch have the same tokens however they are cut into micro-batches. */
function batch({ batch: count, length, vocabulary }: Session, step: number, micro: number): { tokens: Int32Array; targets: Int32Array } {
  const token = (sequence: number, at: number): number => {
    const x = Math.imul((step * 1009 + sequence) * 8191 + at + 1, 0x9e3779b1) >>> 0;
    // Half of the tokens follow from the ones before: there is something to learn.
    return at % 2 === 1 ? (token(sequence, at - 1) * 7 + 3) % vocabulary : x % vocabulary;
  };
  const ids = (shift: number): Int32Array =>
    Int32Array.from({ length: count * length }, (_, i) => token(micro * count + Math.floor(i / length), (i % length) + shift));
  return { tokens: ids(0), targets: ids(1) };
}

const read = (session: Session, name: string, place?: SessionPlace): Promise<Uint8Array | undefined> =>
  place ? session.collect(name, place.rank) : session.read(name);

async function gradients(session: Session, place?: SessionPlace): Promise<Course["gradients"]> {
  const found: Course["gradients"] = {};
  for (const { name, role } of session.tensors()) {
    if (role !== "gradient") continue;
    const bytes = await read(session, name, place);
    if (bytes) found[name] = [...new Float32Array(bytes.buffer)];
  }
  return found;
}

async function hash(session: Session, place?: SessionPlace): Promise<string> {
  const sum = createHash("sha256");
  for (const { name, role } of session.tensors()) {
    if (role === "gradient" || role === "load") continue;
    const bytes = await read(session, name, place);
    if (bytes) sum.update(name).update(bytes);
  }
  return sum.digest("hex");
}
