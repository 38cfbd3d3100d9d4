/** Functions of the language that compute nothing but say what a model is made of and how it is trained. */
import type { ParameterKind } from "../ir.js";
import type { BuiltinCall } from "./builtins.js";
import { type Block, describe, type Known } from "./known.js";
import { Options } from "./options.js";
import { parseShape } from "./parameters.js";

/** weight("D -> H N", { std }) and its like. */
export function declaration(call: BuiltinCall): Known {
  const { c, node, args } = call;
  const kind = call.name as ParameterKind;
  const shape = args[0]?.known;
  if (shape?.is !== "constant" || typeof shape.value !== "string")
    throw c.error(args[0]?.node ?? node, "syntax/shape", `${kind} takes a shape, a text known at compile time`);
  const options = Options.at(c, kind, args, 1, node).only("std");
  const std = options.has("std") ? { std: options.number("std", { min: 0 }) } : {};
  return { is: "declared", kind, ...parseShape(c, args[0]!.node, kind, shape.value), ...std, node, origin: c.origin(node) };
}

/** dims({ … }) names the sizes; where each is needed, it is checked. */
export function dims({ c, node, args }: BuiltinCall): Known {
  const known = args[0]?.known;
  if (known?.is !== "fields") throw c.error(args[0]?.node ?? node, "syntax/argument", "dims takes an object of sizes");
  return known;
}

export function block({ c, node, args }: BuiltinCall): Known {
  const [params, body] = [args[0]?.known, args[1]?.known];
  if (params?.is !== "fields")
    throw c.error(args[0]?.node ?? node, "syntax/argument", `block takes its parameters by name, { q: weight("D -> H N"), … }`);
  if (body?.is !== "closure")
    throw c.error(args[1]?.node ?? node, "syntax/argument", "block takes a function of its parameters and its inputs, (p, x) => …");
  return { is: "block", params, body, origin: c.origin(node) };
}

export function stack({ c, node, args }: BuiltinCall): Known {
  const [count, of] = [args[0]?.known, args[1]?.known];
  if (count?.is !== "constant" || typeof count.value !== "number" || !Number.isSafeInteger(count.value) || count.value < 0)
    throw c.error(
      args[0]?.node ?? node,
      "plan/layers",
      `the number of layers must be a whole number from 0 up; it is ${count ? describe(count) : "missing"}`,
    );
  return {
    is: "stack",
    count: count.value,
    block: blockAt(of, () =>
      c.error(args[1]?.node ?? node, "syntax/argument", `stack takes a block; this is ${of ? describe(of) : "missing"}`),
    ),
  };
}

function blockAt(known: Known | undefined, error: () => Error): Block {
  if (known?.is !== "block") throw error();
  return known;
}

/** muon(…), adamw(…), constant(…), cosine(…), wsd(…): read when the plan is made, where it is known what for. */
export function maker({ c, node, args, name }: BuiltinCall): Known {
  return { is: "maker", name, options: Options.at(c, name, args, 0, node).fields };
}

export function train({ c, node, args }: BuiltinCall): Known {
  const options = args[1]?.known;
  const model = blockAt(args[0]?.known, () => c.error(args[0]?.node ?? node, "syntax/argument", "train takes the model, a block"));
  if (options?.is !== "fields") throw c.error(args[1]?.node ?? node, "syntax/argument", "train takes the plan, an object");
  return { is: "plan", model, options, node };
}
