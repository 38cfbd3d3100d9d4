import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { version } from "../compiler/package.js";

const test = suite("command line");
const cli = fileURLToPath(new URL("../compiler/cli.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mlac-cli-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

function mlac(given: string[], environment: Record<string, string> = {}, cwd = folder): Ran {
  // These tests are about the processor, wherever they run.
  const env = { ...process.env, NO_COLOR: "1", CUDA_VISIBLE_DEVICES: "-1", ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...given], { cwd, env, encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

interface Answer {
  ok: boolean;
  diagnostics?: { slug: string; message: string; help?: string }[];
  [more: string]: unknown;
}

const commands = ["init", "check", "build", "plan", "train", "report", "generate", "inspect", "bench", "data", "verify", "doctor"];

const dataCommands = [
  ["data", "prepare"],
  ["data", "inspect"],
  ["data", "verify"],
];
const inspectCommands = ["kernel", "why", "passes", "memory", "ops", "diff"].map((name) => ["inspect", name]);

test("--help lists the commands, at once, on standard output", () => {
  const started = performance.now();
  const { code, out, err } = mlac(["--help"]);
  assert.ok(performance.now() - started < 1500, "it loads no compiler");
  assert.equal([code, err], [0, ""]);
  for (const command of commands) assert.match(out, new RegExp(`^ {2}${command}\\b`, "m"));
});

test("every command has --help with an example, and --json", () => {
  for (const command of [...commands.map((name) => [name]), ...dataCommands, ...inspectCommands]) {
    const { code, out } = mlac([...command, "--help"]);
    assert.is(code, 0);
    if (command.join() === "data") continue;
    assert.match(out, /^Examples?:\n {2}mlac /m, command.join(" "));
    assert.match(out, "--json");
  }
});

test("the version is package.json's", () => {
  assert.equal(mlac(["--version"]), { code: 0, out: `${version}\n`, err: "" });
});

test("what is misspelt is asked about", () => {
  const command = mlac(["biuld"]);
  assert.equal([command.code, command.out], [1, ""]);
  assert.match(command.err, /error use\/command {2}unknown command 'biuld'\n {2}help {2}did you mean build\?/);
  const option = mlac(["train", "--stpes", "3"]);
  assert.is(option.code, 1);
  assert.match(option.err, "did you mean --steps?");
});

test("wrong values are refused with what would be right", () => {
  const refused: [string[], string][] = [
    [["train", "--steps", "many"], "whole number of at least 1"],
    [["train", "--lr-scale", "-1"], "at least 0"],
    [["build", "--set", "H"], "NAME=VALUE"],
    [["build", "--dtype", "f16"], "f32, f64, bf16"],
    [["build", "--target", "gpu"], "auto, cpu, cuda"],
    [["build", "--target", "cuda", "--dtype", "f64"], "use/dtype"],
    [["build", "--target", "cuda", "--arch", "sm_75"], "use/"],
    [["train", "--target", "cpu", "--arch", "sm_90"], "use/arch"],
    [["generate", "--top-p", "2"], "from 0 to 1"],
    [["build", "one.ts", "two.ts"], "too many arguments"],
  ];
  for (const [given, part] of refused) {
    const { code, err } = mlac(given);
    assert.is(code, 1, given.join(" "));
    assert.match(err, part);
  }
});

test("with --json what is wrong is one JSON document on standard output, too", () => {
  const { code, out, err } = mlac(["check", "none.ts", "--json"]);
  assert.equal([code, err], [1, ""]);
  const answer = JSON.parse(out) as Answer;
  assert.is(answer.ok, false);
  assert.match(answer.diagnostics?.[0]?.slug ?? "", /^use\//);
  assert.is((JSON.parse(mlac(["check", "--jsn", "--json"]).out) as Answer).diagnostics?.[0]?.slug, "use/option");
});

test("init writes a model that check accepts, and writes over nothing", () => {
  const { code, out } = mlac(["init", "mine"]);
  assert.is(code, 0);
  assert.match(out, "mlac train model.ts");
  const place = join(folder, "mine");
  assert.equal(readdirSync(place).sort(), [".gitignore", "model.ts", "package.json", "tsconfig.json"]);
  const checked = mlac(["check", "model.ts", "--json"], {}, place);
  assert.equal(JSON.parse(checked.out), { ok: true, model: "model.ts" });

  writeFileSync(join(place, "model.ts"), "// mine\n");
  const again = mlac(["init", "mine"]);
  assert.is(again.code, 1);
  assert.match(again.err, "model.ts and tsconfig.json are in");
  assert.is(readFileSync(join(place, "model.ts"), "utf8"), "// mine\n");
});

test("init keeps a package.json that is there", () => {
  const place = join(folder, "kept");
  mkdirSync(place);
  writeFileSync(join(place, "package.json"), "{}");
  const { out } = mlac(["init", "--json"], {}, place);
  assert.equal((JSON.parse(out) as Answer)["kept"], ["package.json"]);
  assert.is(readFileSync(join(place, "package.json"), "utf8"), "{}");
});

test("a mistake in a model is shown at its line", () => {
  mlac(["init", "wrong"]);
  const file = join(folder, "wrong", "model.ts");
  const text = readFileSync(file, "utf8");
  assert.match(text, "linearCrossEntropy(");
  writeFileSync(file, text.replaceAll("linearCrossEntropy(", "linearCrossEntorpy("));
  const { code, out, err } = mlac(["check", "wrong/model.ts"]);
  assert.equal([code, out], [1, ""]);
  assert.match(err, /^ {2}wrong\/model\.ts:\d+:\d+$/m);
  assert.match(err, "─");
});

test("plan counts every byte", () => {
  mlac(["init", "planned"]);
  const answer = JSON.parse(mlac(["plan", "planned/model.ts", "--threads", "3", "--json"]).out) as Answer;
  const memory = answer["memory"] as { kinds: Record<string, number>; total: number; scratchPerThread: number };
  assert.is(
    Object.values(memory.kinds).reduce((a, b) => a + b, 0),
    memory.total,
  );
  assert.is(answer["total"], memory.total + 3 * memory.scratchPerThread);
  const { out } = mlac(["plan", "planned/model.ts"]);
  for (const kind of [...Object.keys(memory.kinds), "scratch", "total"]) assert.match(out, kind);
});

test("build --emit prints a stage", () => {
  mlac(["init", "staged"]);
  for (const stage of ["graph", "kernels", "plan"]) {
    const { code, out } = mlac(["build", "staged/model.ts", "--emit", stage]);
    assert.is(code, 0, stage);
    assert.ok(out.length > 200);
  }
  assert.not.ok(existsSync(join(folder, "generated")));
});

test("a missing compiler is exit code 2 and what to install", () => {
  mlac(["init", "uncompiled"]);
  const { code, err } = mlac(["build", "uncompiled/model.ts"], { CXX: "no-such-compiler" });
  assert.is(code, 2);
  assert.match(err, "tool/missing");
  assert.match(err, "apt-get install g++");
});

test("tools of the GPU that are missing or too old are found before anything is written", () => {
  mlac(["init", "for-gpu"]);
  const nvcc = join(folder, "nvcc");
  writeFileSync(nvcc, '#!/bin/sh\necho "Cuda compilation tools, release 11.8, V11.8.89"\n', { mode: 0o755 });
  const old = mlac(["build", "for-gpu/model.ts", "--target", "cuda"], { NVCC: nvcc });
  assert.is(old.code, 2);
  assert.match(old.err, /tool\/old .*11\.8.*needs 12\.4/);
  const missing = mlac(["build", "for-gpu/model.ts", "--target", "cuda"], { NVCC: "no-such-nvcc" });
  assert.match(missing.err, "tool/missing");
  assert.match(missing.err, "developer.nvidia.com");
  const wrong = mlac(["build", "for-gpu/model.ts", "--target", "cuda", "--arch", "sm_75"], { NVCC: nvcc });
  assert.match(wrong.err, "use/arch");
  assert.not.ok(existsSync(join(folder, "generated", "for-gpu")));
});

test("doctor says of the GPU's parts what is missing, and that is no failure", () => {
  const { code, out } = mlac(["doctor", "--json"], { NVCC: "no-such-nvcc" });
  assert.is(code, 0);
  const checks = (JSON.parse(out) as Answer)["checks"] as { name: string; state: string; found: string; remedy?: string }[];
  const states = ["nvcc", "GPU", "driver", "cuBLASLt", "NCCL"].map((name) => checks.find((check) => check.name === name));
  assert.equal([states[0]?.state, states[1]?.state], ["absent", "absent"]);
  assert.match(states[0]?.remedy ?? "", "CUDA toolkit");
  assert.ok(states.every((check) => check !== undefined && check.state !== "missing"));
});

test("doctor looks at what a build needs", () => {
  const { code, out } = mlac(["doctor", "--json"]);
  assert.is(code, 0);
  const checks = (JSON.parse(out) as Answer)["checks"] as { name: string; state: string }[];
  for (const name of ["node", "C++", "OpenMP", "koffi", "memory"])
    assert.is(checks.find((check) => check.name === name)?.state, "ok", name);
  const without = mlac(["doctor"], { CXX: "no-such-compiler" });
  assert.is(without.code, 2);
  assert.match(without.out, /^missing +C\+\+/m);
  assert.match(without.out, "→ install");
});

test("there is no run before the first one", () => {
  for (const given of [
    ["generate", "--prompt", "a"],
    ["train", "--resume"],
  ]) {
    const { code, err } = mlac(given);
    assert.is(code, 1);
    assert.match(err, "there is no run");
  }
  assert.match(mlac(["generate", "runs/none", "--prompt", "a"]).err, "there is no runs/none");
});

/** Few kernels, so that a compiler is soon done with them. */
const smallest = `
import { adamw, block, dims, embedding, gain, linearCrossEntropy, lookup, rmsnorm, type Targets, type Tokens, train } from "mlac";
const sizes = dims({ B: 2, T: 16, V: 256, D: 16 });
const Model = block({ embed: embedding("V -> D"), norm: gain("D"), head: embedding("V -> D") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) =>
  linearCrossEntropy(rmsnorm(lookup(p.embed, tokens), p.norm), p.head, targets));
export default train(Model, {
  sizes, steps: 20,
  optimizer: { embedding: adamw({ lr: 1e-2 }), gain: adamw({ lr: 1e-2 }) },
  data: { train: "data/*_train_*.bin", validation: "data/*_val_*.bin", tokenizer: "byte" },
  sample: { every: 20, prompt: "the", tokens: 8 },
});
`;

test("from text and a model to a trained model that writes", async () => {
  const place = join(folder, "smallest");
  mkdirSync(place);
  writeFileSync(join(place, "model.ts"), smallest);
  for (const name of ["a.txt", "b.txt"]) writeFileSync(join(place, name), `${name} and the lazy dog. `.repeat(50));
  const prepared = mlac(["data", "prepare", "*.txt", "--out", "data", "--tokenizer", "byte", "--validation", "b.txt", "--json"], {}, place);
  assert.is(prepared.code, 0, prepared.err);
  assert.is((JSON.parse(mlac(["data", "verify", "data", "--vocabulary", "256", "--json"], {}, place).out) as Answer).ok, true);

  const trained = mlac(["train", "--run", "runs/one", "--json"], {}, place);
  assert.is(trained.code, 0, trained.err);
  const outcome = JSON.parse(trained.out) as Answer;
  assert.equal([outcome.ok, outcome["step"], outcome["checkpoint"]], [true, 20, join("runs", "one", "checkpoints", "step-000020")]);
  assert.match(trained.err, "step 20/20");
  assert.match(trained.err, /: taking the CPU target$/m);
  assert.match(outcome["sample"] as string, /^the/);

  const started = performance.now();
  assert.is((JSON.parse(mlac(["build", "--json"], {}, place).out) as Answer)["upToDate"], true);
  assert.ok(performance.now() - started < 2000, "what is built already is found without the compiler");

  const made = mlac(["generate", "--prompt", "the", "--temperature", "0", "--max-tokens", "5", "--json"], {}, place);
  assert.is(made.code, 0, made.err);
  const [{ tokens, finish }] = (JSON.parse(made.out) as Answer)["results"] as [{ tokens: unknown[]; finish: string }];
  assert.equal([tokens.length, finish], [5, "length"]);
  writeFileSync(join(place, "prompts.txt"), 'the\n{ "prompt": "lazy", "max_tokens": 2 }\n');
  const several = mlac(["generate", "--prompts", "prompts.txt", "--temperature", "0", "--max-tokens", "5"], {}, place);
  assert.match(several.out, /^── prompts\.txt, line 1\nthe.*\n\n── prompts\.txt, line 2\nlazy/s);
  assert.match(mlac(["generate", "--prompt", "x".repeat(20)], {}, place).err, "has 21 tokens; the context has room for 16");

  const child = spawn(process.execPath, [cli, "train", "--target", "cpu", "--run", "runs/two", "--steps", "1000000"], { cwd: place });
  let shown = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (shown === "") child.kill("SIGINT");
    shown += text;
  });
  const [code] = (await once(child, "close")) as [number];
  assert.is(code, 130);
  assert.match(shown, "SIGINT: saving after this step");
  assert.is(readdirSync(join(place, "runs", "two", "checkpoints")).length, 1);
});

test("mlac's own failure is exit code 70, its stack in a file", () => {
  const url = (name: string): string => JSON.stringify(new URL(`../compiler/${name}`, import.meta.url).href);
  const script = `import { run } from ${url("commands/run.js")};
    await run({ parseAsync() { throw new TypeError("x is not a function"); } }, ["node", "mlac", "build"]);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    env: { ...process.env, TMPDIR: folder, NO_COLOR: "1" },
  });
  assert.equal([status, stdout], [70, ""]);
  assert.match(stderr, "mlac itself failed: x is not a function");
  assert.match(stderr, "mlac's fault");
  assert.not.match(stderr, /^\s+at /m);
  const file = /file (\S+fault\.txt)/.exec(stderr)?.[1] ?? "";
  assert.match(readFileSync(file, "utf8"), "TypeError: x is not a function\n    at ");
});

test.run();
