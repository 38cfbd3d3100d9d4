/** The host's side of a program: which kernel runs when, on which memory. A loop over layers stays a loop. */
import { type Op, showType, type Value } from "../ir.js";
import type { Kernel, KernelProgram, Step } from "../kernel.js";
import type { MemoryLayout, Place, Stride } from "../passes/memory.js";
import { type Bucket, describeBucket } from "../ranks/buckets.js";
import { quotes } from "./kernelFile.js";
import { Names } from "./names.js";

export interface ProgramText {
  lines: string[];
}

export interface StepContext {
  layout: MemoryLayout;
  /** Where the memory that programs share begins, in bytes. */
  base: number;
  kernelName(kernel: Kernel): string;
  /** The model's lines, for the loops. */
  sources: ReadonlyMap<string, readonly string[]>;
  /** The host's variables: names a pointer must not take. */
  taken: readonly string[];
  dialect: HostDialect;
  /** What is said when gradients are final. */
  buckets: readonly Bucket[];
}

/** How the host's code of a target says things. */
export interface HostDialect {
  /** The C++ type of a value's elements, and the host function that makes a pointer to them from a place in the arena. */
  element(v: Value): { type: string; pointer: string };
  /** The function that makes a workspace's pointer. */
  workspace: string;
  /** Arguments of every kernel that come before its operands, and those of one kernel that come between these and the workspace. */
  first: readonly string[];
  tables(kernel: Kernel): readonly string[];
  /** Hands a scalar to the caller: 0 the loss, 1 the balance loss. */
  report(index: number, pointer: string): string;
}

export const cpuDialect: HostDialect = {
  element: (v) => (v.type.dtype === "i32" ? { type: "int32_t", pointer: "ints" } : { type: "real", pointer: "reals" }),
  workspace: "reals",
  first: [],
  tables: () => [],
  report: (index, pointer) => `report[${index}] = *${pointer};`,
};

export function programText(program: KernelProgram, context: StepContext): ProgramText {
  return new StepEmitter(program, context).emit();
}

interface Scope {
  loop: Op | undefined;
  lines: string[];
  declared: Set<Value>;
}

class StepEmitter {
  readonly #names: Names;
  readonly #scopes: Scope[] = [];
  readonly #regionOf = new Map<Op, Op | undefined>();
  readonly #counters = new Map<Op, { layer: string; round: string }>();

  constructor(
    readonly program: KernelProgram,
    readonly context: StepContext,
  ) {
    this.#names = new Names(context.taken);
  }

  emit(): ProgramText {
    this.#survey(this.program.graph.body, undefined);
    this.#scopes.push({ loop: undefined, lines: [], declared: new Set() });
    this.#steps(this.program.steps);
    const report = this.program.graph.outputs.flatMap((o) => {
      if (o.is !== "loss" && o.is !== "balance") return [];
      return [this.context.dialect.report(o.is === "loss" ? 0 : 1, this.#pointer(o.value))];
    });
    const scope = this.#scopes[0]!;
    scope.lines.push(...report);
    return { lines: scope.lines };
  }

  #survey(body: readonly Op[], region: Op | undefined): void {
    for (const op of body) {
      this.#regionOf.set(op, region);
      if (op.loop) this.#survey(op.loop.body, op);
    }
  }

  #steps(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.is === "kernel") this.#kernel(step.kernel);
      else this.#loop(step.op, step.steps);
    }
  }

  #kernel(kernel: Kernel): void {
    const { layout, dialect } = this.context;
    const args = [...dialect.first, ...[...kernel.inputs, ...kernel.outputs].map((v) => this.#pointer(v)), ...dialect.tables(kernel)];
    const workspace = layout.workspace(kernel);
    if (workspace) args.push(this.#address(workspace, dialect.workspace));
    this.#now().lines.push(`${this.context.kernelName(kernel)}(${args.join(", ")});`);
    this.context.buckets.forEach((bucket, number) => {
      if (bucket.after === kernel)
        this.#now().lines.push(`gradients_final(${number}, ${this.#roundOf(bucket.loops)});  // ${describeBucket(bucket)}`);
    });
  }

  /** Which round of all the loops around it is: `layer`, or `layer * 4 + layer_1`. */
  #roundOf(loops: readonly Op[]): string {
    return loops.reduce((outer, op) => {
      const { layer } = this.#counters.get(op)!;
      return outer === "0" ? layer : `${outer.includes(" ") ? `(${outer})` : outer} * ${op.loop!.count} + ${layer}`;
    }, "0");
  }

  #loop(op: Op, steps: readonly Step[]): void {
    const loop = op.loop!;
    const depth = this.#scopes.length - 1;
    const suffix = depth === 0 ? "" : `_${depth}`;
    const layer = `layer${suffix}`;
    const round = loop.reverse ? `round${suffix}` : layer;
    this.#counters.set(op, { layer, round });
    // What the body takes from outside is declared outside, before the loop.
    this.#scopes.push({ loop: op, lines: [], declared: new Set() });
    this.#steps(steps);
    const inner = this.#scopes.pop()!;
    const [quote = loop.label] = quotes([op], this.context.sources);
    const head = `for (int64_t ${round} = 0; ${round} < ${loop.count}; ++${round}) {  // ${quote}${loop.reverse ? ", from the last to the first" : ""}`;
    const back = loop.reverse ? [`  const int64_t ${layer} = ${loop.count} - 1 - ${round};`] : [];
    const lines = inner.lines.map((l) => `  ${l}`);
    const uses = (name: string): boolean => lines.some((l) => new RegExp(`\\b${name}\\b`).test(l));
    this.#now().lines.push(head, ...(uses(layer) ? back : []), ...lines, "}");
  }

  #now(): Scope {
    return this.#scopes[this.#scopes.length - 1]!;
  }

  /** The pointer variable of a value, declared in the scope it belongs to at its first use. */
  #pointer(v: Value): string {
    const place = this.context.layout.place(v);
    if (place.is === "external") return place.name;
    const name = this.#names.of(v);
    const scope = this.#scopeOf(v);
    if (!scope.declared.has(v)) {
      scope.declared.add(v);
      const { type, pointer } = this.context.dialect.element(v);
      scope.lines.push(`${type}* const ${name} = ${this.#address(place, pointer)};  // ${showType(v.type)}`);
    }
    return name;
  }

  #scopeOf(v: Value): Scope {
    const { def } = v;
    const region = def.is === "input" ? undefined : def.is === "op" ? this.#regionOf.get(def.op) : def.op;
    return this.#scopes.find((s) => s.loop === region) ?? this.#scopes[0]!;
  }

  #address(place: Place, how: string): string {
    if (place.is === "external") return place.name;
    const { buffer, offset, strides } = place;
    const start = buffer.offset + offset + (buffer.kind === "activations" ? this.context.base : 0);
    return `${how}(${[String(start), ...strides.map((s) => this.#stride(s))].join(" + ")})`;
  }

  #stride({ loop, bytes, by }: Stride): string {
    const { layer, round } = this.#counters.get(loop)!;
    const index = { layer, round, next: `(${round} + 1)`, parity: `(${round} % 2)`, otherParity: `((${round} + 1) % 2)` }[by];
    return `${index} * ${bytes}`;
  }
}
