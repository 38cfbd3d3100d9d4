/** What the routings of a model come to at its end: their loads, the one balance loss, the biases that the loads move. */
import type { GraphOutput, Value } from "../ir.js";
import type { ExpertBias } from "../plan.js";
import type { Context } from "./context.js";
import type { ModelState, RouteReport } from "./model.js";

export function reports(c: Context, m: ModelState): { outputs: GraphOutput[]; expertBias: ExpertBias[] } {
  const balance = totalBalance(m);
  const outputs: GraphOutput[] = balance ? [{ is: "balance", name: "balance", value: balance }] : [];
  const expertBias: ExpertBias[] = [];
  const names = loadNames(m.routes);
  m.routes.forEach(({ load, bias }, i) => {
    const name = names[i]!;
    outputs.push({ is: "load", name, value: load });
    if (!bias) return;
    const other = expertBias.find((one) => one.path === bias.path);
    if (other) {
      const { node } = m.rates.get(m.routes[i]!.path)!;
      throw c.error(node, "plan/two-loads", `the router ${m.routes[i]!.path} routes twice, and one bias cannot follow both loads`, {
        help: "give each routing a router of its own",
      });
    }
    expertBias.push({ ...bias, load: name });
  });
  return { outputs, expertBias };
}

/** Named by the stack around it, or by the router where that alone does not tell them apart. */
function loadNames(routes: readonly RouteReport[]): string[] {
  const short = routes.map(({ stack, path }) => stack ?? path);
  const counted = routes.map((route, i) => (short.filter((name) => name === short[i]).length > 1 ? route.path : short[i]!));
  return counted.map((name, i) => {
    const before = counted.slice(0, i).filter((other) => other === name).length;
    return `load.${name}${before === 0 ? "" : before + 1}`;
  });
}

/** The sum over all routings and layers: one more term of the objective. */
function totalBalance(m: ModelState): Value | undefined {
  const { builder } = m;
  const scalar = { dims: [], dtype: "f32" } as const;
  let total: Value | undefined;
  for (const { balance, origin } of m.routes) {
    if (!balance) continue;
    const over = balance.type.dims.map((d) => d.name);
    const sum = over.length === 0 ? balance : builder.op("sumOver", [balance], { over }, [scalar], [origin]).outputs[0]!;
    total = total ? builder.op("add", [total, sum], {}, [scalar], [origin]).outputs[0]! : sum;
  }
  return total;
}
