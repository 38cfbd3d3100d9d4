/** Every message mlac gives is one of these: a slug, a sentence, frames of source, and what to do. */
import type { Span } from "./ir.js";

export interface Frame {
  span: Span;
  /** Printed under the caret. */
  label?: string;
}

export interface Diagnostic {
  /** `shape/reads`, `plan/memory` … : the families are syntax, type, shape, plan, tool, data, run, use. */
  slug: string;
  message: string;
  frames: readonly Frame[];
  help?: string;
}

/** 1: the user's model or input; 2: a missing or failing tool; 70: mlac's own fault. */
export type ExitCode = 1 | 2 | 70;

/** Thrown wherever mlac cannot go on; the command line prints it without a stack trace. */
export class MlacError extends Error {
  constructor(
    readonly diagnostics: readonly Diagnostic[],
    readonly exitCode: ExitCode = 1,
  ) {
    super(diagnostics.map((d) => d.message).join("\n"));
    this.name = "MlacError";
  }
}

/** The usual case: one diagnostic. `tool/*` slugs leave with exit code 2. */
export function fail(
  slug: string,
  message: string,
  more: { spans?: readonly Span[]; frames?: readonly Frame[]; help?: string } = {},
): never {
  const frames = more.frames ?? (more.spans ?? []).map((span) => ({ span }));
  const diagnostic: Diagnostic = { slug, message, frames, ...(more.help === undefined ? {} : { help: more.help }) };
  throw new MlacError([diagnostic], slug.startsWith("tool/") ? 2 : 1);
}
