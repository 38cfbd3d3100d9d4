/** From model.ts to the graph: printed graphs beside their models, the two typings against each other, and everything that is refused. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Diagnostic, MlacError } from "../compiler/diagnostics.js";
import { type Graph, names, type Op } from "../compiler/ir.js";
import { builtins } from "../compiler/lower/builtins.js";
import { type Lowered, type LowerOptions, lower } from "../compiler/lower/index.js";
import { Project } from "../compiler/lower/project.js";
import { sourceText } from "../compiler/lower/source.js";
import { allOps } from "../compiler/passes/rewrite.js";
import { print } from "../compiler/print.js";
import { verify } from "../compiler/verify.js";
import { mistakes } from "./lowerMistakes.js";
import { planMistakes } from "./planMistakes.js";

const test = suite("lower");
const material = "test/lower";
const examples = ["examples/tiny/model.ts", "test/fixture/model.ts"];
const own = ["experts", "nested", "functions"].map((name) => join(material, `${name}.ts`));

/** UPDATE_GOLDEN=1 writes the file instead. */
function golden(file: string, text: string): void {
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(file, text);
  assert.fixture(text, readFileSync(file, "utf8"));
}

function refusal(file: string, options?: LowerOptions): readonly Diagnostic[] {
  try {
    lower(file, options);
  } catch (error) {
    if (error instanceof MlacError && error.exitCode === 1) return error.diagnostics;
    throw error;
  }
  throw new Error(`${file} was not refused`);
}

const lowered = new Map<string, Lowered>();
const lowerOnce = (file: string): Lowered => {
  const known = lowered.get(file) ?? lower(file);
  lowered.set(file, known);
  return known;
};

for (const file of own)
  test(`${file} gives the graph and the plan beside it`, () => {
    const { graph, plan } = lowerOnce(file);
    verify(graph, "lower");
    golden(file.replace(/\.ts$/, ".ir"), print(graph));
    golden(file.replace(/\.ts$/, ".plan"), `${JSON.stringify(plan, undefined, 1)}\n`);
  });

test("printing does not depend on how often something was lowered", () => {
  const file = own[0]!;
  assert.is(print(lower(file).graph), print(lowerOnce(file).graph));
});

for (const file of [...examples, ...own])
  test(`${file}: the rules of the ops and TypeScript agree about every shape`, () => {
    const { graph } = lowerOnce(file);
    verify(graph, "lower");
    const typeOf = typesByPlace(file);
    let compared = 0;
    for (const op of allOps(graph.body)) {
      const inferred = typeOf(op);
      if (inferred === undefined) continue;
      assert.is(names(op.outputs[0]!.type), inferred, `${op.kind} at ${op.origins[0]![0]!.line}`);
      compared++;
    }
    assert.ok(compared >= 10, `${compared} ops compared`);
  });

/** What TypeScript infers for the call that an op came from: "B T D", where it is a tensor of known shape. */
function typesByPlace(file: string): (op: Op) => string | undefined {
  const project = new Project(file);
  const checker = project.program.getTypeChecker();
  const inferred = new Map<string, string>();
  for (const source of project.program.getSourceFiles()) {
    if (!project.isUsers(source) && !project.isBlocks(source)) continue;
    const visit = (node: typeof source | Parameters<Parameters<typeof source.forEachChild>[0]>[0]): void => {
      if ("expression" in node && "arguments" in node) {
        const [, shape] = /^Tensor<"([^"]*)">$/.exec(checker.typeToString(checker.getTypeAtLocation(node))) ?? [];
        if (shape !== undefined) inferred.set(JSON.stringify(project.span(node)), shape);
      }
      node.forEachChild(visit);
    };
    visit(source);
  }
  return (op) => (op.kind === "sumOver" || op.kind === "route" ? undefined : inferred.get(JSON.stringify(op.origins[0]?.[0])));
}

test("a small model is lowered well within 2.5 seconds", () => {
  const start = performance.now();
  lower(examples[0]!);
  assert.ok(performance.now() - start < 2500);
});

test("parameters have paths, stack dimensions, and a state beside the router", () => {
  const { parameters, plan } = lowerOnce(own[0]!);
  const find = (path: string) => parameters.find((p) => p.path === path);
  assert.equal(find("layers.moe.gate"), { ...find("layers.moe.gate")!, kind: "weight", stacked: 1, each: 1, reads: 1 });
  assert.is(names(find("layers.moe.gate")!.type), "layers E D F");
  assert.is(find("layers.moe.routerBias")!.kind, "state");
  assert.equal(plan.expertBias, [{ path: "layers.moe.routerBias", rate: 0.001, load: "load.layers" }]);
  const nested = lowerOnce(own[1]!).parameters.find((p) => p.path === "outer.inner.a")!;
  assert.is(names(nested.type), "outer outer.inner D D");
  assert.is(nested.stacked, 2);
});

