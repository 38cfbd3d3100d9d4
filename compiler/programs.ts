/** The pipeline: from the forward graph of a model to the kernels of its three programs. One line a pass, each with why it stands there. */
import type { Choices } from "./choices.js";
import type { Builder, Graph, Op, Value } from "./ir.js";
import type { KernelProgram } from "./kernel.js";
import type { Lowered } from "./lower/index.js";
import { spec } from "./ops/index.js";
import { copyGraph } from "./passes/copy.js";
import { fuseCrossEntropy } from "./passes/crossEntropy.js";
import { differentiate } from "./passes/differentiate.js";
import { fuse } from "./passes/fuse.js";
import { land } from "./passes/landing.js";
import { precision } from "./passes/precision.js";
import { type RecomputeChoices, recompute } from "./passes/recompute.js";
import { schedule } from "./passes/schedule.js";
import { simplify } from "./passes/simplify.js";
import { weighEarly } from "./passes/weighEarly.js";
import type { Target } from "./target.js";
import { verify } from "./verify.js";

export interface Program {
  name: "train" | "evaluate" | "predict";
  kernels: KernelProgram;
}

export function makePrograms(
  model: Lowered,
  choices: Choices,
  target: Target = "cpu",
  watch: (program: Program["name"], pass: string, graph: Graph) => void = () => undefined,
): Program[] {
  return (["train", "evaluate", "predict"] as const).map((name) =>
    makeProgram(name, model, choices, target, (pass, graph) => watch(name, pass, graph)),
  );
}

function makeProgram(
  name: Program["name"],
  model: Lowered,
  choices: Choices,
  target: Target,
  watch: (pass: string, graph: Graph) => void,
): Program {
  const { builder } = model;
  let { graph, map } = copyGraph(builder, model.graph, name);
  watch("lowered", graph);
  const pass = (title: string, run: (g: Graph) => Graph): void => {
    graph = run(graph);
    verify(graph, title);
    watch(title, graph); // now: the next pass may change the same graph
  };
  const fusion = { norm: choices.norm, swiglu: choices.swiglu, moeIn: choices.moeIn, moeOut: choices.moeOut, target } as Parameters<
    typeof fuse
  >[1];

  if (name !== "train") graph.outputs = graph.outputs.filter((o) => o.is !== "load"); // expert loads are reported of training steps
  if (name === "predict") pass("predict", (g) => predictNext(builder, g, map, model.head)); // before simplify: the loss and what only it needs goes
  if (target === "cuda") pass("weighEarly", (g) => weighEarly(builder, g)); // before gradients: they take the shorter way then
  pass("simplify", simplify); // early, so that nothing dead is differentiated
  if (name === "train") {
    pass("differentiate", (g) => differentiate(builder, g)); // on the plain ops, before fusion hides them
    pass("crossEntropy", (g) => fuseCrossEntropy(g, choices.crossEntropy, (f, b, rows) => makeTrain(builder, f, b, rows))); // needs forward and backward side by side
    pass("simplify", simplify); // gradients of constants, equal gradients
    pass("recompute", (g) => recompute(builder, g, recomputeChoices(choices, target))); // sees what each layer keeps, before it is fused away
    pass("simplify", simplify); // what is no longer kept
  }
  pass("land", (g) => land(builder, g)); // last change of the graph: every value that has a fixed place is written there by its own op
  if (target === "cuda") graph = precision(graph); // what is kept in bf16; ops' rules speak of real numbers, so nothing is verified after it
  return { name, kernels: schedule(fuse(graph, fusion)) }; // kernels, then their order
}

/** On the CPU, whose memory is large, what stands outside of loops is kept. */
function recomputeChoices({ recompute, mla }: Choices, target: Target): RecomputeChoices {
  return { recompute, mla, outside: target === "cuda" } as RecomputeChoices;
}

/** The forward program whose result is the logits at one position of each sequence. */
function predictNext(builder: Builder, graph: Graph, map: ReadonlyMap<Value, Value>, head: Lowered["head"]): Graph {
  const x = map.get(head.x) ?? head.x;
  const w = map.get(head.w) ?? head.w;
  const at = builder.input("at", { dims: x.type.dims.slice(0, 1), dtype: "i32" });
  const [type] = spec("nextLogits").infer([x.type, w.type, at.type], {});
  const { ops } = builder.within(() => builder.op("nextLogits", [x, w, at], {}, [type!], []));
  const logits = ops[0]!.outputs[0]!;
  return {
    ...graph,
    inputs: [...graph.inputs, at],
    body: [...graph.body, ...ops],
    outputs: [{ is: "logits", name: "logits", value: logits }],
  };
}

/** Loss and gradients in one op; see passes/crossEntropy.ts. */
function makeTrain(builder: Builder, forward: Op, backward: Op, rows: number): Op {
  const inputs = [...forward.inputs, backward.inputs[0]!];
  const types = spec("linearCrossEntropyTrain").infer(
    inputs.map((v) => v.type),
    { rows },
  );
  const { ops } = builder.within(() =>
    builder.op("linearCrossEntropyTrain", inputs, { rows }, types, [...forward.origins, ...backward.origins]),
  );
  return ops[0]!;
}
