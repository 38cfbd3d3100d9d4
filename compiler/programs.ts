/** The pipeline: from the forward graph of a model to the kernels of its three programs. One line a pass, each with why it stands there. */
import type { Choices } from "./choices.js";
import type { Generation } from "./generation.js";
import type { Builder, Graph, Op, Value } from "./ir.js";
import type { KernelProgram } from "./kernel.js";
import type { Lowered } from "./lower/index.js";
import { spec } from "./ops/index.js";
import type { Caches } from "./passes/caches.js";
import { copyGraph } from "./passes/copy.js";
import { fuseCrossEntropy } from "./passes/crossEntropy.js";
import { differentiate } from "./passes/differentiate.js";
import { askEarly } from "./passes/early.js";
import { fuse } from "./passes/fuse.js";
import { type Incremental, type IncrementalSizes, incremental } from "./passes/incremental.js";
import { land } from "./passes/landing.js";
import { latentKeys } from "./passes/latentKeys.js";
import { precision } from "./passes/precision.js";
import { type RecomputeChoices, recompute } from "./passes/recompute.js";
import { schedule } from "./passes/schedule.js";
import { simplify } from "./passes/simplify.js";
import { takeApart } from "./passes/takeApart.js";
import { weighEarly } from "./passes/weighEarly.js";
import type { Target } from "./target.js";
import { verify } from "./verify.js";

export interface Program {
  name: "train" | "evaluate" | "predict" | "prefill" | "decode";
  kernels: KernelProgram;
}

/** Is shown each program's graph after each pass. */
export type Watch = (program: Program["name"], pass: string, graph: Graph) => void;

/** The three programs of a build that trains. */
export function makePrograms(model: Lowered, choices: Choices, target: Target = "cpu", watch: Watch = () => undefined): Program[] {
  return (["train", "evaluate", "predict"] as const).map((name) =>
    makeProgram(name, model, choices, target, (pass, graph) => watch(name, pass, graph)),
  );
}

function makeProgram(
  name: "train" | "evaluate" | "predict",
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
  if (choices.mla === "inkernel" || (choices.mla === "latent" && name === "train")) {
    pass("latentKeys", (g) => latentKeys(builder, g, choices.mla === "inkernel")); // once keys and values are made where gradients want them
    pass("simplify", simplify); // what only made them
  }
  pass("land", (g) => land(builder, g)); // last change of the graph: every value that has a fixed place is written there by its own op
  return { name, kernels: toKernels(graph, choices, target) };
}

/** The two programs of a build that generates, and what they keep of each token. Errors: shape/mixes, shape/length. */
export function makeGenerating(
  model: Lowered,
  choices: Choices,
  target: Target,
  sizes: Generation,
  watch: Watch = () => undefined,
): { programs: Program[]; caches: Caches; attentions: Incremental["attentions"] } {
  const { slots, context, mla } = sizes;
  const made = (["prefill", "decode"] as const).map((name) => {
    const rows = name === "prefill" ? { batch: sizes.sequences, window: sizes.window } : { batch: sizes.rows };
    return makeIncremental(name, model, choices, target, { slots, context, mla, ...rows }, (pass, graph) => watch(name, pass, graph));
  });
  const [{ caches, attentions }] = made as [(typeof made)[number]];
  return { programs: made.map(({ program }) => program), caches, attentions };
}

function makeIncremental(
  name: "prefill" | "decode",
  { builder, ...model }: Lowered,
  choices: Choices,
  target: Target,
  sizes: IncrementalSizes,
  watch: (pass: string, graph: Graph) => void,
): { program: Program; caches: Caches; attentions: Incremental["attentions"] } {
  const copy = copyGraph(builder, model.graph, name);
  watch("lowered", copy.graph);
  const graph = simplify(predictNext(builder, copy.graph, copy.map, model.head)); // before it is rewritten: nobody asks for what only the loss needs
  verify(graph, "predict");
  watch("predict", graph);
  const result = incremental(builder, graph, name, sizes); // on the plain ops: what a token's result depends on is said by each
  let { graph: made } = result;
  const pass = (title: string, run: (g: Graph) => Graph): void => {
    made = run(made);
    verify(made, title);
    watch(title, made);
  };
  pass("incremental", (g) => g);
  pass("simplify", simplify); // keys and values that are not kept as such
  pass("land", (g) => land(builder, g)); // caches are written where they lie
  const few = name === "decode" && target === "cuda";
  if (few) pass("takeApart", (g) => takeApart(builder, g, choices.moeIn === "fused")); // what is landed stays so: results are the same values
  // On a GPU no epilogue of few rows has a whole one.
  const chosen: Choices = few ? { ...choices, norm: "own" } : choices;
  return { program: { name, kernels: toKernels(made, chosen, target, few) }, caches: result.caches, attentions: result.attentions };
}

/** The last stretch of every program. */
function toKernels(graph: Graph, { norm, swiglu, moeIn, moeOut }: Choices, target: Target, fewRows = false): KernelProgram {
  const kept = target === "cuda" ? precision(graph) : graph; // what is kept in bf16; ops' rules speak of real numbers, so nothing is verified after it
  const ordered = schedule(fuse(kept, { norm, swiglu, moeIn, moeOut, target, fewRows } as Parameters<typeof fuse>[1]), fewRows); // kernels, then their order
  return fewRows ? askEarly(ordered) : ordered; // last: what stands next to what
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
