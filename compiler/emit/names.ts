/** What values and dimensions are called in emitted C++: the model's own words where it has any. */
import type { Dim, Value } from "../ir.js";
import { spec } from "../ops/index.js";
import { parameterPath } from "../passes/rewrite.js";

const reserved = new Set(
  "alignas auto bool break case catch char class const continue default delete do double else enum exp explicit export extern false float for friend goto if inline int log long mlac namespace new operator out private protected public real register return short signed sizeof static struct switch tanh template this throw true try typedef union unsigned using virtual void volatile while row chunk chunks begin end count group at i j k m n cosine sine turned_u turned_v copy range Range".split(
    " ",
  ),
);

/** A C++ identifier for any text: what is not a letter or digit becomes `_`. */
export function identifier(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=[0-9])/, "_");
  return reserved.has(plain) ? `${plain}_` : plain;
}

/** `N+R` as a constant's name: `N_R`. */
export const dimName = (dim: Dim | string): string => identifier(typeof dim === "string" ? dim : dim.name);

/** Names for the values of one kernel or one program: no two alike, and the same for the same kernel in another place. */
export class Names {
  readonly #names = new Map<Value, string>();
  readonly #taken: Set<string>;

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken);
  }

  of(v: Value): string {
    let name = this.#names.get(v);
    if (!name) {
      name = this.fresh(valueName(v));
      this.#names.set(v, name);
    }
    return name;
  }

  /** The name itself, or with a number behind it if it is taken. */
  fresh(wanted: string): string {
    const base = identifier(wanted);
    let name = base;
    for (let n = 2; this.#taken.has(name); n++) name = `${base}_${n}`;
    this.#taken.add(name);
    return name;
  }
}

/** The model's own word for it, or else what makes it. Several values may have one name. */
export function valueName(v: Value): string {
  const { def } = v;
  if (def.is === "input") return def.parameter ? lastSegment(def.parameter.path) : def.name;
  if (v.name) return lastSegment(v.name);
  if (def.is === "carried") return "carried";
  if (def.is === "slice") {
    // a layer of a parameter, or of what another loop kept
    const operand = def.op.inputs[def.op.loop!.carried.length + def.index];
    return operand ? valueName(operand) : "slice";
  }
  const { op, index } = def;
  if (op.loop) return valueName((index < op.loop.carried.length ? op.loop.yields[index] : op.loop.stacks[index - op.loop.carried.length])!);
  const given = spec(op.kind).outputs?.[index];
  if (given) return given;
  const kind = op.kind.replace(/Grad(.*)$/, (_, of: string) => `_grad_${of.toLowerCase()}`);
  const path = op.inputs.map(parameterPath).find((name) => name !== undefined);
  const weight = path && lastSegment(path);
  const what = weight ? `${kind}_${weight}` : kind;
  return op.outputs.length > 1 ? `${what}_${index}` : what;
}

const lastSegment = (path: string): string => path.slice(path.lastIndexOf(".") + 1);
