/** `mlac data inspect` and `mlac data verify`: what shards hold, and what is wrong with them. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { MlacError } from "../compiler/diagnostics.js";
import { openShard, type Shard, type Width } from "./shards.js";

export interface ShardSummary {
  path: string;
  tokens: number;
  /** Bytes a token. */
  width: Width;
  /** Of the file. */
  bytes: number;
  /** The first tokens, to look at. */
  start: number[];
}

export interface Inspection {
  shards: ShardSummary[];
  tokens: number;
  bytes: number;
}

/** Reads headers and the first `count` tokens. Errors: data/shard. */
export function inspectShards(paths: readonly string[], count = 64): Inspection {
  const shards = paths.map((path) => withShard(path, (shard) => summarize(shard, count)));
  return { shards, tokens: sum(shards.map(({ tokens }) => tokens)), bytes: sum(shards.map(({ bytes }) => bytes)) };
}

function summarize(shard: Shard, count: number): ShardSummary {
  const start = new Int32Array(Math.min(count, shard.tokens));
  shard.read(0, start.length, start);
  const { path, tokens, width } = shard;
  return { path, tokens, width, bytes: statSync(path).size, start: Array.from(start, (id) => id >>> 0) };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function withShard<R>(path: string, use: (shard: Shard) => R): R {
  const shard = openShard(path);
  try {
    return use(shard);
  } finally {
    shard.close();
  }
}

export interface VerifiedShard {
  path: string;
  /** 0 where it cannot be read. */
  tokens: number;
  /** -1 where it cannot be read. */
  largestId: number;
  /** A sentence each; none for a good shard. */
  problems: string[];
}

export interface Verification {
  shards: VerifiedShard[];
  tokens: number;
  /** In all shards. */
  problems: number;
}

export interface VerifyOptions {
  /** Ids must be below it; without it they are not checked. */
  vocabulary?: number;
  /** Called after each shard. */
  progress?: (done: { shards: number; total: number; tokens: number }) => void;
}

/** Reads every token: header, length, ids, and whether two shards hold the same. Problems are results, not errors. */
export async function verifyShards(paths: readonly string[], { vocabulary, progress }: VerifyOptions = {}): Promise<Verification> {
  const shards: VerifiedShard[] = [];
  const seen = new Map<string, string>();
  let tokens = 0;
  for (const path of paths) {
    const { hash, ...shard } = scan(path, vocabulary);
    const twin = hash === undefined ? undefined : seen.get(hash);
    if (twin !== undefined) shard.problems.push(`it holds the same tokens as ${twin}`);
    else if (hash !== undefined) seen.set(hash, path);
    shards.push(shard);
    tokens += shard.tokens;
    progress?.({ shards: shards.length, total: paths.length, tokens });
    // Lets signals and the progress line in between two shards.
    await new Promise((resume) => setImmediate(resume));
  }
  return { shards, tokens, problems: sum(shards.map(({ problems }) => problems.length)) };
}

/** The hash is over the ids, so that it does not depend on their width. */
function scan(path: string, vocabulary: number | undefined): VerifiedShard & { hash?: string } {
  try {
    return withShard(path, (shard) => {
      const hash = createHash("sha256");
      const ids = new Int32Array(1 << 18);
      let largestId = 0;
      let wrong = 0;
      let firstWrong = "";
      for (let at = 0; at < shard.tokens; at += ids.length) {
        const part = ids.subarray(0, Math.min(ids.length, shard.tokens - at));
        shard.read(at, part.length, part);
        hash.update(part);
        for (let i = 0; i < part.length; i++) {
          const id = (part[i] ?? 0) >>> 0;
          if (id > largestId) largestId = id;
          if (vocabulary === undefined || id < vocabulary) continue;
          if (wrong++ === 0) firstWrong = `token ${at + i} has the id ${id}`;
        }
      }
      const more = wrong > 1 ? `, and ${wrong - 1} more are` : ", which is";
      const problems = wrong > 0 ? [`${firstWrong}${more} not in the vocabulary of ${vocabulary}`] : [];
      return { path, tokens: shard.tokens, largestId, problems, hash: hash.digest("hex") };
    });
  } catch (error) {
    if (!(error instanceof MlacError)) throw error;
    return { path, tokens: 0, largestId: -1, problems: [error.message] };
  }
}
