/** A model whose names and comments are markup, quotes and escape codes, in two files below a folder of such a name. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./temporary.js";

/** Of the folder in which the model imports from. */
export const hostileName = "<img src=x onerror=alert(1)>";

/** The folder of its model.ts. */
export function hostileModel(): string {
  const folder = join(temporaryFolder(), `it's <b>"bold"</b>`);
  mkdirSync(join(folder, hostileName), { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(
    join(folder, hostileName, "norm.ts"),
    'import { type Gain, rmsnorm, type Tensor } from "mlac";\nexport const $norm = (x: Tensor<"B T D">, gain: Gain<"D">) => rmsnorm(x, gain); // </script><script>alert(1)</script>\u001b[2J\u202e\n',
  );
  writeFileSync(
    join(folder, "model.ts"),
    `import { adamw, block, dims, embedding, gain, linearCrossEntropy, lookup, type Targets, type Tokens, train } from "mlac";
import { $norm } from "./${hostileName}/norm.ts";
const sizes = dims({ B: 2, T: 16, V: 256, D: 16 });
const Model = block({ embed: embedding("V -> D"), script_alert: gain("D"), head: embedding("V -> D") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  const ünder = lookup(p.embed, tokens); // <!-- \u001b]0;title\u0007
  return linearCrossEntropy($norm(ünder, p.script_alert), p.head, targets);
});
export default train(Model, { sizes, steps: 2, data: { train: "<script>alert(1)</script>.bin", tokenizer: "byte" }, optimizer: { embedding: adamw({ lr: 1e-2 }), gain: adamw({ lr: 1e-2 }) } });
`,
  );
  return folder;
}
