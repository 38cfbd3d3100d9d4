/** The model that is being lowered: its parameters, the ops so far, and what they leave for the end. */
import type { ts } from "ts-morph";
import { Builder, type CallStack, type Loop, type Op, type Parameter, type Value } from "../ir.js";
import type { Context } from "./context.js";
import type { Routing } from "./known.js";
import type { Sizes } from "./sizes.js";

/** A loop whose body is being lowered. */
export interface OpenLoop {
  op: Op;
  loop: Loop;
  /** What each of the loop's slices is a slice of. */
  sliced: Value[];
}

/** What a routing leaves behind for the whole model: its load, and its part of the objective. Both grow a dimension with each loop they leave. */
export interface RouteReport {
  /** Of the router. */
  path: string;
  /** Of the innermost stack around it. */
  stack: string | undefined;
  load: Value;
  balance: Value | undefined;
  bias: { path: string; rate: number } | undefined;
  origin: CallStack;
}

export class ModelState {
  readonly builder = new Builder();
  readonly parameters: Parameter[] = [];
  /** The parameters' values. */
  readonly inputs: Value[] = [];
  readonly loops: OpenLoop[] = [];
  /** Of the region that is being lowered. */
  routes: RouteReport[] = [];
  /** Operands of each linearCrossEntropy outside of loops. */
  readonly heads: { x: Value; w: Value }[] = [];
  /** Which routing the experts' rows come from. */
  readonly rows = new Map<Value, Routing>();
  /** Expert biases: the router's value (whole, or a layer's slice) to that of its bias. */
  readonly biases = new Map<Value, Value>();
  readonly rates = new Map<string, { rate: number; node: ts.Node }>();

  constructor(
    readonly c: Context,
    readonly sizes: Sizes,
  ) {}

  addParameter(parameter: Parameter): Value {
    this.parameters.push(parameter);
    const value = this.builder.input(parameter.path, parameter.type, parameter);
    this.inputs.push(value);
    return value;
  }

  /** One layer's part of `whole`, in the loop `open`. */
  slice({ op, loop, sliced }: OpenLoop, whole: Value): Value {
    const type = { ...whole.type, dims: whole.type.dims.slice(1) };
    const value: Value = { id: this.builder.fresh(), type, def: { is: "slice", op, index: loop.slices.length } };
    if (whole.name !== undefined) value.name = whole.name;
    loop.slices.push(value);
    sliced.push(whole);
    return value;
  }
}
