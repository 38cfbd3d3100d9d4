/** The graph after each pass, and what one pass changes. */
import { createTwoFilesPatch } from "diff";
import type { BuildOptions } from "../build.js";
import { emitAll, type Stage } from "../compile.js";
import { fail } from "../diagnostics.js";
import { nearest } from "../nearest.js";

export type { Stage } from "../compile.js";

/** Of one program: the graph before the first pass, and after each. */
export async function stagesOf(options: BuildOptions, program: Stage["program"]): Promise<Stage[]> {
  const { stages } = await emitAll(options, { stages: true });
  return stages.filter((stage) => stage.program === program);
}

export interface PassDiff {
  pass: string;
  /** Which of the passes of that name it is, from 1. */
  number: number;
  /** A unified diff; empty where the pass changes nothing. */
  diff: string;
}

/** What the passes of a name change. Errors: use/pass. */
export function passDiffs(stages: readonly Stage[], name: string): PassDiff[] {
  const names = [...new Set(stages.slice(1).map(({ pass }) => pass))];
  if (!names.includes(name))
    fail("use/pass", `there is no pass "${name}"`, { help: `there are: ${names.join(", ")}`, ...nearest(name, names) });
  let number = 0;
  return stages.slice(1).flatMap(({ pass, lasting }, i) => {
    if (pass !== name) return [];
    number += 1;
    const before = stages[i]!;
    return [{ pass, number, diff: unified(`before ${pass}`, `after ${pass}`, body(before.lasting), body(lasting)) }];
  });
}

/** The line that names the program says nothing of a pass. */
const body = (text: string): string => text.slice(text.indexOf("\n") + 1);

/** Two texts as a unified diff, without a head; empty where they are one. */
export function unified(before: string, after: string, a: string, b: string): string {
  if (a === b) return "";
  return createTwoFilesPatch(before, after, a, b, undefined, undefined, { context: 2 }).replace(/^=+\n/, "").trimEnd();
}

/** Ops in a graph's text, those of loops once. */
export const opCount = (text: string): number => text.split("\n").filter((line) => /^\s+%.* = /.test(line)).length;
