/** TypeScript's messages about arguments of another kind or shape than the parameter's, and about properties that there are not. */
import { ts } from "ts-morph";
import type { Diagnostic } from "../diagnostics.js";
import { nearest } from "../nearest.js";

type Words = Pick<Diagnostic, "message" | "help">;

/** The language's types, in words. */
const kinds: Readonly<Record<string, string>> = {
  Tensor: "a tensor",
  Tokens: "tokens",
  Targets: "targets",
  Weight: "a weight",
  Router: "a router",
  Embedding: "an embedding",
  Gain: "a gain",
  Bias: "a bias",
  Routing: "a routing",
  Block: "a block",
  Stack: "a stack",
};

/** `linear takes a tensor here; this is a weight "D -> D"`, where the types of both are the language's own. */
export function aboutArgument(checker: ts.TypeChecker, node: ts.Node): Words | undefined {
  const call = node.parent;
  if (!call || !ts.isCallExpression(call)) return undefined;
  const parameter = ts.isExpression(node) ? checker.getContextualType(node) : undefined;
  const wanted = parameter && describe(checker, parameter);
  const type = checker.getTypeAtLocation(node);
  const takes = `${call.expression.getText()} takes ${wanted} here`;
  if (wanted === undefined) return undefined;
  if (type.flags & ts.TypeFlags.Unknown)
    return {
      message: `${takes}; of ${node.getText()} no type is known`,
      help: 'write the type of every input of a block: (p, x: Tensor<"B T D">) => …',
    };
  const given = describe(checker, type);
  if (given === undefined || given === wanted) return undefined;
  return { message: `${takes}; this is ${given}` };
}

/** A kind and a shape, as far as they are known. A block is described by what it gives. */
function describe(checker: ts.TypeChecker, type: ts.Type): string | undefined {
  if (type.getCallSignatures().length > 0) return "a function";
  if (type.flags & ts.TypeFlags.NumberLike) return "a number";
  const name = type.symbol?.name ?? "";
  const kind = kinds[name];
  if (kind === undefined) return undefined;
  const types = checker.getTypeArguments(type as ts.TypeReference);
  if (name === "Block") {
    const result = types[2] && describe(checker, types[2]);
    return result === undefined ? kind : `${kind} that gives ${result}`;
  }
  const [shape] = types;
  if (!shape?.isStringLiteral()) return kind;
  if (shape.value === "") return "a scalar";
  return `${kind} ${/^T/.test(name) ? `[${shape.value}]` : `"${shape.value}"`}`;
}

/** `p has no weight`, in place of the whole type of p. */
export function aboutProperty(checker: ts.TypeChecker, node: ts.Node): Words | undefined {
  const access = node.parent;
  if (!access || !ts.isPropertyAccessExpression(access) || access.name !== node) return undefined;
  const type = checker.getTypeAtLocation(access.expression);
  const kind = kinds[type.symbol?.name ?? ""];
  const message = `${access.expression.getText()} has no ${node.getText()}`;
  if (kind !== undefined) return { message: `${message}: it is ${kind}`, help: "what is computed is a function's: relu(x), add(a, b)" };
  const names = type.getProperties().map((property) => property.name);
  return type.getStringIndexType() || type.flags & ts.TypeFlags.Any || names.length === 0
    ? undefined
    : { message, ...nearest(node.getText(), names) };
}
