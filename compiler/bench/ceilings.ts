/**
 * What a machine can do at best, measured once and kept: a large matrix product, in whichever way a built model does it the fastest, and
 * a large copy of memory. Between them lies the roof that kernels are held against.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failOn, makeFolder } from "../../runtime/durable.js";
import { deviceFile } from "../place.js";
import type { Bench } from "./context.js";
import { profileOf, startWorker } from "./measure.js";
import type { Steps } from "./side.js";
import { Store } from "./store.js";
import type { Question } from "./worker.js";

export interface Ceilings {
  date: string;
  /** FLOP a second of the product. */
  flops: number;
  /** Bytes read and written a second by the copy. */
  bytes: number;
  /** "8192 x 8192 x 8192 in bf16" */
  product: string;
}

/** One linear layer between a lookup and the loss, whose three products have these sizes. */
const model = (tokens: number, width: number): string => `/** The large product that mlac bench takes as the machine's ceiling. */
import { adamw, block, dims, embedding, linear, linearCrossEntropy, lookup, type Targets, type Tokens, train, weight } from "mlac";

const sizes = dims({ B: 1, T: ${tokens}, V: 256, D: ${width}, F: ${width} });

const Model = block({ embed: embedding("V -> D"), up: weight("D -> F"), head: embedding("V -> F") },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => linearCrossEntropy(linear(lookup(p.embed, tokens), p.up), p.head, targets));

const all = adamw({ lr: 1e-3 });
export default train(Model, { sizes, steps: 1, optimizer: { weight: all, embedding: all } });
`;

const extents = { cpu: 2048, cuda: 8192 } as const;

/** Errors: tool/*, run/side, run/write. */
export async function ceilingsOf(bench: Bench): Promise<Ceilings> {
  const { build, device, threads, note, make, anew } = bench;
  const { target, dtype } = build;
  const folder = join("generated", "ceilings");
  const store = new Store(join(folder, `${target}.${deviceFile(device)}.json`));
  const name = target === "cpu" ? `${dtype} on ${threads} threads` : dtype;
  const known = store.get<Ceilings>(name);
  if (known && !anew) return known;
  note(`measuring what ${device} can do at best: a large product and a large copy, once`);
  const extent = extents[target];
  const file = join(folder, "model.ts");
  await makeFolder(folder)
    .then(() => writeFile(file, model(extent, extent)))
    .catch((error: unknown) => failOn(error, "run/write", `${file} cannot be written`));
  const { arch } = build;
  const built = await make({
    model: file,
    target,
    dtype,
    fuse: {},
    set: {},
    out: join(folder, target),
    ...(arch === undefined ? {} : { arch }),
  });
  const side = await startWorker(built.directory, threads);
  try {
    await side.ask<Steps>({ warm: 2 } satisfies Question);
    const kernels = await profileOf(side);
    const speeds = kernels.map(({ name, calls, milliseconds }) => {
      const kernel = built.manifest.kernels.find((k) => k.name === name && k.form === "contraction");
      return kernel ? (1000 * kernel.flops * calls) / milliseconds : 0;
    });
    const { speed } = await side.ask<{ speed: number }>({ copy: 10 } satisfies Question);
    const product = `${extent} x ${extent} x ${extent} in ${dtype}`;
    const found: Ceilings = { date: new Date().toISOString().slice(0, 10), flops: Math.max(...speeds), bytes: speed, product };
    await store.put(name, found);
    return found;
  } finally {
    await side.close();
  }
}
