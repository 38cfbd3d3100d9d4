/** What must be the same on all ranks: they would otherwise train different models, or wait for each other forever. */
import { createHash } from "node:crypto";
import { fail } from "../../compiler/diagnostics.js";
import type { RunCheckpoint } from "../runs.js";
import type { BuiltModel } from "../session.js";
import type { Settings } from "../settings.js";
import type { TrainingData } from "../trainingData.js";

export interface Agreed {
  built: BuiltModel;
  settings: Settings;
  data: TrainingData;
  from?: RunCheckpoint;
}

const hashOf = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);

/** By what people call it. Folders are left out: hosts may keep the same files in different places. */
export function factsToAgree({ built, settings, data, from }: Agreed): Record<string, string> {
  const { manifest } = built;
  const { data: files, report: _, tensorboard: __, ...plan } = settings;
  const facts: Record<string, string> = {
    "the target": `${manifest.target}, ${manifest.dtype}`,
    "the model's sizes": JSON.stringify(manifest.sizes),
    "the fusion choices": JSON.stringify(manifest.fuse),
    "the built model": hashOf(manifest),
    "the tokenizer": files.tokenizer,
    "the checkpoint": from === undefined ? "none" : `step ${from.step}, ${from.manifest.sha256.slice(0, 16)}`,
  };
  for (const [name, value] of Object.entries(plan)) facts[`the setting ${name}`] = JSON.stringify(value);
  for (const part of ["train", "validation"] as const)
    for (const [shard, digest] of Object.entries(data[part]?.digests() ?? {})) facts[`the ${part} shard ${shard}`] = digest;
  return facts;
}

/** Errors: run/ranks, with the first fact in which a rank differs from rank 0. */
export function requireAgreement(all: readonly Readonly<Record<string, string>>[]): void {
  const [first = {}] = all;
  for (const [rank, facts] of all.entries())
    for (const name of new Set([...Object.keys(first), ...Object.keys(facts)])) {
      if (first[name] === facts[name]) continue;
      const of = (value: string | undefined): string => value ?? "not there";
      fail("run/ranks", `rank ${rank} differs from rank 0 in ${name}: ${of(facts[name])}, and ${of(first[name])} on rank 0`, {
        help: "start all ranks with the same model, command line and data, or put them on a disk that all hosts share",
      });
    }
}
