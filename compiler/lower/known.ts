/** What an expression of model.ts can be worth while it is being lowered: known now, or a value of the graph. */
import type { ts } from "ts-morph";
import { type CallStack, type Dim, type Parameter, type ParameterKind, showType, type Value } from "../ir.js";
import type { Scope } from "./scope.js";

export type Known =
  | Constant
  | { is: "array"; items: readonly Known[] }
  | Fields
  | Closure
  /** A function of mlac's own, by the name it is exported under. */
  | { is: "builtin"; name: string }
  | Declared
  | Block
  | Stack
  | BoundParameter
  | BoundBlock
  | Layers
  | Tensor
  | Routing
  /** What muon(), cosine() and the like give: their own name and their options. */
  | Maker
  | Plan;

export interface Constant {
  is: "constant";
  value: number | string | boolean | null | undefined;
  /** The literal that --set has replaced by this value. */
  replaced?: ts.Node;
}

/** An object literal. Each entry remembers where it was written, so that a bad option can be pointed at. */
export interface Fields {
  is: "fields";
  entries: ReadonlyMap<string, Entry>;
  node: ts.Node;
}
export interface Entry {
  known: Known;
  node: ts.Node;
}

/** A function with the scope it was written in. */
export interface Closure {
  is: "closure";
  node: ts.FunctionLikeDeclaration & { body: ts.ConciseBody };
  scope: Scope;
}

/** weight("E: D -> F") and its like: a parameter that has no place in a model yet. */
export interface Declared {
  is: "declared";
  kind: ParameterKind;
  each: readonly string[];
  reads: readonly string[];
  writes: readonly string[];
  std?: number;
  node: ts.Node;
  origin: CallStack;
}

export interface Block {
  is: "block";
  params: Fields;
  body: Closure;
  /** The calls that made it, block(…) itself first. */
  origin: CallStack;
}

export interface Stack {
  is: "stack";
  count: number;
  block: Block;
}

/** A parameter with its place: its whole value, or inside a loop over its stack the slice of one layer. */
export interface BoundParameter {
  is: "parameter";
  parameter: Parameter;
  value: Value;
}

/** A block whose parameters have their places; it can be called. */
export interface BoundBlock {
  is: "bound";
  path: string;
  params: Fields;
  body: Closure;
  origin: CallStack;
}

/** A stack whose parameters have their places: `layer` still holds the parameters of all its layers. */
export interface Layers {
  is: "layers";
  path: string;
  count: number;
  layer: BoundBlock | undefined;
}

export interface Tensor {
  is: "tensor";
  value: Value;
}

export interface Routing {
  is: "routing";
  gates: Value;
  choice: Value;
  slot: Value;
  source: Value;
  offsets: Value;
  topK: number;
  experts: Dim;
  /** The dimensions of the tokens that were routed: [B T]. */
  tokens: readonly Dim[];
}

export interface Maker {
  is: "maker";
  name: string;
  options: Fields;
}

/** train(model, options): lowered once the whole file has been read. */
export interface Plan {
  is: "plan";
  model: Block;
  options: Fields;
  node: ts.CallExpression;
}

export const constant = (value: Constant["value"]): Constant => ({ is: "constant", value });
export const nothing = constant(undefined);
export const isNothing = (known: Known): boolean => known.is === "constant" && (known.value === undefined || known.value === null);

/** For messages: what a value is, in words. */
export function describe(known: Known): string {
  switch (known.is) {
    case "constant":
      return typeof known.value === "string" ? `the string "${known.value}"` : known.value === undefined ? "undefined" : `${known.value}`;
    case "array":
      return "an array";
    case "fields":
      return "an object";
    case "closure":
    case "builtin":
      return "a function";
    case "declared":
      return `the declaration of a parameter (${known.kind})`;
    case "parameter":
      return `the parameter ${known.parameter.path} ${showType(known.value.type)}`;
    case "block":
    case "bound":
      return "a block";
    case "stack":
    case "layers":
      return "a stack of blocks";
    case "tensor":
      return `a tensor ${showType(known.value.type)}`;
    case "routing":
      return "a routing";
    case "maker":
      return `${known.name}(…)`;
    case "plan":
      return "a training plan";
  }
}
