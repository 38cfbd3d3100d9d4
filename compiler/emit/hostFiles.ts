/** The host's files of a built model: what stands around the kernels. */
import type { Emission } from "../compile.js";
import type { ManifestTensor, TrainedPart } from "../manifest.js";
import { type Bucket, describeBucket } from "../ranks/buckets.js";
import { cudaFlags, cudaLinkFlags, defaultArchitecture } from "./nvcc.js";
import { render } from "./template.js";
import type { Residents } from "./tensors.js";

/** By name, with their text. */
export function hostFiles(emitted: Emission): Record<string, string> {
  const { manifest, backend, kernels, update, flags } = emitted;
  const { target, extension } = backend;
  const generating = manifest.generation !== undefined;
  const make =
    target === "cuda"
      ? { flags: cudaFlags(emitted.architecture ?? defaultArchitecture).join(" "), link: cudaLinkFlags.join(" ") }
      : { flags: flags.join(" ") };
  const common = {
    "kernels.h": render(target, "kernels.h", { model: manifest.model, kernels }),
    Makefile: render(target, "Makefile", { ...make, generating }),
  };
  if (generating) return { ...common, [`generate${extension}`]: render(target, `generate${extension}`, generateStep(emitted)) };
  const step = target === "cuda" ? cudaStep(emitted) : cpuStep(emitted);
  return { ...common, [`step${extension}`]: render(target, `step${extension}`, step), [`update${extension}`]: update.text };
}

/** The programs of a build that generates, and the places that its session needs. */
function generateStep({ manifest, programs, residents, tables, backend }: Emission): object {
  const caches = residents.all.filter((r) => r.role === "cache").map((r) => r.buffer);
  const hostTables = backend.target === "cpu" ? manifest.memory.kinds.tables : 0;
  return {
    ...manifest.generation,
    model: manifest.model,
    vocabulary: manifest.tokens.vocabulary,
    arenaBytes: manifest.memory.total - hostTables,
    cacheAt: caches[0]?.offset ?? 0,
    cacheBytes: caches.reduce((n, b) => n + b.bytes, 0),
    tensors: manifest.tensors.map((t) => ({ ...t, storage: t.half ? "half" : "f32", count: t.bytes / 4 })),
    exchange: Object.fromEntries([...residents.exchange].map(([name, buffer]) => [name, buffer.offset])),
    tables,
    prefill: programs.prefill,
    decode: programs.decode,
  };
}

function cpuStep(emitted: Emission): object {
  const part = partsOf(emitted);
  return { ...common(emitted), tensors: emitted.manifest.tensors.map((t) => ({ ...t, ...part(t) })), starts: startsOf(emitted) };
}

function cudaStep(emitted: Emission): object {
  const { manifest, tables } = emitted;
  const { exchange } = emitted.residents;
  const storage = (t: ManifestTensor | undefined): object => ({
    storage: t?.remainder !== undefined ? "split" : t?.dtype === "I32" ? "i32" : "f32",
    low: t?.remainder ?? 0,
  });
  const part = partsOf(emitted);
  const places = Object.fromEntries([...exchange].map(([name, buffer]) => [name, buffer.offset]));
  return {
    ...common(emitted),
    tensors: manifest.tensors.map((t) => ({ ...t, ...storage(t), ...part(t), count: t.bytes / 4 })),
    starts: startsOf(emitted).map((start) => ({ ...start, ...storage(start.first) })),
    exchange: places,
    tables,
  };
}

function common({ manifest, programs, model, backend, residents, trained, buckets, shared }: Emission): object {
  const gradients = manifest.tensors.filter((t) => t.role === "gradient");
  const start = Math.min(...gradients.map((t) => t.offset));
  const hostTables = backend.target === "cpu" ? manifest.memory.kinds.tables : 0;
  return {
    model: manifest.model,
    arenaBytes: manifest.memory.total - hostTables,
    sequences: manifest.tokens.batch,
    length: manifest.tokens.length,
    vocabulary: manifest.tokens.vocabulary,
    gradients: { offset: gradients.length > 0 ? start : 0, bytes: manifest.memory.kinds.gradients },
    loadSums: model.plan.expertBias.map(({ path, load }) => {
      const sum = manifest.tensors.find((t) => t.name === `loadSum.${path}`)!;
      const from = manifest.tensors.find((t) => t.name === load)!;
      return { path, sum: sum.offset, load: from.offset, count: sum.bytes / 4 };
    }),
    shared,
    shares: sharesText(residents, trained, buckets, backend.storage.alignment),
    ...programs,
  };
}

/** The tables of runtime/native/shares.h. */
function sharesText(residents: Residents, trained: readonly TrainedPart[], buckets: readonly Bucket[], stateAlignment: number): string {
  return render("cpu", "shares.cpp", {
    trained: trained.map((part) => ({
      ...part,
      weight: residents.of("parameter", part.path)!.buffer.offset,
      remainder: residents.of("remainder", part.path)?.buffer.offset ?? -1,
      gradient: residents.of("gradient", `grad.${part.path}`)!.buffer.offset,
      moments: part.rule === "muon" ? 1 : 2,
    })),
    members: buckets.flatMap(({ members }, bucket) => members.map((member) => ({ bucket, ...member }))),
    buckets: buckets.map(describeBucket),
    stateAlignment,
  });
}

/** Which trained parameter a tensor is of: -1 where it is of none. */
function partsOf({ trained }: Emission): (t: ManifestTensor) => { part: number; slice: number } {
  const number = new Map(trained.map(({ path }, i) => [path, i]));
  return ({ parameter, slice }) => ({ part: number.get(parameter ?? "") ?? -1, slice: slice ?? 0 });
}

interface Start {
  path: string;
  offset: number;
  count: number;
  std: string;
  value: string;
  first: ManifestTensor;
}

/** How each parameter starts, in the order that numbers its stream of random numbers. */
function startsOf({ manifest, model }: Emission): Start[] {
  return model.parameters.map((p) => {
    const first = manifest.tensors
      .filter((t) => t.role === (p.kind === "state" ? "state" : "parameter"))
      .find((t) => matches(t.name, p.path))!;
    const count = p.type.dims.reduce((n, d) => n * d.size, 1);
    const std = p.init.kind === "normal" ? p.init.std : 0;
    return {
      path: p.path,
      offset: first.offset,
      count,
      std: String(std),
      value: String(p.init.kind === "constant" ? p.init.value : 0),
      first,
    };
  });
}

/** "layers.0.attn.q" is the first layer of "layers.attn.q". */
const matches = (tensor: string, path: string): boolean => tensor === path || tensor.replace(/\.0(?=\.)/g, "") === path;
