/** Kernels and ops by what a person calls them. */
import { fail } from "../diagnostics.js";
import { nearest } from "../nearest.js";
import type { Inspection, KernelFacts, OpFacts } from "./inspection.js";

/** By its name, or by a beginning or a part of it that no other has. Errors: use/kernel. */
export function findKernel(name: string, kernels: readonly KernelFacts[]): KernelFacts {
  const wanted = name.toLowerCase();
  const named = (fits: (name: string) => boolean): KernelFacts[] => kernels.filter((kernel) => fits(kernel.name.toLowerCase()));
  const exact = named((n) => n === wanted);
  const starts = named((n) => n.startsWith(wanted));
  const found = exact.length > 0 ? exact : starts.length > 0 ? starts : named((n) => n.includes(wanted));
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    fail("use/kernel", `${found.length} kernels have "${name}" in their name`, {
      help: `say more of one: ${list(found.map((kernel) => kernel.name))}`,
    });
  return fail("use/kernel", `there is no kernel "${name}"`, {
    help: "`mlac inspect` lists them",
    ...nearest(
      name,
      kernels.map((kernel) => kernel.name),
    ),
  });
}

/**
 * Ops that a text may mean, by the first of these that any is: `@12`, the number that `why` prints; a kernel's name; a place,
 * `model.ts:24` or `24`; the name of what it makes; its kind; the end of a parameter's path; a part of its name. What stands
 * behind an @ is a place that narrows it down: `rmsnorm@24`. Errors: use/op.
 */
export function findOps(text: string, { ops, kernels }: Inspection): OpFacts[] {
  const [, name = text, at] = /^(.+)@(.+)$/.exec(text) ?? [];
  const computed = ops.filter((op) => op.kernels.length > 0 && (at === undefined || isAt(op, at)));
  const lower = name.toLowerCase();
  const tries: ((op: OpFacts) => boolean)[] = [
    (op) => name === `@${op.id}`,
    (op) => op.kernels.includes(name),
    (op) => /^(?:.+:)?\d+$/.test(name) && isAt(op, name),
    (op) => op.name === name,
    (op) => op.kind === name,
    (op) => op.parameters.some((path) => path === name || path.endsWith(`.${name}`)),
    (op) => op.kernels.some((kernel) => kernel.startsWith(lower)),
    (op) => op.name.toLowerCase().includes(lower),
  ];
  for (const fits of tries) {
    const found = computed.filter(fits);
    if (found.length > 0) return found;
  }
  const known = new Set([...ops.flatMap((op) => [op.name, op.kind, ...op.parameters]), ...kernels.map((kernel) => kernel.name)]);
  return fail("use/op", `nothing in this model is called "${text}"`, {
    help: "name an op's kind (rmsnorm), its result (q), a parameter (attn.q), a line (model.ts:24), or a kernel; rmsnorm@24 is the one of line 24",
    ...nearest(name, [...known]),
  });
}

/** `24`, `model.ts:24`, `24:13` or `model.ts:24:13`, among the places of an op's calls. */
function isAt({ places }: OpFacts, text: string): boolean {
  return places.some(({ file, line, column }) =>
    [`${line}`, `${file}:${line}`, `${line}:${column}`, `${file}:${line}:${column}`].some(
      (place) => place === text || (text.includes(":") && place.endsWith(`/${text}`)),
    ),
  );
}

const list = (names: readonly string[]): string =>
  names.length <= 8 ? names.join(", ") : `${names.slice(0, 8).join(", ")} and ${names.length - 8} more`;
