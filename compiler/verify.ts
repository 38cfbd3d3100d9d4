/** What must hold of a program after every pass. A violation is mlac's own fault, never the user's. */
import { MlacError } from "./diagnostics.js";
import { type Graph, type Loop, type Op, sameDims, showType, type Type, type Value } from "./ir.js";
import { spec } from "./ops/index.js";
import { ShapeProblem } from "./ops/op.js";

/**
 * Every value is defined once, before it is used and where it can be seen; every op's types are what its rule says; a loop's
 * carried values, slices and results fit together; a gradient has its parameter's shape. `pass` is what ran last.
 * Errors: internal/verify, exit code 70.
 */
export function verify(graph: Graph, pass: string): void {
  new Verifier(graph, pass).run();
}

class Verifier {
  /** Values that can be used here; a loop's own are taken out again at its end. */
  readonly #visible = new Set<Value>();
  readonly #seen = new Set<Value | Op>();
  readonly #ids = new Map<number, Value | Op>();

  constructor(
    readonly graph: Graph,
    readonly pass: string,
  ) {}

  run(): void {
    for (const v of this.graph.inputs) {
      this.#define(v);
      if (v.def.is !== "input") this.#fail(`the input ${show(v)} is defined as ${v.def.is}`);
      const parameter = v.def.is === "input" ? v.def.parameter : undefined;
      if (parameter && !sameDims(parameter.type.dims, v.type.dims))
        this.#fail(`the parameter ${parameter.path} ${showType(parameter.type)} comes in as ${show(v)}`);
    }
    this.#body(this.graph.body);
    for (const output of this.graph.outputs) {
      this.#use(output.value, undefined, `the output ${output.name}`);
      if (output.is === "gradient" && !sameDims(output.value.type.dims, output.parameter.type.dims))
        this.#fail(`the gradient of ${output.parameter.path} ${showType(output.parameter.type)} is ${show(output.value)}`);
      if ((output.is === "loss" || output.is === "balance") && output.value.type.dims.length > 0)
        this.#fail(`the ${output.name} is no scalar but ${show(output.value)}`);
    }
  }

  #body(ops: readonly Op[]): void {
    for (const op of ops) {
      this.#once(op, `op ${op.kind}`);
      for (const v of op.inputs) this.#use(v, op, op.kind);
      if (op.loop) this.#loop(op, op.loop);
      else if (op.kind === "repeat") this.#fail("a repeat has no loop", op);
      else this.#types(op);
      op.outputs.forEach((v, index) => {
        this.#define(v, op);
        if (v.def.is !== "op" || v.def.op !== op || v.def.index !== index)
          this.#fail(`output ${index} of ${op.kind} does not say so: ${show(v)}`, op);
      });
    }
  }

  #types(op: Op): void {
    let types: readonly Type[];
    try {
      types = spec(op.kind).infer(
        op.inputs.map((v) => v.type),
        op.attrs,
      );
    } catch (problem) {
      if (problem instanceof ShapeProblem || (problem instanceof Error && problem.message.startsWith("there is no op")))
        this.#fail(problem.message, op);
      throw problem;
    }
    if (types.length !== op.outputs.length) this.#fail(`${op.kind} has ${op.outputs.length} outputs; its rule gives ${types.length}`, op);
    op.outputs.forEach((v, i) => {
      if (!sameType(v.type, types[i]!)) this.#fail(`output ${i} of ${op.kind} is ${exact(v.type)}; its rule gives ${exact(types[i]!)}`, op);
    });
  }

  #loop(op: Op, loop: Loop): void {
    const { carried, slices, yields, stacks, count, label } = loop;
    if (op.inputs.length !== carried.length + slices.length)
      this.#fail(`${op.inputs.length} operands for ${carried.length} carried values and ${slices.length} slices`, op);
    if (yields.length !== carried.length) this.#fail(`${carried.length} carried values, but ${yields.length} for the next round`, op);
    if (op.outputs.length !== yields.length + stacks.length)
      this.#fail(`${op.outputs.length} outputs for ${yields.length} carried values and ${stacks.length} stacks`, op);
    const before = new Set(this.#visible);
    carried.forEach((v, i) => {
      this.#define(v, op);
      if (v.def.is !== "carried" || v.def.op !== op || v.def.index !== i) this.#fail(`carried value ${i} does not say so: ${show(v)}`, op);
      this.#same(op.inputs[i]!.type, v.type, `carried value ${i} begins as`, op);
    });
    slices.forEach((v, i) => {
      this.#define(v, op);
      if (v.def.is !== "slice" || v.def.op !== op || v.def.index !== i) this.#fail(`slice ${i} does not say so: ${show(v)}`, op);
      const whole = op.inputs[carried.length + i]!.type;
      if (whole.dims[0]?.size !== count) this.#fail(`slice ${i} of ${count} layers is taken of ${exact(whole)}`, op);
      this.#same({ ...whole, dims: whole.dims.slice(1) }, v.type, `slice ${i} is taken of`, op);
    });
    this.#body(loop.body);
    yields.forEach((v, i) => {
      this.#use(v, op, "the next round");
      this.#same(carried[i]!.type, v.type, `the next round's value ${i} is not as carried,`, op);
      this.#same(v.type, op.outputs[i]!.type, `output ${i} is not as carried,`, op);
    });
    stacks.forEach((v, i) => {
      this.#use(v, op, "a stack");
      this.#same(
        { ...v.type, dims: [{ name: label, size: count }, ...v.type.dims] },
        op.outputs[yields.length + i]!.type,
        `stack ${i} is`,
        op,
      );
    });
    for (const v of this.#visible) if (!before.has(v)) this.#visible.delete(v);
  }

  #same(expected: Type, found: Type, what: string, op: Op): void {
    if (!sameType(expected, found)) this.#fail(`${what} ${exact(expected)}, but it is ${exact(found)}`, op);
  }

  #use(v: Value, op: Op | undefined, by: string): void {
    if (this.#visible.has(v)) return;
    this.#fail(`${by} uses ${show(v)}, which ${this.#seen.has(v) ? "belongs to a loop that has ended" : "is not defined before"}`, op);
  }

  #define(v: Value, op?: Op): void {
    this.#once(v, show(v), op);
    this.#visible.add(v);
  }

  #once(thing: Value | Op, what: string, op?: Op): void {
    if (this.#seen.has(thing)) this.#fail(`${what} is there twice`, op);
    if (this.#ids.has(thing.id)) this.#fail(`${what} has the number ${thing.id}, which another has too`, op);
    this.#seen.add(thing);
    this.#ids.set(thing.id, thing);
  }

  #fail(message: string, op?: Op): never {
    const frames = (op?.origins[0] ?? []).map((span) => ({ span }));
    const diagnostic = {
      slug: "internal/verify",
      message: `after ${this.pass}, in ${this.graph.name}: ${message}`,
      frames,
      help: "this is mlac's fault, not your model's; please report it",
    };
    throw new MlacError([diagnostic], 70);
  }
}

const sameType = (a: Type, b: Type): boolean =>
  a.dtype === b.dtype && sameDims(a.dims, b.dims) && a.dims.every((d, i) => d.ragged === b.dims[i]?.ragged);
const exact = (type: Type): string =>
  `[${type.dims.map((d) => `${d.name}:${d.size}${d.ragged ? " ragged" : ""}`).join(" ")}] ${type.dtype}`;
const show = (v: Value): string => `#${v.id}${v.name === undefined ? "" : ` ${v.name}`} ${showType(v.type)}`;
