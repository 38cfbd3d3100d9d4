/** From model.ts to a graph: the file is read and checked, its plan evaluated, the model's calls inlined. */
import { fail } from "../diagnostics.js";
import type { Builder, Dim, Graph, GraphOutput, Parameter, Span, Value } from "../ir.js";
import type { TrainingPlan } from "../plan.js";
import { invoke } from "./call.js";
import { check } from "./check.js";
import { Context } from "./context.js";
import { describe, type Entry, type Known, type Plan } from "./known.js";
import { ModelState } from "./model.js";
import { Modules } from "./modules.js";
import { overrides } from "./override.js";
import { bind } from "./parameters.js";
import { planOf } from "./plan.js";
import { Project } from "./project.js";
import { reports } from "./reports.js";
import { Sizes } from "./sizes.js";
import { refuseUnused } from "./unused.js";

export interface Lowered {
  /** Numbers the values; later passes go on with it. */
  builder: Builder;
  /** "forward". Its outputs: the loss, the balance loss if there is one, each routing's load. */
  graph: Graph;
  parameters: Parameter[];
  plan: TrainingPlan;
  sizes: Record<string, number>;
  /** Every file that took part, named as in spans. */
  sources: { file: string; text: string }[];
  /** Where the plan's fusion choices were written. */
  places: { fuse: Record<string, Span> };
  /** Operands of linearCrossEntropy: what the next token is predicted from. */
  head: { x: Value; w: Value };
}

export interface LowerOptions {
  /** Constants and sizes that replace those in the file: `--set NAME=VALUE`. */
  set?: Record<string, string>;
}

/** Errors: MlacError with use/*, type/*, syntax/*, shape/*, plan/*; every span's file is relative to the folder of `file`. */
export function lower(file: string, options: LowerOptions = {}): Lowered {
  const project = new Project(file);
  check(project);
  const c = new Context(project, overrides(project, options.set ?? {}));
  const modules = new Modules(c);
  const { exports, defaultAt } = modules.evaluate(project.main);
  const plan = exports.get("default");
  if (!defaultAt || plan?.is !== "plan")
    fail(
      "syntax/no-plan",
      plan ? `export default is ${describe(plan)}; it must be train(Model, { … })` : "the file says nothing about how to train a model",
      {
        spans: [defaultAt ? c.span(defaultAt) : project.endOfMain()],
        help: "end it with export default train(Model, { … })",
      },
    );
  const sources = modules.files.map((f) => ({ file: project.name(f), text: f.text }));
  return { ...lowerModel(c, plan), sources };
}

function lowerModel(c: Context, plan: Plan): Omit<Lowered, "sources"> {
  const sizesEntry = plan.options.entries.get("sizes");
  if (sizesEntry?.known.is !== "fields")
    throw c.error(sizesEntry?.node ?? plan.node, "plan/option", "train: sizes must be an object, dims({ … })");
  const m = new ModelState(c, new Sizes(c, sizesEntry.known));
  c.lowering = m;
  const model = bind(m, plan.model, "", []);
  const inputs = modelInputs(c, m, plan);
  const { ops, result } = m.builder.within(() => {
    const loss = invoke(c, model.body, [{ known: model.params, node: plan.node }, ...inputs]);
    return { value: scalar(c, plan, loss), ...reports(c, m) };
  });
  const outputs: GraphOutput[] = [{ is: "loss", name: "loss", value: result.value }, ...result.outputs];
  const values = inputs.flatMap(({ known }) => (known.is === "tensor" ? [known.value] : []));
  const graph: Graph = { name: "forward", inputs: [...m.inputs, ...values], body: ops, outputs };
  refuseUnused(graph);
  const [head] = m.heads;
  if (!head)
    throw c.error(
      plan.model.body.node,
      "plan/no-head",
      "the loss must come from linearCrossEntropy, outside of any loop: without it no token could be predicted",
    );
  const sizes = m.sizes.all();
  return {
    builder: m.builder,
    graph,
    parameters: m.parameters,
    plan: planOf(c, plan, sizes, m.parameters, result.expertBias),
    sizes,
    places: { fuse: placesOf(c, plan.options.entries.get("fuse")?.known) },
    head,
  };
}

function placesOf(c: Context, known: Known | undefined): Record<string, Span> {
  return known?.is === "fields" ? Object.fromEntries([...known.entries].map(([key, { node }]) => [key, c.span(node)])) : {};
}

/** The tokens and the targets: their dimensions are in the types of the model's own parameters. */
function modelInputs(c: Context, m: ModelState, plan: Plan): Entry[] {
  const { node } = plan.model.body;
  const [, ...declared] = node.parameters;
  const types = declared.map((parameter) => c.project.typeOf(parameter));
  const [tokens, targets] = types;
  if (types.length !== 2 || tokens?.name !== "Tokens" || targets?.name !== "Targets")
    throw c.error(node, "syntax/model-inputs", 'the model must take (p, tokens: Tokens<"B T">, targets: Targets<"B T">)');
  return declared.map((parameter, i) => {
    const dims = types[i]!.shape.split(" ").map((name): Dim => m.sizes.dim(name, parameter));
    if (dims.length !== 2)
      throw c.error(parameter, "syntax/model-inputs", `the model reads sequences, [B T]; this is [${types[i]!.shape}]`, {
        help: 'write Tokens<"B T"> and Targets<"B T">: B sequences of T tokens',
      });
    const known: Known = { is: "tensor", value: m.builder.input(i === 0 ? "tokens" : "targets", { dims, dtype: "i32" }) };
    return { known, node: parameter };
  });
}

function scalar(c: Context, plan: Plan, loss: Known): Value {
  if (loss.is === "tensor" && loss.value.type.dims.length === 0) return loss.value;
  throw c.error(
    plan.model.body.node,
    "shape/loss",
    `the model must give its loss, a scalar, as linearCrossEntropy does; this is ${describe(loss)}`,
  );
}
