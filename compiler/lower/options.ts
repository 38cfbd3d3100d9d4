/** Reads the options of a call: numbers in their range, words from a list, each refused where it was written. */
import type { ts } from "ts-morph";
import { nearest } from "../nearest.js";
import type { Context } from "./context.js";
import { describe, type Entry, type Fields, type Known, nothing } from "./known.js";

export interface Range {
  min?: number;
  max?: number;
  /** The ends do not belong to it. */
  open?: true;
  whole?: true;
}

export class Options {
  constructor(
    readonly c: Context,
    /** What the options are of, for messages: `rope`. */
    readonly of: string,
    readonly fields: Fields,
    readonly slug = "plan/option",
  ) {}

  /** The options of a call, its argument number `i`; left out, there are none. */
  static at(c: Context, of: string, args: readonly Entry[], i: number, node: ts.Node, slug?: string): Options {
    const known = args[i]?.known ?? nothing;
    if (known.is === "constant" && known.value === undefined) return new Options(c, of, { is: "fields", entries: new Map(), node }, slug);
    if (known.is !== "fields")
      throw c.error(args[i]?.node ?? node, "syntax/options", `${of}: its options are an object; this is ${describe(known)}`);
    return new Options(c, of, known, slug);
  }

  get(key: string): Known {
    return this.fields.entries.get(key)?.known ?? nothing;
  }

  has(key: string): boolean {
    const known = this.get(key);
    return !(known.is === "constant" && known.value === undefined);
  }

  /** Where an option was written. */
  node(key: string): ts.Node {
    return this.fields.entries.get(key)?.node ?? this.fields.node;
  }

  number(key: string, range: Range, otherwise?: number): number {
    const known = this.get(key);
    if (!this.has(key) && otherwise !== undefined) return otherwise;
    if (known.is !== "constant" || typeof known.value !== "number") throw this.error(key, `must be ${inWords(range)}; ${this.#found(key)}`);
    return this.checked(key, known.value, range);
  }

  checked(key: string, value: number, range: Range): number {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, open, whole } = range;
    const inside = open ? value > min && value < max : value >= min && value <= max;
    if (!Number.isFinite(value) || !inside || (whole && !Number.isSafeInteger(value)))
      throw this.error(key, `must be ${inWords(range)}; it is ${value}`);
    return value;
  }

  text(key: string, choices?: readonly string[]): string {
    const known = this.get(key);
    if (known.is === "constant" && typeof known.value === "string" && (!choices || choices.includes(known.value))) return known.value;
    throw this.error(key, `must be ${choices ? choices.map((choice) => `"${choice}"`).join(" or ") : "a text"}; ${this.#found(key)}`);
  }

  truth(key: string): boolean {
    const known = this.get(key);
    if (known.is === "constant" && typeof known.value === "boolean") return known.value;
    throw this.error(key, `must be true or false; ${this.#found(key)}`);
  }

  /** The options within an option. */
  inner(key: string): Options {
    const known = this.get(key);
    if (known.is !== "fields") throw this.error(key, `must be an object; ${this.#found(key)}`);
    return new Options(this.c, `${this.of}: ${key}`, known, this.slug);
  }

  /** Refuses what is not among the options; the editor lets a spread object through. */
  only(...keys: readonly string[]): this {
    for (const [key, { node }] of this.fields.entries)
      if (!keys.includes(key)) throw this.c.error(node, "syntax/options", `${this.of} has no option ${key}`, nearest(key, keys));
    return this;
  }

  error(key: string, what: string) {
    const node = this.node(key);
    const known = this.get(key);
    const replaced = known.is === "constant" ? known.replaced : undefined;
    const label = "replaced by --set";
    const place = replaced === node ? { label } : replaced ? { also: [{ span: this.c.span(replaced), label }] } : {};
    return this.c.error(node, this.slug, `${this.of}: ${key} ${what}`, place);
  }

  #found(key: string): string {
    return this.has(key) ? `it is ${describe(this.get(key))}` : "it is missing";
  }
}

function inWords({ min, max, open, whole }: Range): string {
  const kind = whole ? "a whole number" : "a number";
  if (min !== undefined && max !== undefined) return `${kind} ${open ? "between" : "from"} ${min} ${open ? "and" : "to"} ${max}`;
  if (min !== undefined) return `${kind} ${open ? "above" : "from"} ${min}${open ? "" : " up"}`;
  return kind;
}
