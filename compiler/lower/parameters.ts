/** From the declarations in block({ … }) to the parameters of a model, each with its path, type and start. */
import type { ts } from "ts-morph";
import type { Dim, Parameter, ParameterKind } from "../ir.js";
import type { Context } from "./context.js";
import {
  type Block,
  type BoundBlock,
  type Declared,
  describe,
  type Entry,
  type Fields,
  isNothing,
  type Known,
  type Layers,
} from "./known.js";
import type { ModelState } from "./model.js";

/** Splits "E: D -> H N" into names; the shape of a gain or a bias is a list of names only. */
export function parseShape(c: Context, node: ts.Node, kind: ParameterKind, text: string): Pick<Declared, "each" | "reads" | "writes"> {
  const vector = kind === "gain" || kind === "bias";
  const parts = /^(?:([^:>]+): )?(?:([^:>]+) -> )?([^:>]+)$/.exec(text);
  const [each, reads, writes] = [1, 2, 3].map((i) => (parts?.[i] ?? "").split(" ").filter((name) => name !== ""));
  const names = [...each!, ...reads!, ...writes!];
  const fits = vector ? reads!.length + each!.length === 0 : reads!.length > 0 && (kind === "weight" || each!.length === 0);
  if (!fits || names.length === 0 || !names.every((name) => /^[A-Za-z]\w*(\+[A-Za-z]\w*)*$/.test(name)))
    throw c.error(node, "syntax/shape", `"${text}" is not the shape of a ${kind}`, { help: `write ${kind}(${examples[kind]})` });
  return { each: each!, reads: reads!, writes: writes! };
}

const examples: Readonly<Record<ParameterKind, string>> = {
  weight: '"D -> H N", or with one for each expert "E: D -> F"',
  router: '"D -> E"',
  embedding: '"V -> D"',
  gain: '"D"',
  bias: '"D"',
};

/** Standard deviation where a weight reads many values: 1 / sqrt(fan-in) keeps their sum at size 1. */
const small = 0.02;

/** Gives every parameter of a block its place. `layers` are the stacks around it, as dimensions: each is called by its path. */
export function bind(m: ModelState, block: Block, path: string, layers: readonly Dim[]): BoundBlock {
  const entries = new Map<string, Entry>();
  for (const [key, { known, node }] of block.params.entries) entries.set(key, { known: bindOne(m, known, node, key, path, layers), node });
  return { is: "bound", path, params: { is: "fields", entries, node: block.params.node }, body: block.body, origin: block.origin };
}

function bindOne(m: ModelState, known: Known, node: ts.Node, key: string, around: string, layers: readonly Dim[]): Known {
  const path = around === "" ? key : `${around}.${key}`;
  if (!/^[A-Za-z]\w*$/.test(key))
    throw m.c.error(node, "syntax/parameter-name", `a parameter cannot be called "${key}"`, { help: "use letters, digits and _" });
  if (known.is === "declared") {
    const parameter = parameterOf(m, known, path, layers);
    return { is: "parameter", parameter, value: m.addParameter(parameter) };
  }
  if (known.is === "block") return bind(m, known, path, layers);
  if (known.is === "stack") {
    const { count, block } = known;
    if (m.sizes.fields.entries.has(path))
      throw m.c.error(node, "syntax/parameter-name", `${path} is a stack here and a dimension in the sizes`, {
        help: "give one of them another name",
      });
    const layer = count === 0 ? undefined : bind(m, block, path, [...layers, { name: path, size: count }]);
    return { is: "layers", path, count, layer };
  }
  if (isNothing(known)) return known;
  throw m.c.error(
    node,
    "syntax/parameter",
    `a parameter is a weight, a router, an embedding, a gain, a bias, a block or a stack; ${key} is ${describe(known)}`,
    { help: "what is no parameter needs no place among them: declare it with const before the block" },
  );
}

function parameterOf(m: ModelState, declared: Declared, path: string, layers: readonly Dim[]): Parameter {
  const { kind, node, origin } = declared;
  const dimsOf = (names: readonly string[]): Dim[] => names.map((name) => m.sizes.dim(name, node));
  const [each, reads, writes] = [dimsOf(declared.each), dimsOf(declared.reads), dimsOf(declared.writes)];
  const fanIn = reads.reduce((n, d) => n * d.size, 1);
  const own = [...each!, ...reads!, ...writes!];
  const twice = own.find((d, i) => own.slice(0, i).some((other) => other.name === d.name) && !isSquare(d, reads!, writes!));
  if (twice)
    throw m.c.error(node, "syntax/shape", `${path} has the dimension ${twice.name} twice`, { help: "give one of them another name" });
  return {
    path,
    kind,
    type: { dims: [...layers, ...own], dtype: "f32" },
    stacked: layers.length,
    each: each!.length,
    reads: reads!.length,
    init:
      kind === "gain" || kind === "bias"
        ? { kind: "constant", value: kind === "gain" ? 1 : 0 }
        : { kind: "normal", std: declared.std ?? (kind === "weight" ? 1 / Math.sqrt(fanIn) : small) },
    origin,
  };
}

/** "D -> D" reads what it writes, which is fine: the two never stand in one tensor. */
const isSquare = (d: Dim, reads: readonly Dim[], writes: readonly Dim[]): boolean =>
  reads.filter((r) => r.name === d.name).length === 1 && writes.filter((w) => w.name === d.name).length === 1;

/** The same block with other values for its parameters: those of one layer. */
export function withValues(block: BoundBlock, change: (parameter: Extract<Known, { is: "parameter" }>) => Known): BoundBlock {
  const changeAny = (known: Known): Known => {
    if (known.is === "parameter") return change(known);
    if (known.is === "bound") return withValues(known, change);
    if (known.is === "layers") return { ...known, layer: known.layer && withValues(known.layer, change) } satisfies Layers;
    return known;
  };
  const entries = new Map([...block.params.entries].map(([key, { known, node }]) => [key, { known: changeAny(known), node }]));
  const params: Fields = { is: "fields", entries, node: block.params.node };
  return { ...block, params };
}