test("a graph that breaks a rule is mlac's own fault", () => {
  const broken = (change: (graph: Graph) => void): string => {
    const { graph } = lower(own[2]!);
    change(graph);
    try {
      verify(graph, "test");
    } catch (error) {
      if (error instanceof MlacError && error.exitCode === 70) return error.message;
      throw error;
    }
    return "nothing";
  };
  const swap = (graph: Graph): void => void graph.body.splice(0, 2, graph.body[1]!, graph.body[0]!);
  assert.match(broken(swap), /^after test, in forward: layernorm uses #\d+ x \[B T D\], which is not defined before$/);
  assert.match(
    broken(({ body }) => body.push(body[0]!)),
    /op lookup is there twice$/,
  );
  const wrongType = ({ body }: Graph): void => {
    body[0]!.outputs[0]!.type = { dims: [], dtype: "f32" };
  };
  assert.match(broken(wrongType), /output 0 of lookup is \[\] f32; its rule gives \[B:2 T:8 D:16\] f32$/);
  const wrongGradient = ({ inputs, body, outputs }: Graph): void => {
    const def = inputs[0]!.def;
    if (def.is === "input") outputs.push({ is: "gradient", name: "embed", parameter: def.parameter!, value: body[0]!.outputs[0]! });
  };
  assert.match(broken(wrongGradient), /the gradient of embed \[V D\] is #\d+ x \[B T D\]$/);
});

test("--set replaces constants, sizes and options", () => {
  const file = "test/fixture/model.ts";
  const { graph, sizes, plan } = lower(file, { set: { H: "4", "sizes.T": "16", layers: "1", score: "sigmoid", steps: "7", theta: "5e5" } });
  assert.is(plan.steps, 7);
  assert.is(sizes["H"], 4);
  assert.is(sizes["T"], 16);
  // One layer, which is dense: there are no experts, neither in the graph nor among the parameters.
  assert.not.ok([...allOps(graph.body)].some((op) => op.kind === "route"));
  assert.not.ok(graph.inputs.some((v) => v.name?.startsWith("layers.")));
  assert.ok([...allOps(graph.body)].some((op) => op.kind === "rope" && op.attrs["theta"] === 5e5));
});

test("every function of the language becomes something", () => {
  const declared = readdirSync("dsl")
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => [...readFileSync(join("dsl", name), "utf8").matchAll(/^export declare function (\w+)/gm)].map((m) => m[1]!));
  assert.is(declared.filter((name) => !builtins[name]).join(), "");
});

// ---- what is refused

const folder = mkdtempSync(join(tmpdir(), "mlac-lower-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** The text that a diagnostic's first frame marks. */
function marked(file: string, { frames }: Diagnostic, frame = 0): string {
  const span = frames[frame]?.span;
  if (!span) return "";
  const lines = sourceText(file, span.file)!
    .split("\n")
    .slice(span.line - 1, span.endLine);
  lines[lines.length - 1] = lines.at(-1)!.slice(0, span.endColumn - 1);
  lines[0] = lines[0]!.slice(span.column - 1);
  return lines.join("\n");
}

for (const { what, change, set, slug, says, at } of [...mistakes, ...planMistakes])
  test(`refused: ${what}`, () => {
    let text = readFileSync(own[0]!, "utf8");
    for (const [from, to] of change) {
      assert.is(text.split(from).length, 2, `“${from}” stands once in experts.ts`);
      text = text.replace(from, () => to);
    }
    const file = join(folder, "model.ts");
    writeFileSync(file, text);
    const [first] = refusal(file, set ? { set } : {});
    assert.is(first!.slug, slug, first!.message);
    assert.ok(first!.message.includes(says), first!.message);
    const mark = marked(file, first!);
    if (at === "ROUTE") assert.match(mark, /^route\(/);
    else if (at === "OPTIMIZER") assert.match(mark, /^\{\n +weight: muon/);
    else assert.is(mark, at);
  });

test("a shape mistake in a function shows the calls that led there", () => {
  const file = join(folder, "model.ts");
  const text = readFileSync(own[0]!, "utf8").replace("R: 2", "R: 3");
  writeFileSync(file, text);
  const [first] = refusal(file);
  assert.equal(
    first!.frames.map((_, i) => marked(file, first!, i)),
    ['part(latent, "R")', "3", "f(rmsnorm(x, norm))", "residual(x, p.attnNorm, p.attn)", "layer(x)"],
  );
});

test("a variable of a loop's own may have the name of one outside; one without a value is undefined", () => {
  const file = join(folder, "model.ts");
  const loop = "for (const layer of p.layers) x = layer(x);";
  const other = `let h = 0, early: X | undefined;
    for (const layer of p.layers) { let h = layer(x); h = rmsnorm(h, p.norm); x = h; }
    h += 1;
    if (h > 1) early = x;
    x = early ?? x;`;
  writeFileSync(file, readFileSync(own[0]!, "utf8").replace(loop, other));
  const repeat = lower(file).graph.body.find((op) => op.kind === "repeat")!;
  assert.equal(
    repeat.loop!.carried.map((value) => value.name),
    ["x"],
  );
});

test("files outside of the project and packages are not imported", () => {
  const inside = mkdtempSync(join(folder, "project-"));
  writeFileSync(join(inside, "package.json"), "{}");
  const file = join(inside, "model.ts");
  writeFileSync(join(dirname(inside), "other.ts"), "export const a = 1;");
  writeFileSync(file, 'import { a } from "../other.ts";\nimport { b } from "lodash";\nexport const c = a + b;\n');
  assert.equal(
    refusal(file).map((d) => `${d.frames[0]!.span.line} ${d.slug}`),
    ["1 syntax/import", "2 syntax/import"],
  );
});

test("files that import each other in a circle are refused", () => {
  const file = join(folder, "model.ts");
  writeFileSync(file, 'import { a } from "./second.ts";\nexport const b = 1;\nexport const c = a;\n');
  writeFileSync(join(folder, "second.ts"), 'import { b } from "./model.ts";\nexport const a = b;\n');
  const [first] = refusal(file);
  assert.is(first!.slug, "syntax/import-cycle");
  assert.is(first!.message, "files import each other in a circle: model.ts → second.ts → model.ts");
});

test("a missing file is said to be missing", () => {
  assert.is(refusal(join(folder, "nowhere.ts"))[0]!.slug, "use/file");
});

test.run();
