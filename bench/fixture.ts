/** `npm run fixture -- DIR [--fuse name=choice …]`: the largest error of each kind against a fixture, in float32 and float64. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MlacError } from "../compiler/diagnostics.js";
import { report } from "../compiler/report.js";
import { bounds, runFixture, violations } from "../runtime/fixture.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fuse: { type: "string", multiple: true, default: [] },
    dtype: { type: "string" },
    threads: { type: "string", default: "0" },
    json: { type: "boolean", default: false },
  },
});
const [directory] = positionals;
if (!directory) {
  process.stderr.write(
    "usage: npm run fixture -- DIR [--dtype f32|f64|bf16] [--fuse name=choice] [--threads N] [--json]\nDIR holds fixture.json and its safetensors files\n",
  );
  process.exit(1);
}
const fuse = Object.fromEntries(values.fuse.map((f) => f.split("=") as [string, string]));
const dtypes = (["f32", "f64", "bf16"] as const).filter((d) => (values.dtype === undefined ? d !== "bf16" : values.dtype === d));
try {
  for (const dtype of dtypes) {
    const out = join(tmpdir(), `mlac-fixture-${process.pid}`);
    const errors = await runFixture(directory, dtype, {
      fuse,
      out,
      threads: Number(values.threads),
      onProgress: (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`),
    });
    const wrong = violations(errors);
    if (wrong.length > 0) process.exitCode = 1;
    if (values.json) process.stdout.write(`${JSON.stringify({ ...errors, ok: wrong.length === 0 })}\n`);
    else {
      const limit = bounds[dtype];
      const row = (name: keyof typeof limit, error: number, where = ""): string =>
        `  ${name.padEnd(9)} ${error.toExponential(1).padStart(8)}  at most ${limit[name].toExponential(0)}${wrong.includes(name) ? "  TOO LARGE" : ""}  ${where}`;
      const { gradient, weight } = errors;
      const rows = [
        row("loss", errors.loss),
        row("balance", errors.balance),
        row("gradNorm", errors.gradNorm),
        row("logits", errors.logits),
        row("gradient", gradient.error, gradient.name),
        row("weight", weight.error, weight.name),
        row("loads", errors.loads),
      ];
      process.stdout.write(`${process.stderr.isTTY ? "\r\x1b[K" : ""}${dtype}\n${rows.map((r) => r.trimEnd()).join("\n")}\n`);
    }
  }
} catch (error) {
  if (!(error instanceof MlacError)) throw error;
  process.stderr.write(`${report(error.diagnostics)}\n`);
  process.exitCode = error.exitCode;
}
